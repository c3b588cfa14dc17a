"""`make fuzz`: the corpus, mutated, against every reader, until time or count is up.

A case is a function of its seed alone. It fails if anything but records, `SourceError` or a
refusal comes out, if rows are out of order, or if it takes more than `MOST_SECONDS` or
`MOST_MEGABYTES` more than the process held. A failing case is written to a file and its seed
printed: `python -m tests.hostile.fuzz --seed N --count 1` repeats it.
"""

import argparse
import faulthandler
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from schemas.errors import SourceError
from schemas.manifest import file_digest
from schemas.params import IngestParams
from tasks.readers import read_records
from tasks.readers.fields import Mapping
from tasks.readers.files import OpenedFile, SourceFile
from tasks.readers.records import Refused
from tasks.storage.places import Places
from tests.hostile.files import DEAR, GROUPS, LINES
from tests.hostile.records import NAMED

KINDS = [
    (kind, packing) for kind in ("jsonl", "csv", "tsv", "parquet") for packing in ("", "gz", "zst")
]
LIMIT_BYTES, LARGEST_CASE = 2**16, 2**17
MOST_SECONDS, MOST_MEGABYTES = 20, 512
TOKENS = [b'"', b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r", b"\0", b"\\", b"\\u", b"\xff",
          b"\xef\xbb\xbf", b"\xed\xa0\x80", b"null", b"NaN", b"1e999", b"-", b"9" * 40, b'""',
          b"text", b"id", b"PAR1", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x1b[2J",
          "\u202e\u0301".encode()]  # fmt: skip


class FailedError(Exception):
    """A case broke a rule."""


@cache
def corpus() -> list[bytes]:
    """Hostile and sound files and lines to start from; the dear ones and the long left out."""
    files = [file.content() for files in GROUPS.values() for file in files if file.name not in DEAR]
    lines = [line.raw for line in NAMED]
    return [LINES, *(part for part in [*files, *lines] if len(part) <= LARGEST_CASE)]


def flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8) if content else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def splice(content: bytes, chance: random.Random) -> bytes:
    other = chance.choice(corpus())
    start, end = sorted(chance.randint(0, len(other)) for _ in range(2))
    place = chance.randint(0, len(content))
    return (content[:place] + other[start:end] + content[place:])[:LARGEST_CASE]


def truncate(content: bytes, chance: random.Random) -> bytes:
    start = chance.choice((0, 0, 0, chance.randint(0, len(content))))
    return content[start : chance.randint(start, len(content))]


def swap_token(content: bytes, chance: random.Random) -> bytes:
    token, other = chance.choice(TOKENS), chance.choice(TOKENS)
    if token in content and chance.random() < 0.5:
        return content.replace(token, other, chance.randint(1, 3))
    place = chance.randint(0, len(content))
    return content[:place] + token * chance.choice((1, 1, 2, 99)) + content[place:]


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [flip, splice, truncate, swap_token]


def made(seed: int) -> bytes:
    """The content of one case."""
    chance = random.Random(seed)
    content = chance.choice(corpus())
    for _ in range(chance.randint(0, 4)):
        content = chance.choice(MUTATIONS)(content, chance)
    return content


def read(content: bytes, kind: str, packing: str, folder: Path) -> int:
    """Read one case as one kind of file, as `ingest` does; returns the records.

    Raises `FailedError` where a record breaks what readers promise; other errors pass through.
    """
    path = folder / f"case.{kind}{'.' * bool(packing)}{packing}"
    path.write_bytes(content)
    source = SourceFile(path.name, kind, packing, len(content), file_digest(path))
    mapping, rows = Mapping(IngestParams(id_key="id")), 0
    with OpenedFile(Places(folder), source) as opened:
        for record in read_records(opened, LIMIT_BYTES, folder / "scratch"):
            rows += 1
            if record.row not in (0, rows):
                raise FailedError(f"row {record.row} in place {rows}")
            try:
                if not record.fault:
                    mapping.document(record.value or {}, "stem").text.encode()
            except Refused as refusal:
                told = refusal.fault.found
                if not told.isprintable() or len(told) > 200:
                    raise FailedError(f"told of a refusal: {told!r}") from None
        opened.confirm()
    return rows


@contextmanager
def watched(seconds: int, megabytes: int) -> Iterator[None]:
    """Stop what takes too long or too much memory with an error; kill what no signal can stop."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    previous = signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (held + megabytes * 2**20, before[1]))
    signal.alarm(seconds)
    faulthandler.dump_traceback_later(3 * seconds, exit=True)  # stuck in a library, in C
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
        resource.setrlimit(resource.RLIMIT_AS, before)


def failure(seed: int, folder: Path, note: Path | None = None) -> str:
    """What is wrong with a case, or an empty string.

    `note` holds the case under way, for one that takes the whole process with it.
    """
    content = made(seed)
    for kind, packing in KINDS:
        if note:
            note.write_text(f"seed {seed} as {kind} {packing}\n")
        try:
            with watched(MOST_SECONDS, MOST_MEGABYTES):
                read(content, kind, packing, folder)
        except SourceError:
            continue
        except Exception:
            return f"seed {seed} as {kind} {packing}:\n{traceback.format_exc()}"
    return ""


def fuzz(seed: int, seconds: float, count: int, failures: Path) -> tuple[int, int]:
    """Try seeds from `seed` on; returns the numbers of cases tried and of those that failed."""
    tried = failed = 0
    end = time.monotonic() + seconds
    failures.mkdir(parents=True, exist_ok=True)
    note = failures / "under-way.txt"
    with tempfile.TemporaryDirectory() as folder:
        while (not count or tried < count) and (not seconds or time.monotonic() < end):
            case = seed + tried
            tried += 1
            if found := failure(case, Path(folder), note):
                failed += 1
                (failures / f"seed-{case}.bin").write_bytes(made(case))
                print(f"{found}written to {failures}/seed-{case}.bin", flush=True)
    note.unlink(missing_ok=True)
    return tried, failed


def main() -> None:
    """Exit status 1 if a case failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="0: as long as --count takes")
    parser.add_argument("--count", type=int, default=0, help="cases to try; 0: until time is up")
    parser.add_argument("--seed", type=int, default=0, help="the first case")
    parser.add_argument("--failures", type=Path, default=Path("artifacts/fuzz"))
    asked = parser.parse_args()
    seconds = 0 if asked.count else asked.seconds
    tried, failed = fuzz(asked.seed * 10**6 if not asked.count else asked.seed, seconds,
                         asked.count, asked.failures)  # fmt: skip
    print(f"{tried} cases against {len(KINDS)} readers, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
