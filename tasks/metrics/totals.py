"""What a subset amounts to: rows, tokens, quality, and the share of each group."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tasks.metrics.view import SubsetView


@dataclass(frozen=True)
class MeanQuality:
    """Mean of the quality column over selected rows. Range [0, 1]; higher is better."""

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "higher"
    label: ClassVar[str] = "Mean quality"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Mean quality."""
        return float(view.quality.mean())


@dataclass(frozen=True)
class GroupDistance:
    """Total variation distance between group shares, half the sum over groups of |p_S - p_pool|.

    Range [0, 1], 0 = the subset has the pool's shares; lower is closer to the pool. It equals the
    share of the subset that would have to change group.
    """

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "lower"
    label: ClassVar[str] = "Group distance from pool"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __call__(self, view: SubsetView) -> float:
        """Total variation between the two distributions over groups."""
        subset = view.group_rows / view.group_rows.sum()
        pool = view.pool_group_rows / view.pool_group_rows.sum()
        return float(np.abs(subset - pool).sum() / 2)


@dataclass(frozen=True)
class RowCount:
    """Selected rows. Range [1, n]; neither direction is better. A count, so it has no interval."""

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "neither"
    label: ClassVar[str] = "Rows"
    bounds: ClassVar[tuple[float, float]] = (1.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Count the rows."""
        return float(len(view.quality))


@dataclass(frozen=True)
class TokenCount:
    """Tokens of the selected rows, by the embedding model's tokenizer. Range [0, inf); neither."""

    version: ClassVar[str] = "1.0.0"
    better: ClassVar[str] = "neither"
    label: ClassVar[str] = "Tokens"
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, view: SubsetView) -> float:
        """Sum of the rows' token counts."""
        return float(view.cost.sum())
