"""A finished run is kept: params.yaml, dvc.lock and the code, as a DVC experiment of its name.

An experiment is a commit on top of HEAD under `refs/exps`. `dvc exp save` makes one too, but by way
of the working tree: it stashes what the user is writing, unstages the index, commits every stage
again and takes seconds. Here git writes such a commit from an index of its own; a process that dies
halfway leaves objects that nothing names.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flows.git import git, line
from flows.repro.experiments import name_taken, reference, run_names
from schemas.errors import WinnowError

RUN_FILES: Final = ("params.yaml", "dvc.lock")  # what a run is, beside the code
CODE: Final = ("schemas", "tasks", "flows")
NOBODY: Final = {  # signs where git knows no name
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "winnow"), ("EMAIL", "winnow@localhost"))
}
NAME_CHARS: Final = 100


@dataclass(frozen=True)
class Recorded:
    """A run as it was kept: its name, and its commit in git."""

    name: str
    commit: str


def keep(wanted: str, tell: Callable[[str], None]) -> Recorded | None:
    """Record a finished run and tell its name; where that is impossible, tell why: no failure."""
    try:
        kept = record(wanted)
    except WinnowError as error:
        tell(str(error))
        return None
    tell(f"kept as run {kept.name}: `winnow checkout {kept.name}` brings it back")
    return kept


def record(wanted: str) -> Recorded:
    """Keep the checkout as it is under a name like `wanted` that no other run has.

    Holds what git tracks, uncommitted changes included, the settings, dvc.lock, and untracked files
    of the code; of .dvc, where credentials may lie, only what is committed. Branch, index and files
    stay as they are. Raises `WinnowError` where there is no commit to build on.
    """
    head = line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not head:
        raise WinnowError(
            "the run is not kept under its name: git has no commit here to put it on",
            remedy="`git add -A && git commit`, then run again",
        )
    tree = snapshot()
    taken = set(run_names())
    while True:
        name = free_name(wanted, taken)
        commit = _commit(tree, head, name)
        try:  # the zeros say: only if there is none; another process may have just made it
            git("update-ref", reference(head, name), commit, "0" * len(head))
        except WinnowError:
            if not name_taken(head, name):
                raise
            taken.add(name)
        else:
            return Recorded(name, commit)


def snapshot() -> str:
    """Write the checkout's content to git as a tree, by way of a copy of the index."""
    with tempfile.TemporaryDirectory(prefix="winnow-index-") as folder:
        index = Path(folder) / "index"
        own = Path(line("rev-parse", "--git-path", "index"))
        if own.exists():
            shutil.copy2(own, index)  # its time says which files git must read to know a change
        into = {"GIT_INDEX_FILE": str(index)}
        git("add", "--update", "--", ".", ":(exclude).dvc", environment=into)
        code = [name for name in CODE if Path(name).is_dir()]
        if code:
            git("add", "--", *code, environment=into)
        present = [name for name in (*RUN_FILES, "dvc.yaml") if Path(name).exists()]
        git("add", "--force", "--", *present, environment=into)
        return git("write-tree", environment=into).decode().strip()


def _commit(tree: str, head: str, name: str) -> str:
    unknown = not (line("var", "GIT_AUTHOR_IDENT") and line("var", "GIT_COMMITTER_IDENT"))
    message = ("-p", head, "-m", f"winnow: run {name}")
    made = git("commit-tree", tree, *message, environment=NOBODY if unknown else None)
    return made.decode().strip()


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Turn a text into a name that git and DVC allow and that is not taken; numbered if need be."""
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "-", wanted.replace("%", "pct"))
    clean = re.sub(r"\.{2,}", ".", clean)[:NAME_CHARS].strip("-.").removesuffix(".lock") or "run"
    name, number = clean, 1
    while name in taken:
        number += 1
        name = f"{clean}-{number}"
    return name
