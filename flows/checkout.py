"""`winnow checkout RUN`: a kept run's settings, dvc.lock and artifacts, back in the workspace."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from flows import repro
from flows.git import blobs, blobs_here, git
from flows.lock import run_lock
from flows.record import CODE, RUN_FILES, snapshot
from flows.repro import outputs
from flows.repro.damage import discard_cached
from flows.repro.experiments import Kept, kept_runs
from flows.takedowns import taken_objects
from schemas.errors import SettingsError, WinnowError
from tasks.stage import Paths

COMMIT_CHARS: Final = 7  # the least of a commit's id that stands for it
SHOWN: Final = 5


@dataclass(frozen=True)
class BroughtBack:
    """What `checkout` did: artifacts restored, those fetched for it, and how the code compares.

    `differing_code` are files unlike the run's; `stale` the stages DVC would run again for it.
    """

    run: str
    commit: str
    artifacts: int
    fetched: int
    differing_code: list[str]
    stale: list[str]


def checkout(wanted: str, force: bool, as_json: bool) -> str:
    """Bring a run back, and tell it in words or as JSON.

    Raises `WinnowError` where settings, dvc.lock or artifacts here are kept nowhere else (unless
    `force`), or artifacts of the run cannot be had; the workspace is then as it was.
    """
    with run_lock(f"winnow checkout {wanted}"):
        repro.ensure_free(Paths().params)
        found = bring_back(find(wanted, kept_runs()), force)
    return json.dumps(asdict(found), indent=2) if as_json else _words(found)


def find(wanted: str, runs: Sequence[Kept]) -> Kept:
    """The run of that name, or of that (abbreviated) commit; raises `SettingsError` if not one."""
    found = [run for run in runs if run.name == wanted]
    if len(wanted) >= COMMIT_CHARS:
        found = found or [run for run in runs if run.commit.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{len(found)} runs are called {wanted!r}",
            expected="one of the commits " + ", ".join(run.commit[:12] for run in found),
        )
    near = difflib.get_close_matches(wanted, [run.name for run in runs], n=3, cutoff=0.4)
    raise SettingsError(
        f"no run is called {wanted!r}",
        expected=f"for instance {', '.join(near)}" if near else "",
        remedy="`winnow runs` lists them; `dvc exp pull origin -A` brings those of other clones",
    )


def bring_back(run: Kept, force: bool) -> BroughtBack:
    """Fetch what is missing, then write params.yaml and dvc.lock and restore the artifacts."""
    if not force:
        ensure_kept()
    wanted = {name: git("cat-file", "--filters", f"{run.commit}:./{name}") for name in RUN_FILES}
    outs = repro.parse_lock(wanted["dvc.lock"].decode("utf-8"))
    discard_cached(outs)  # a damaged copy counts as missing
    missing = outputs.not_cached(outs)
    ensure_not_taken(run.name, missing)
    if missing:
        outputs.fetch(missing)
    put_back(wanted)
    stale = repro.stale_stages()
    return BroughtBack(run.name, run.commit, len(outs), len(missing), _differing(run), stale)


def ensure_not_taken(run: str, missing: Sequence[repro.LockedOut]) -> None:
    """Raise `WinnowError` if a takedown removed files of the run: a remote may still have them."""
    taken = taken_objects()
    gone = [out for out in missing if out.md5 in taken]
    if gone:
        raise WinnowError(
            f"{len(gone)} artifacts of run {run} held a row that was taken down: they are gone",
            where=", ".join(sorted({taken[out.md5] for out in gone})),
            remedy="the run cannot be brought back; its settings can: "
            "`git show COMMIT:params.yaml`, with the commit that `winnow runs` shows",
        )


def ensure_kept() -> None:
    """Raise `WinnowError` if settings, dvc.lock or an artifact here would be lost."""
    known = blobs(f"{commit}:./{name}" for commit in _commits() for name in RUN_FILES)
    lost = [
        name
        for name, blob in zip(RUN_FILES, blobs_here(RUN_FILES), strict=True)
        if blob and blob not in known
    ]
    lost += outputs.unsaved()
    if lost:
        raise WinnowError(
            "the workspace holds what neither git nor a kept run holds",
            where=", ".join(lost),
            remedy="`winnow run` finishes and keeps it, `git commit` keeps it, --force drops it",
        )


def _commits() -> list[str]:
    return ["HEAD", *(run.commit for run in kept_runs())]


def put_back(wanted: dict[str, bytes]) -> None:
    """Write the files and restore the outputs; if that fails, put back what was there."""
    before = {name: Path(name).read_bytes() for name in wanted if Path(name).exists()}
    try:
        _write(wanted)
        outputs.restore()
    except BaseException:
        _write(before)
        outputs.restore()
        raise


def _write(files: dict[str, bytes]) -> None:
    from tasks.storage.rows import replacing

    for name, content in files.items():
        with replacing(Path(name)) as temporary:
            temporary.write_bytes(content)


def _differing(run: Kept) -> list[str]:
    """Files of the code and the pipeline that are here unlike they were in the run."""
    asked = ("diff-tree", "-r", "-z", "--name-only", "--relative", run.commit, snapshot())
    return [name for name in git(*asked, "--", *CODE, "dvc.yaml").decode().split("\0") if name]


def _words(found: BroughtBack) -> str:
    fetched = f", {found.fetched} of them fetched from the remote" if found.fetched else ""
    lines = [
        f"run {found.run} is back: params.yaml, dvc.lock, {found.artifacts} artifacts{fetched}"
    ]
    files = found.differing_code
    if not files:
        return "\n".join([*lines, "the code here is the run's"])
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    lines.append(f"the code here is not the run's: {', '.join(files[:SHOWN])}{more} differ")
    if not found.stale:
        return "\n".join([*lines, "no stage depends on the difference: DVC finds nothing changed"])
    return "\n".join([
        *lines,
        f"DVC would run again: {', '.join(found.stale)}",
        f"to rebuild it with its own code: git worktree add ../{found.run} {found.commit[:12]}, "
        "then there `make setup` and `dvc repro`",
    ])  # fmt: skip
