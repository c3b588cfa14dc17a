"""`winnow gc` on real runs: what it frees, and that nothing a run needs is among it."""

import json
import os
import time
from pathlib import Path

import pytest

from flows.checkout import checkout
from flows.collecting import collect
from flows.repro.experiments import run_names
from schemas.errors import BusyError
from tests.flows.small_runs import OUTS, make_checkout

ROWS = [{"id": f"row-{n:03}", "text": f"Text number {n} of its own."} for n in range(30)]
NAMES = ("one", "two", "three", "four")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Four kept runs of other rows each, the oldest promoted; their bytes by run."""
    with pytest.MonkeyPatch.context() as patch:
        made = make_checkout(tmp_path_factory.mktemp("gc"), patch, ROWS)
        contents = {}
        for seed, name in enumerate(NAMES):
            patch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{seed + 1}T00:00:00Z")
            own = [{"id": "own", "text": f"Only run {name} has it."}]
            made.rows(ROWS[seed : 20 + 3 * seed] + own)
            made.finish(name, seed)
            contents[name] = here()
        (made.root / "promoted/one").mkdir(parents=True)
        (made.root / "promoted/current").symlink_to("one")
        Path("artifacts/lancedb/rows.lance/data/lost.lance").write_bytes(b"x" * 5000)
        yield made, contents


def here() -> dict[str, bytes]:
    return {name: Path("artifacts", name).read_bytes() for name in OUTS}


def parts(told: str) -> dict[str, tuple[int, int]]:
    return {part["what"]: (part["count"], part["bytes"]) for part in json.loads(told)["parts"]}


def size(folder: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def test_nothing_goes_while_every_run_is_kept_but_what_no_run_has(runs):
    told = parts(collect(True, None, False, 60, True))
    assert told["runs beyond --keep-runs"] == (0, 0)
    assert told["objects of DVC's cache"] == (0, 0)
    assert told["old versions in LanceDB"][0] == 4, "of the embedding cache, which has no tags"
    assert told["orphaned files of LanceDB"] == (0, 0), "too young"


def test_kept_and_promoted_runs_come_back_byte_for_byte_after_what_was_told_is_gone(runs):
    _, contents = runs
    cache, store = size(".dvc/cache/files"), size("artifacts/lancedb")
    dry = collect(True, 2, True, 0, True)
    assert (size(".dvc/cache/files"), size("artifacts/lancedb")) == (cache, store)
    assert sorted(run_names()) == sorted(NAMES)
    told = parts(collect(False, 2, True, 0, True))
    assert told == parts(dry)
    assert sorted(run_names()) == ["four", "one", "three"], "the promoted one is old and stays"
    assert told["objects of DVC's cache"][0] >= 5
    assert cache - size(".dvc/cache/files") == told["objects of DVC's cache"][1]
    assert told["orphaned files of LanceDB"] == (1, 5000)
    assert told["vectors no run has"] == (1, 32), "run two's own row"
    freed = store - size("artifacts/lancedb")
    assert freed >= told["old versions in LanceDB"][1] + 5000
    for name in ("one", "three", "four", "one"):
        checkout(name, True, False)
        assert here() == contents[name]
    assert parts(collect(True, 2, True, 0, True))["objects of DVC's cache"] == (0, 0)


def test_it_refuses_while_a_run_is_on_and_says_whose(runs):
    from flows.lock import run_lock

    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # another process, as the lock is free to its holder
        with run_lock("winnow run"):
            os.write(writer, b"x")
            time.sleep(30)
        os._exit(0)
    os.read(reader, 1)
    try:
        with pytest.raises(BusyError, match="winnow run"):
            collect(True, None, False, 60, False)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
