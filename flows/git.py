"""Git by its plumbing: nothing here touches the working tree, the index or a branch."""

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from schemas.errors import WinnowError

COMMITS_AT_ONCE: Final = 500  # on one command line


def git(
    *arguments: str, given: bytes | None = None, environment: Mapping[str, str] | None = None
) -> bytes:
    """What a git command prints; raises `WinnowError` with git's own words if it fails."""
    done = _run(arguments, given, environment)
    if done.returncode:
        raise WinnowError(
            f"git {arguments[0]} failed", where=done.stderr.decode("utf-8", "replace").strip()
        )
    return done.stdout


def line(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """The one line that a git command prints, or an empty text if it fails."""
    done = _run(arguments, None, environment)
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def _run(
    arguments: Iterable[str], given: bytes | None, environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments],
            input=given or b"",
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(environment or {})},
            check=False,
        )
    except FileNotFoundError:
        raise WinnowError(
            "git is not installed", remedy="install it with: sudo apt-get install git"
        ) from None


def blobs(names: Iterable[str]) -> list[str]:
    """Ids of objects named like `REV:./params.yaml`; an empty text for one that does not exist."""
    wanted = "".join(f"{name}\n" for name in names)
    found = git("cat-file", "--batch-check=%(objectname)", given=wanted.encode()).decode()
    return ["" if said.endswith(" missing") else said for said in found.splitlines()]


def blobs_here(paths: Iterable[str]) -> list[str]:
    """Ids that files of the working tree would have in git; an empty text for a missing file."""
    return [line("hash-object", "--", path) if Path(path).is_file() else "" for path in paths]


def grep(words: Iterable[str], commits: Sequence[str], paths: Sequence[str]) -> list[str]:
    """`COMMIT:PATH` of files of some commits that hold one of the words, as whole words.

    The words reach git by its standard input, so that no list of processes shows them.
    """
    patterns = "".join(f"{word}\n" for word in words).encode()
    found: list[str] = []
    for start in range(0, len(commits), COMMITS_AT_ONCE):
        part = commits[start : start + COMMITS_AT_ONCE]
        asked = ("grep", "-l", "-w", "-F", "-f", "-", *part, "--", *paths)
        done = _run(asked, patterns, None)
        if done.returncode > 1:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise WinnowError("git grep failed", where=said)
        found += done.stdout.decode("utf-8", "replace").splitlines()
    return found
