"""On how many rows the statistics of a comparison are made, for the record."""

from typing import Any

from tasks.engine.magnitude import distances, magnitude, nearest_distance, scale_for
from tasks.metrics.closest import MOST_PAIRS, rows_looked_at
from tasks.metrics.parts import DOMAIN_ROWS
from tasks.metrics.rows import BLOCKS, SAMPLE_ROWS, Rows
from tasks.metrics.view import MAGNITUDE_ROWS


def sampling_facts(rows: Rows, chosen: int) -> dict[str, Any]:
    """Rows that each kind of statistic looks at, and the constants that metrics are measured by.

    `pool_rows_looked_at` of `pool_rows` are compared with every selected row, and so many selected
    rows with every other: all of them, up to `most_pairs` cosines per subset. Which ones is decided
    by the hash of the id.
    """
    count = len(rows.vectors)
    return {
        "pool_rows": count,
        "pool_rows_looked_at": rows_looked_at(count, chosen),
        "selected_rows_looked_at": rows_looked_at(chosen, chosen),
        "most_pairs": MOST_PAIRS,
        "sample_rows": min(SAMPLE_ROWS, count),
        "classifier_rows": DOMAIN_ROWS,
        "blocks": BLOCKS,
        "covered_from_cosine": rows.radius,
        "kernel_bandwidth": round(rows.features.bandwidth, 6),
        "feature_pairs": rows.features.pairs,
        "magnitude": _magnitude_facts(rows),
    }


def _magnitude_facts(rows: Rows) -> dict[str, Any]:
    """The scale t that magnitude is read at, and how ill-conditioned the pool's sample is there."""
    between = distances(rows.vectors[rows.sample[:MAGNITUDE_ROWS]])
    scale = scale_for(len(between), nearest_distance(between))
    conditions = {
        name: float(f"{magnitude(between, times * scale).condition:.3g}")
        for name, times in (("half", 0.5), ("one", 1.0), ("double", 2.0))
    }
    return {"rows": len(between), "scale": round(scale, 6), "condition": conditions}
