"""`winnow verify`: the pipeline again, in a clean copy and without caches, byte for byte."""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from flows import repro
from flows.console import columns
from flows.copying import copy_checkout
from flows.repro import damage
from schemas.errors import WinnowError
from schemas.manifest import Manifest
from tasks import PIPELINE
from tasks.stage import Paths, manifest_path


@dataclass(frozen=True)
class Compared:
    """One output: its digest here and in the copy; `result` is equal, differs or missing."""

    stage: str
    path: str
    here: str
    again: str

    @property
    def result(self) -> str:
        """How the two digests compare."""
        if not (self.here and self.again):
            return "missing"
        return "equal" if self.here == self.again else "differs"


def verify(as_json: bool) -> tuple[str, bool]:
    """Compare every output of dvc.lock with a run in a clean copy: the table, and are all equal.

    Raises `WinnowError` if this checkout's own outputs are not up to date, or the search was
    stopped by its time limit: nothing to compare.
    """
    stale = [stage for stage in PIPELINE[1:] if not repro.is_unchanged(stage)]
    if stale:
        raise WinnowError(
            f"not up to date here: {', '.join(stale)}",
            expected="outputs that belong to the settings, code and sources as they are",
            remedy="run `winnow run` or `dvc repro` first",
        )
    damage.ensure_whole()
    ensure_ended(Paths())
    here = repro.lock_entries()
    with tempfile.TemporaryDirectory(prefix="winnow-verify-") as folder:
        print(f"running every stage again in {folder}", file=sys.stderr, flush=True)
        copy = copy_checkout(Path.cwd(), Path(folder))
        repro.reproduce_afresh(copy, lambda line: print(line, file=sys.stderr, flush=True))
        again = repro.lock_entries(copy / repro.LOCK_FILE)
    found = compare(here, again)
    equal = all(one.result == "equal" for one in found)
    return (_data(found, equal) if as_json else _words(found, equal)), equal


def ensure_ended(paths: Paths) -> None:
    """Raise `WinnowError` if the search was stopped early: another run may stop elsewhere."""
    if stopped := Manifest.read(manifest_path(paths, "choose")).facts["totals"].get("stopped"):
        raise WinnowError(
            f"the search of this run was stopped by its {stopped}",
            expected="a search that ended by itself: how far another comes depends on the machine",
            remedy="run `winnow run --time-limit 0` first; it goes on from there",
        )


def compare(here: list[repro.LockedOut], again: list[repro.LockedOut]) -> list[Compared]:
    """Every output of either run with both digests, in the order of the lock files."""
    stages = {out.path: out.stage for out in [*here, *again]}
    left = {out.path: out.md5 for out in here}
    right = {out.path: out.md5 for out in again}
    return [
        Compared(stages[path], path, left.get(path, ""), right.get(path, "")) for path in stages
    ]


def _data(found: list[Compared], equal: bool) -> str:
    artifacts = [{**asdict(one), "result": one.result} for one in found]
    return json.dumps({"equal": equal, "artifacts": artifacts}, indent=2)


def _words(found: list[Compared], equal: bool) -> str:
    lines = [("result", "stage", "path", "here", "again")]
    lines += [(one.result, one.stage, one.path, one.here[:12], one.again[:12]) for one in found]
    differing = sum(one.result != "equal" for one in found)
    verdict = "every output is equal" if equal else f"{differing} of {len(found)} outputs differ"
    return f"{columns(lines)}\n{verdict}"
