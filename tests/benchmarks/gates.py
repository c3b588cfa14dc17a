"""How often the gates cry wolf, and what they find: `python -m tests.benchmarks.gates [NIGHTS]`.

Nights are drawn from one corpus, the profile and counts of the run in artifacts/: yesterday has a
random nine tenths of its rows; tonight loses a few of them, edits a few, and brings some of the
others. With nothing planted every firing gate is a false alarm; then each fault is planted.
"""

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from schemas.params import GateParams
from tasks.gate import Profiles, judge
from tasks.gates.survival import Share, wilson
from tasks.paths import Paths
from tasks.storage.rows import read_rows

NIGHTS = 200
REFUSED = 0.01  # share of refused records on an ordinary night
GONE, EDITED, NEW = 0.02, 0.01, 0.10  # shares of the rows
SETTINGS = GateParams()


@dataclass(frozen=True)
class Corpus:
    """All rows that nights are drawn from, and how many records stand for each sampled row."""

    rows: pl.DataFrame
    scale: float

    @classmethod
    def of(cls, paths: Paths) -> "Corpus":
        """The corpus of a finished run."""
        rows = read_rows(paths.table("profile"))
        read = read_rows(paths.table("survival"))["read"].sum()
        return cls(rows, read / len(rows))

    def profiles(self, rows: pl.DataFrame, chance: np.random.Generator) -> Profiles:
        """A night's profile; its counts per source are those of the rows, its refusals drawn."""
        counts = (
            rows.group_by("source").agg(read=pl.len(), kept=pl.col("kept").sum()).sort("source")
        )
        counts = counts.with_columns(
            pl.col("read", "kept") * self.scale, quarantined=0 * pl.col("read")
        ).cast({"read": pl.Int64, "kept": pl.Int64, "quarantined": pl.Int64})
        refused = int(chance.binomial(int(counts["read"].sum()), REFUSED))
        return Profiles(rows, with_refused(counts, refused))


def with_refused(counts: pl.DataFrame, refused: int) -> pl.DataFrame:
    """Add a line for refused records, which have no source."""
    line = {"source": None, "read": refused, "kept": 0, "quarantined": refused}
    return pl.concat([counts, pl.DataFrame([line], schema=counts.schema)])


def night(
    corpus: Corpus, chance: np.random.Generator, plant: Callable[[pl.DataFrame], pl.DataFrame]
) -> tuple[Profiles, Profiles]:
    """Yesterday and tonight; `plant` changes the new rows before they are added."""
    order = chance.permutation(len(corpus.rows))
    first = int(len(order) * (1 - NEW))
    yesterday, later = order[:first], order[first:]
    stay = yesterday[int(first * GONE) :]
    edited = int(first * EDITED)
    again = corpus.rows[stay[:edited]].with_columns(content_sha256=pl.lit("e" * 64))
    tonight = pl.concat([again, corpus.rows[stay[edited:]], plant(corpus.rows[later])])
    return tuple(corpus.profiles(rows, chance) for rows in (tonight, corpus.rows[yesterday]))


def nothing(new: pl.DataFrame) -> pl.DataFrame:
    """No drift: the new rows as the corpus has them."""
    return new


def longer(new: pl.DataFrame) -> pl.DataFrame:
    """New rows of which half are three times as long as they were."""
    third = pl.int_range(pl.len()) % 2 == 0
    columns = [name for name in new.columns if name.endswith(("words", "text_characters"))]
    return new.with_columns(pl.when(third).then(pl.col(columns) * 3).otherwise(pl.col(columns)))


def one_source(new: pl.DataFrame) -> pl.DataFrame:
    """New rows of one source alone, the largest: another mixture of topics."""
    largest = new["source"].mode().sort()[0]
    return new.filter(source=largest)


def wipeout(now: Profiles) -> Profiles:
    """The source with most kept rows keeps a fifth of them."""
    counts = now.survival
    most = counts.filter(pl.col("source").is_not_null()).sort("kept", "source")["source"][-1]
    fewer = pl.when(pl.col("source") == most).then(pl.col("kept") // 5).otherwise(pl.col("kept"))
    return Profiles(now.rows, counts.with_columns(kept=fewer))


def surge(now: Profiles) -> Profiles:
    """Five in a hundred records more are refused."""
    known = now.survival.filter(pl.col("source").is_not_null())
    return Profiles(now.rows, with_refused(known, int(known["read"].sum() * (REFUSED + 0.05))))


PLANTED: dict[str, tuple[Callable, Callable, tuple[str, ...]]] = {
    "nothing": (nothing, lambda now: now, ()),
    "half of the new rows thrice as long": (longer, lambda now: now, ("drift_of_new_rows",)),
    "new rows of one source alone": (one_source, lambda now: now, ("drift_of_new_rows",)),
    "a source keeps a fifth": (nothing, wipeout, ("wipeout",)),
    "5 % more records refused": (nothing, surge, ("quarantine_rise", "quarantine_share")),
}


@dataclass
class Fired:
    """Nights that were held, held by the gate that should, with a small p whatever the effect."""

    nights: int
    held: int = 0
    found: int = 0
    significant: int = 0
    gates: Counter[str] = field(default_factory=Counter)


def fired(corpus: Corpus, fault: str, nights: int) -> Fired:
    """Judge so many nights with a fault planted."""
    plant, change, wanted = PLANTED[fault]
    told = Fired(nights)
    for number in range(nights):
        now, before = night(corpus, np.random.default_rng([number, len(fault)]), plant)
        gates = judge(change(now), before, SETTINGS, "yesterday")
        failed = {one.name for one in gates if not one.passed}
        told.held += bool(failed)
        told.found += bool(failed & set(wanted))
        told.significant += any(one.p is not None and one.p <= one.p_limit for one in gates)
        told.gates.update(failed)
    return told


def line(fault: str, told: Fired) -> str:
    """One fault in words, with a 95 % interval (Wilson)."""
    what, count = ("found", told.found) if PLANTED[fault][2] else ("false alarms", told.held)
    low, high = wilson(Share(count, told.nights), 1.96)
    return (
        f"{fault:<38} {what}: {count} of {told.nights} = {count / told.nights:.1%} "
        f"(95 %: {low:.1%} to {high:.1%}); {told.significant} with a small p; {dict(told.gates)}"
    )


def main() -> None:
    """Print, for no fault and for each planted one, the share of nights that were held."""
    corpus = Corpus.of(Paths())
    nights = int(sys.argv[1]) if len(sys.argv) > 1 else NIGHTS
    print(
        f"{len(corpus.rows):,} rows, {nights} nights (a quarter of them per planted fault), "
        f"{NEW:.0%} of the rows new, alpha {SETTINGS.alpha:g} for all tests of a night"
    )
    now, before = night(corpus, np.random.default_rng(0), nothing)
    for one in judge(now, before, SETTINGS, "yesterday"):
        if one.detects and one.of in (*now.by_source, "all records", "quality", "embeddings"):
            print(f"  {one.name} of {one.of} finds, with 80 % power: {one.detects}")
    for fault, (_, _, wanted) in PLANTED.items():
        print(line(fault, fired(corpus, fault, nights // 4 if wanted else nights)), flush=True)


if __name__ == "__main__":
    main()
