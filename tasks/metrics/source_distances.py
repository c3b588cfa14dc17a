"""How far the sources of a pool lie from one another: a table for the report's heat map."""

from typing import Any, Final

import numpy as np
from jaxtyping import Int

from tasks.engine.distances import mmd_squared_of_means, sliced_wasserstein
from tasks.metrics.rows import Rows

MOST_SOURCES: Final = 12  # the largest
SOURCE_ROWS: Final = 1_000  # of each, those of smallest key
SMALL_ROWS: Final = 100  # a smaller source is marked: its distances are mostly chance
DECIMALS: Final = 6


def source_distances(rows: Rows, source: Int[np.ndarray, " n"], names: list[str]) -> dict[str, Any]:
    """Distances between the largest sources: `source` gives each row's place in `names`.

    `mmd_squared` is unbiased, about 0 for one distribution whatever the sizes, and may be negative;
    `sliced_wasserstein` of small samples is above 0 by chance. `left_out`: sources
    that the table does not hold.
    """
    counts = np.bincount(source, minlength=len(names))
    order = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]
    taken = order[:MOST_SOURCES]
    samples = [
        rows.vectors[rows.first(np.flatnonzero(source == place), SOURCE_ROWS)] for place in taken
    ]
    means = [rows.features.mean(sample) for sample in samples]
    pairs = [
        {
            "one": names[taken[a]],
            "other": names[taken[b]],
            "mmd_squared": round(
                mmd_squared_of_means(means[a], means[b], (len(samples[a]), len(samples[b]))),
                DECIMALS,
            ),
            "sliced_wasserstein": round(sliced_wasserstein(samples[a], samples[b]), DECIMALS),
        }
        for a in range(len(taken))
        for b in range(a)
    ]
    listed = [
        {
            "source": names[place],
            "rows": int(counts[place]),
            "small": bool(counts[place] < SMALL_ROWS),
        }
        for place in taken
    ]
    return {"sources": listed, "pairs": pairs, "left_out": len(order) - len(taken)}
