"""Quality and any number of objectives in one: the function that a selector maximises."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from tasks.engine.constraints import Limits
from tasks.engine.objectives.part import Followed, Part, TrackedPart, best_affordable
from tasks.engine.pool import Pool


class Mixed:
    """(1 - w) sum_{j in S} q_j / Q + w sum_p u_p F_p(S) / M_p; w is the `diversity_weight`.

    Q and M_p bound what the budget can buy of quality and of each part, so that every term lies
    in [0, 1] (but for parts without a bound, see theirs); the weights u_p are made to add up to 1.
    A non-negative mixture of submodular functions is submodular. Parts of weight 0 are not built.
    """

    def __init__(
        self,
        pool: Pool,
        limits: Limits,
        diversity_weight: float,
        parts: Mapping[str, tuple[float, Part]],
    ):
        quality_most = best_affordable(pool.quality, pool, limits)
        self.quality_scale = (1 - diversity_weight) / quality_most if quality_most else 0.0
        self.quality = self.quality_scale * pool.quality
        total = sum(weight for weight, _ in parts.values())
        self.parts = {name: part for name, (_, part) in parts.items()}
        self.scales: dict[str, float] = {}
        self.terms: list[tuple[float, Any]] = []  # Part, or TrackedPart where `tracked`
        for name, (weight, part) in parts.items():
            most = part.most(pool, limits)
            self.scales[name] = diversity_weight * weight / total / most if most > 0 else 0.0
            self.terms.append((self.scales[name], part))
        self.tracked = all(isinstance(part, TrackedPart) for _, part in self.terms)
        self.rises: Float[np.ndarray, " n"] = np.zeros(len(pool))
        for scale, part in self.terms:
            self.rises += scale * part.rises

    @property
    def submodular(self) -> bool:
        """Whether no gain ever grows."""
        return not bool(self.rises.any())

    def facts(self) -> dict[str, Any]:
        """The scales and what the parts tell, as a result records them."""
        found = {name: {"scale": self.scales[name], **p.facts()} for name, p in self.parts.items()}
        return {"quality_scale": self.quality_scale, "parts": found}

    def first_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of the gains now."""
        bounds = self.quality.copy()
        for scale, part in self.terms:
            bounds += scale * part.first_bounds()
        return bounds

    def all_gains(self) -> Float[np.ndarray, " n"]:
        """The gain of every row now (where all parts can tell)."""
        gains = self.quality.copy()
        for scale, part in self.terms:
            gains += scale * part.all_gains()
        return gains

    def all_bounds(self) -> Float[np.ndarray, " n"]:
        """Upper bounds of all gains now (where all parts can tell)."""
        bounds = self.quality.copy()
        for scale, part in self.terms:
            bounds += scale * part.all_bounds()
        return bounds

    def ready(self, index: int) -> bool:
        """Whether `gain` is cheap for this row."""
        return all(part.ready(index) for _, part in self.terms)

    def prepare(self, indices: list[int]) -> None:
        """Get ready to give the gains of several rows."""
        for _, part in self.terms:
            part.prepare(indices)

    def gain(self, index: int) -> float:
        """The gain of one row now."""
        value = float(self.quality[index])
        for scale, part in self.terms:
            value += scale * part.gain(index)
        return value

    def accept(self, index: int) -> None:
        """Add a row."""
        for _, part in self.terms:
            part.accept(index)

    def follow(self, rows: Int[np.ndarray, " p"]) -> "FollowedMixed":
        """Start to follow some rows (where all parts can)."""
        return FollowedMixed(self, rows)


class FollowedMixed:
    """The same sum over a few rows."""

    def __init__(self, mixed: Mixed, rows: Int[np.ndarray, " p"]):
        self.quality = mixed.quality[rows]
        self.terms: list[tuple[float, Followed]] = [
            (scale, part.follow(rows)) for scale, part in mixed.terms
        ]

    def gains(self) -> Float[np.ndarray, " p"]:
        """The gain of each of these rows now."""
        gains = self.quality.copy()
        for scale, part in self.terms:
            gains += scale * part.gains()
        return np.asarray(gains)

    def ready(self, place: int) -> bool:
        """Whether `accept` is cheap for the row at this place."""
        return all(part.ready(place) for _, part in self.terms)

    def prepare(self, places: list[int]) -> None:
        """Get ready to accept any of several rows."""
        for _, part in self.terms:
            part.prepare(places)

    def accept(self, place: int) -> None:
        """Add the row at this place."""
        for _, part in self.terms:
            part.accept(place)
