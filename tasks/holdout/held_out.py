"""A held-out set, known by what its rows hold: another name or order is the same set."""

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

LEAST_ROWS: Final = (
    1_000  # with fewer the threshold, 4 / sqrt(n), is above .126: any overfit passes
)


@dataclass(frozen=True)
class HeldOut:
    """The rows that are asked: a name for people, the digest of their contents, how many."""

    name: str
    digest: str
    rows: int

    @classmethod
    def of(cls, name: str, rows: Iterable[Any]) -> "HeldOut":
        """The set of these rows, each anything that JSON can say (text and label, say)."""
        digests = sorted(key_of(row) for row in rows)
        return cls(name, key_of(digests), len(digests))

    @property
    def warning(self) -> str:
        """Why answers on so few rows are worth little; empty where they are enough."""
        if self.rows >= LEAST_ROWS:
            return ""
        return (
            f"{self.name} has {self.rows:,} rows: below {LEAST_ROWS:,} the guard lets an overfit "
            f"of up to {4 / math.sqrt(max(self.rows, 1)):.3f} pass as none"
        )


def key_of(asked: Any) -> str:
    """SHA-256 of anything that JSON can say, whatever the order of its keys."""
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def hoeffding_half_width(rows: int, questions: int, delta: float = 0.05) -> float:
    """How far a plain held-out mean may be off, for all of `questions` asked in advance.

    sqrt(ln(2 m / delta) / (2 n)) for scores in [0, 1] (Hoeffding, 1963): what would hold if no
    question had depended on an earlier answer.
    """
    return math.sqrt(math.log(2 * max(questions, 1) / delta) / (2 * rows))
