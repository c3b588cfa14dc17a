"""Bytes that change by themselves: in an artifact, in DVC's cache, in the embedding cache."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from flows.repro import lock_entries
from tests.faults.ground import DVC, FLOW, Ground
from tests.faults.kills import prepared, settled
from tests.faults.outcome import Trial

NOTICED: Final = ("not what its stage wrote", "was damaged", "were damaged", "damaged, remove")


def truncate(path: Path, chance: random.Random) -> str:
    """Cut a file off somewhere."""
    size = chance.randrange(path.stat().st_size)
    _write(path, path.read_bytes()[:size])
    return f"{path.name} cut to {size:,} bytes"


def flip(path: Path, chance: random.Random) -> str:
    """Change one bit of a file, as a disk does it: its time and mode stay."""
    data = bytearray(path.read_bytes())
    place, bit = chance.randrange(len(data)), chance.randrange(8)
    data[place] ^= 1 << bit
    _write(path, data)
    return f"bit {bit} of byte {place:,} of {path.name}"


def _write(path: Path, content: bytes | bytearray) -> None:
    before = path.stat()
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def finished(ground: Ground) -> None:
    """Have all artifacts of this state there, as an undisturbed run leaves them."""
    if ground.differing():
        ran = ground.run(*DVC)
        if ran.status or ground.differing():
            raise RuntimeError(f"no good state to damage: {ran.said[-2000:]}")


def artifact(change: Callable[[Path, random.Random], str]) -> Callable[..., Iterator[Trial]]:
    """Damage one artifact after the other; the next run mends it."""

    def trials(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
        finished(ground)
        outs = [out for out in lock_entries(ground.root / "dvc.lock") if out.size]
        for out in chance.sample(outs, min(times, len(outs))):
            what = change(ground.root / out.path, chance)
            yield _noticed(ground, what)

    return trials


def _noticed(ground: Ground, what: str) -> Trial:
    trial = settled(ground, what, "the next run", FLOW)
    found = any(words in ground.last_said for words in NOTICED)
    return Trial(what, trial.ended, trial.problem, trial.rows_lost, detected=found)


def dvc_cache(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Flip a bit in DVC's copy of an artifact which is then restored from there."""
    for _ in range(times):
        finished(ground)
        outs = [out for out in lock_entries(ground.root / "dvc.lock") if out.size]
        out = chance.choice(outs)
        what = flip(ground.root / ".dvc/cache/files/md5" / out.md5[:2] / out.md5[2:], chance)
        (ground.root / out.path).unlink()
        yield _noticed(ground, f"{out.path}, {what}")


def embedding_cache(ground: Ground, chance: random.Random, times: int) -> Iterator[Trial]:
    """Flip a bit in the files of the embedding cache: no altered vector goes into the artifacts.

    A bit in the data is noticed by its checksum; one in Lance's own books may be noticed by Lance
    alone, or mean nothing. Where Lance cannot read its files the error says to remove the folder.
    """
    for time_ in range(times):
        prepared(ground, 1)
        store = ground.root / "artifacts" / "lancedb"
        files = [path for path in sorted(store.glob("embeddings_*/**/*")) if path.is_file()]
        data = [path for path in files if path.suffix == ".lance"]
        path = chance.choice(data if data and time_ % 2 == 0 else files)
        what = flip(path, chance)
        ran = ground.run(*DVC)
        refused = bool(ran.status)
        named = "remove that folder" in ran.said and "Traceback" not in ran.said
        if refused and not named:
            yield Trial(what, "refused", f"the cause is not named: {ran.said[-600:]}")
        if refused:
            shutil.rmtree(store)
        trial = settled(ground, what, "refused" if refused else "went on", DVC)
        noticed = refused or any(words in ran.said for words in NOTICED)
        harmless = not refused and not trial.problem and not noticed
        yield Trial(what, trial.ended + (" (no vector touched)" if harmless else ""),
                    trial.problem, trial.rows_lost, None if harmless else noticed)  # fmt: skip
