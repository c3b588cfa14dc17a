"""A source folder that lives: rows arrive, are edited and are deleted, night by night, seeded."""

import gzip
import json
import random
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

DEMO: Final = Path("data/demo/open_docs.jsonl.gz")
FIRST_SHARE: Final = 0.6  # of the rows that are there on the first night; the others arrive later
Row = dict[str, Any]


def read_demo(path: Path = DEMO) -> list[Row]:
    """The shipped corpus as rows of id, source and text."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [{key: row[key] for key in ("id", "source", "text")} for row in found]


def read_parquet(path: Path) -> list[Row]:
    """Rows of a Parquet file with a column text, or instruction, input and output."""
    table = pl.read_parquet(path)
    parts = [name for name in ("instruction", "input", "output") if name in table.columns]
    text = pl.col("text") if "text" in table.columns else pl.concat_str(parts, separator="\n\n")
    return table.select(
        pl.format("row-{}", pl.int_range(pl.len())).alias("id"),
        pl.lit(path.stem).alias("source"),
        text.alias("text"),
    ).to_dicts()


@dataclass
class Night:
    """What a night changed: numbers of rows, and of contents that no night before had."""

    arrived: int = 0
    edited: int = 0
    deleted: int = 0
    new_contents: int = 0


@dataclass
class Sources:
    """The rows of a folder by file, those still to come, and all contents there ever were."""

    folder: Path
    rows: list[Row]
    seed: int
    files: dict[str, list[Row]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.waiting = self.rows.copy()
        self.random.shuffle(self.waiting)

    def first_night(self) -> Night:
        """Fill the folder with the first rows, in four files."""
        count = int(len(self.waiting) * FIRST_SHARE)
        for part in range(4):
            self.files[f"night-000-{part}.jsonl"] = self.waiting[part:count:4]
        del self.waiting[:count]
        return self._written(Night(arrived=count))

    def next_night(self, night: int, arrivals: int, edits: int, deletions: int) -> Night:
        """A new file of arrivals (an old row comes back where none are left); edits, deletions."""
        there = [(name, row) for name, rows in self.files.items() for row in rows]
        changed = self.random.sample(there, min(edits + deletions, len(there)))
        for name, row in changed[:edits]:
            place = self.files[name].index(row)
            self.files[name][place] = {**row, "text": f"{row['text']} {self._words()}"}
        for name, row in changed[edits:]:
            self.files[name].remove(row)
            self.waiting.append(row)
        came, self.waiting = self.waiting[:arrivals], self.waiting[arrivals:]
        self.files[f"night-{night:03d}.jsonl"] = came
        told = Night(len(came), len(changed[:edits]), len(changed[edits:]))
        return self._written(told)

    def _words(self) -> str:
        """A few words of another row, so that edits are of real language."""
        words = self.random.choice(self.rows)["text"].split()
        return " ".join(words[: self.random.randint(5, 25)])

    def _written(self, night: Night) -> Night:
        for name, rows in self.files.items():
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or zlib.crc32(path.read_bytes()) != zlib.crc32(lines.encode()):
                path.write_text(lines, encoding="utf-8")
        contents = {row["text"] for rows in self.files.values() for row in rows}
        night.new_contents = len(contents - self.seen)
        self.seen |= contents
        return night
