"""Results of a proof: one record per trained consumer, one summary per line of the table."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Record:
    """One consumer trained on one subset: `budget` is the share of the pool, `rows` what it bought.

    `without_block` holds the score without each block of test rows (see `answers.Answer`). `key`
    is a digest of everything the score depends on.
    """

    dataset: str
    budget: float
    method: str
    consumer: str
    seed: int
    score: float
    rows: int
    tokens: int
    key: str = ""
    without_block: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As a line of JSON holds it."""
        return asdict(self)

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Record":
        """Read it back; raises TypeError for other fields."""
        return cls(**{**line, "without_block": tuple(line["without_block"])})


@dataclass(frozen=True)
class Summary:
    """A method at a budget for one consumer, over seeds, against uniform at the same budget.

    `delta` is the mean paired difference of scores (method - uniform), [`low`, `high`] its 95 %
    interval; `p_adjusted` is Holm's over all `comparisons` of the table; `verdict` goes by it:
    better, worse, not told apart, or reference for uniform and the full pool.
    """

    dataset: str
    budget: float
    method: str
    consumer: str
    unit: str
    better: str
    seeds: int
    score: float
    delta: float
    low: float
    high: float
    p: float
    p_adjusted: float
    comparisons: int
    verdict: str
    rows: float
    tokens: float
