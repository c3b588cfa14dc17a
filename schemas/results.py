"""What methods return: arrays with the name, version and settings of what made them."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class Method:
    """Provenance of a result: registry name, version constant and the settings used."""

    name: str
    version: str
    settings: dict[str, Any]

    @classmethod
    def of(cls, method: Any) -> "Method":
        """Describe a frozen method dataclass by its class name, `version` and fields."""
        return cls(type(method).__name__, method.version, asdict(method))


@dataclass(frozen=True)
class Scores:
    """Columns of one scorer: name -> one value per row, NaN where a row has none."""

    columns: dict[str, Float[np.ndarray, " n"]]
    method: Method


# Why a row of the pool is not in the subset (Selection.status).
SELECTED = "selected"
OUTRANKED = "outranked"  # the budget went to rows with higher gain
OVER_BUDGET = "over_budget"  # it alone costs more than what was left
GROUP_CAP = "group_cap"
FLOOR_RESERVE = "floor_reserve"  # what was left is reserved for groups below their floor
EXCLUDED = "must_exclude"
BELOW_MINIMUM = "below_min_quality"
PRESELECTED = "preselected"  # chosen elsewhere: its coverage counts, it is not in the output
TOO_CLOSE = "too_close"  # nearer than the least distance to a chosen or preselected row
SEMANTIC = "semantic_duplicate"  # a better row of nearly the same vector stands for it
CONTAMINATED = "contaminated"  # overlaps with an item of an evaluation file
TIME_LIMIT = "time_limit"  # the search was stopped before the row's turn
REPLACEMENT_LIMIT = "replacement_limit"  # taken from scratch; a row of the previous run stays
RULES = (
    OUTRANKED,
    SELECTED,
    OVER_BUDGET,
    GROUP_CAP,
    FLOOR_RESERVE,
    EXCLUDED,
    BELOW_MINIMUM,
    PRESELECTED,
    TOO_CLOSE,
    SEMANTIC,
    TIME_LIMIT,
    REPLACEMENT_LIMIT,
    CONTAMINATED,
)


@dataclass(frozen=True)
class Selection:
    """An ordered subset of a pool of n rows, and the evidence for the rows it left out.

    `final_gain` is each row's marginal gain at the end (an upper bound where `gain_is_bound`);
    `needed_quality` and `needed_budget_rows` say what would have let a lost row in (NaN where it
    cannot be computed; lower bounds where `gain_is_bound`). `covering` rows were chosen for what
    they cover, before the selector's own order began.
    """

    indices: Int[np.ndarray, " k"]
    gains: Float[np.ndarray, " k"]
    weights: Float[np.ndarray, " k"]
    status: np.ndarray  # (n,) one of the constants above
    final_gain: Float[np.ndarray, " n"]
    gain_is_bound: np.ndarray  # (n,) bool
    needed_quality: Float[np.ndarray, " n"]
    needed_budget_rows: Float[np.ndarray, " n"]
    method: Method
    covering: frozenset[int] = frozenset()
    totals: dict[str, Any] = field(default_factory=dict)
