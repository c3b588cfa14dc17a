"""A whole comparison of two sides, from their tables: what every telling of it starts from."""

from dataclasses import dataclass

import polars as pl

from tasks.comparing.clusters import in_clusters_of_b
from tasks.comparing.metrics import metric_changes
from tasks.comparing.rows import Overlap, changes, counts, overlap, pool_changes
from tasks.comparing.shift import Shift, adjusted, shift
from tasks.comparing.side import Side


@dataclass(frozen=True)
class Compared:
    """What differs between the selections of A and B; None where a side cannot tell."""

    a: Side
    b: Side
    by_id: Overlap
    by_content: Overlap | None
    pool: dict[str, int] | None
    rows: pl.DataFrame
    counts: pl.DataFrame
    metrics: pl.DataFrame | None
    shifts: list[Shift]

    @property
    def equal(self) -> bool:
        """Whether both select the same ids, with the same contents as far as these are known."""
        return self.rows.is_empty()


def compare(a: Side, b: Side) -> Compared:
    """Compare two selections in everything that both sides know."""
    by_id = overlap(a.chosen, b.chosen, "id")
    assert by_id is not None
    table = changes(a, b)
    return Compared(
        a,
        b,
        by_id,
        overlap(a.chosen, b.chosen, "content"),
        pool_changes(a, b),
        table,
        counts(table),
        metric_changes(a, b),
        adjusted(_shifts(a, b)),
    )


def _shifts(a: Side, b: Side) -> list[Shift]:
    found = []
    sources = [side.chosen.select("id", group="source") for side in (a, b)]
    if all(side["group"].count() for side in sources):
        found.append(shift("source", sources[0], sources[1]))
    clusters = in_clusters_of_b(a, b)
    if clusters is not None:
        of_a, of_b, note = clusters
        found.append(shift("cluster", of_a, of_b, note))
    return found
