"""What a row adds to the diversity of all rows: its part in the Vendi score, and how alone it is.

These scorers see vectors. Each is a frozen dataclass with `version` and `columns`, called with the
unit rows, the cosine of each to its nearest other row, and the neighbour graph of a large pool.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

import numpy as np
from jaxtyping import Float

from schemas.results import Method, Scores
from tasks.engine.graph import Graph, neighbour_graph
from tasks.engine.spectrum import TINY, gram_of, rarity, without_each
from tasks.engine.spread import EXACT_ROWS, estimated_sums, exact_sums, scale_of
from tasks.scorers.contract import Column

NEIGHBOURS: Final = 32  # of the graph, where none is given


class VectorScorer(Protocol):
    """A scorer of rows by their vectors: its fields are its settings."""

    version: ClassVar[str]
    columns: ClassVar[dict[str, Column]]

    def __call__(
        self,
        vectors: Float[np.ndarray, "n d"],
        nearest: Float[np.ndarray, " n"],
        graph: Graph | None = None,
    ) -> Scores:
        """Score a whole pool; NaN where a row has no value."""
        ...


@dataclass(frozen=True)
class VendiContribution:
    """What each row adds to the Vendi score of the pool.

    `vendi_rarity`: first order at order 1, -x^T ln(C) x - H in nats; mean 0, positive in a rare
    direction. `vendi_loss`: n (1 - VS_2 without the row / VS_2), exact: times the score falls as
    much as it would if all rows shared it evenly; negative where the row costs diversity. A rare
    row may be precious or garbage. O(n d^2): some 25 s of one core per million rows of 384.
    """

    version: ClassVar[str] = "1.0.0"
    columns: ClassVar[dict[str, Column]] = {
        "vendi_rarity": Column(
            "higher", -math.inf, -math.log(TINY), "nats", "Friedman and Dieng 2022",
            "entropy of the pool's spectrum that the row brings",
        ),
        "vendi_loss": Column(
            "higher", -math.inf, math.inf, "even shares", "Pasarkar and Dieng 2023",
            "Vendi score of order 2 lost without the row",
        ),
    }  # fmt: skip

    def __call__(
        self,
        vectors: Float[np.ndarray, "n d"],
        nearest: Float[np.ndarray, " n"],  # noqa: ARG002
        graph: Graph | None = None,  # noqa: ARG002
    ) -> Scores:
        """Both contributions of every row."""
        n = len(vectors)
        gram = gram_of([vectors], vectors.shape[1])
        score = n**2 / np.square(gram).sum() if n else 1.0
        loss = n * (1 - without_each(vectors, gram) / score)
        rare = rarity(vectors, gram) if n else np.empty(0)
        return Scores({"vendi_rarity": rare, "vendi_loss": loss}, Method.of(self))


@dataclass(frozen=True)
class Isolation:
    """1 / sum over rows y of exp(-t ||x - y||): the row's spread weight, 1 = alone.

    Range (0, 1]; neither end is better: the top are boundary rows and outliers, precious or
    garbage; m equal rows have at most 1 / m each. It ranks as the magnitude's weighting vector does
    at its scale t = ln n / median distance to the nearest row (Bunch et al. 2020; Willerton 2015).
    Exact up to 20,000 rows, beyond by neighbours and landmarks.
    """

    version: ClassVar[str] = "1.0.1"
    columns: ClassVar[dict[str, Column]] = {
        "isolation": Column(
            "neither", 0, 1, "share of a point", "Willerton 2015", "how alone the row is"
        )
    }

    def __call__(
        self,
        vectors: Float[np.ndarray, "n d"],
        nearest: Float[np.ndarray, " n"],
        graph: Graph | None = None,
    ) -> Scores:
        """Weight of every row."""
        scale = scale_of(nearest)
        if len(vectors) <= EXACT_ROWS:
            sums = exact_sums(vectors, scale)
        else:
            sums = estimated_sums(vectors, scale, graph or neighbour_graph(vectors, NEIGHBOURS))
        return Scores({"isolation": 1 / sums}, Method.of(self))
