"""A disk that fills up while a stage writes: artifacts/ and DVC's cache on a small tmpfs."""

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks import PIPELINE
from tests.faults.ground import DVC, Ground
from tests.faults.kills import last_words, prepared, settled
from tests.faults.outcome import Trial

SIZE_MB: Final = 96
WORDS: Final = ("no space left", "disk is full", "disk quota")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a folder's content on a tmpfs of `SIZE_MB` while the block runs; needs root."""
    moved = folder.with_name(f"{folder.name}-on-the-large-disk")
    folder.mkdir(exist_ok=True)
    folder.rename(moved)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        shutil.copytree(moved, folder, dirs_exist_ok=True, symlinks=True)
        yield
    finally:
        shutil.rmtree(moved)
        shutil.copytree(folder, moved, symlinks=True)
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        moved.rename(folder)


@contextmanager
def filled(folder: Path, left_bytes: int) -> Iterator[None]:
    """Leave so many bytes free on the disk of a folder while the block runs."""
    ballast = folder / ".ballast"
    free = os.statvfs(folder)
    size = free.f_bavail * free.f_frsize - left_bytes
    with ballast.open("wb") as file:
        while size > 0:
            size -= file.write(b"\0" * min(size, 2**20))
    try:
        yield
    finally:
        ballast.unlink()


def full(ground: Ground, chance: random.Random, rounds: int) -> Iterator[Trial]:
    """Have each stage in turn meet a disk with hardly any space, then give it space."""
    if os.geteuid() or not shutil.which("mount"):
        yield Trial("not tried", "a tmpfs needs root")
        return
    for round_ in range(rounds):
        for place in ("artifacts", ".dvc/cache"):
            prepared(ground, round_)
            yield from _stage_by_stage(ground, chance, place)


def _stage_by_stage(ground: Ground, chance: random.Random, place: str) -> Iterator[Trial]:
    with small_disk(ground.root / place):
        for stage in PIPELINE:
            left = chance.choice([0, 4096, 20_000])
            with filled(ground.root / place, left):
                ran = ground.run(*DVC, "--single-item", stage)
            what = f"{stage}, {left:,} bytes left in {place}"
            if not ran.status:  # what it writes fits
                yield Trial(what, "went through")
                continue
            named = any(words in ran.said.lower() for words in WORDS)
            traced = "Traceback" in ran.said
            problem = "" if named and not traced else f"the cause is not named: {last_words(ran)}"
            again = ground.run(*DVC, "--single-item", stage)
            problem = problem or (last_words(again) if again.status else "")
            yield Trial(what, "refused", problem, detected=named)
    yield settled(ground, f"{place} with space again", "all stages", DVC)
