"""Held-out rows asked 2,000 times: naive reuse is fooled, the guard is not.

Dwork et al. (2015): random features and labels, so that nothing predicts and the truth is 0.50. An
analyst keeps the features whose correlation with the label is high on train and, by what the held-
out rows answer, there too; asks how well their vote does; and believes that.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tasks.holdout import HeldOut, HoldoutGuard, Ledger
from tasks.holdout.guard import SCALE
from tasks.holdout.noise import LaplaceNoise

ROWS, FEATURES, KEPT = 5_000, 2_000, 200
PAPER_SCALE = 1.0  # over sqrt(n), the noise of the experiment in the paper


@dataclass(frozen=True)
class Believed:
    """What the analyst came to believe of the vote, and what holds on fresh rows."""

    seed: int
    way: str
    reported: float
    fresh: float
    spent: int


class Samples:
    """Train, held-out and fresh rows of random signs, with random signs as labels."""

    def __init__(self, seed: int):
        random = np.random.default_rng(seed)
        self.features = random.choice(np.float32([-1, 1]), size=(3, ROWS, FEATURES))
        self.labels = random.choice(np.float32([-1, 1]), size=(3, ROWS))
        sums = [x.T @ y for x, y in zip(self.features, self.labels, strict=True)]
        self.agreement = (1 + np.array(sums) / ROWS) / 2  # (3, features), share of equal signs

    def vote(self, reported: np.ndarray) -> np.ndarray:
        """Accuracy on all three of the sign-weighted vote of the features that look good."""
        train, held_out = self.agreement[0] - 0.5, reported - 0.5
        cut = 0.5 / np.sqrt(ROWS)
        good = (abs(train) > cut) & (abs(held_out) > cut) & (train * held_out > 0)
        chosen = np.flatnonzero(good)
        chosen = chosen[np.argsort(-abs(train[chosen]), kind="stable")][:KEPT]
        signs = np.where(self.features[:, :, chosen] @ np.sign(train[chosen]) >= 0, 1, -1)
        accuracy: np.ndarray = (signs == self.labels).mean(axis=1)
        return accuracy


def naive(samples: Samples, seed: int) -> Believed:
    """The held-out rows answer everything, exactly."""
    _, held_out, fresh = samples.vote(samples.agreement[1])
    return Believed(seed, "naive", float(held_out), float(fresh), FEATURES + 1)


def guarded(samples: Samples, seed: int, way: str = "guard", scale: float = SCALE) -> Believed:
    """All questions go to a guard."""
    held_out = HeldOut.of(f"random signs {seed}", [f"{seed}"] * ROWS)
    noise, ledger = LaplaceNoise(f"{way} {seed}".encode()), Ledger()
    guard = HoldoutGuard(held_out, FEATURES, noise, ledger, scale_factor=scale)
    asked = zip(samples.agreement[0].tolist(), samples.agreement[1].tolist(), strict=True)
    reported = [
        guard.answer(f"feature {place}", "", _is(train), _is(there)).value
        for place, (train, there) in enumerate(asked)
    ]
    train, there, fresh = map(float, samples.vote(np.array(reported)))
    vote = guard.answer("vote", "", _is(train), _is(there)).value
    return Believed(seed, way, vote, fresh, ledger.spent(held_out.digest))


def _is(value: float) -> Callable[[], float]:
    return lambda: value


def simulate(seeds: range) -> list[Believed]:
    """Every way of asking, for each seed."""
    found = []
    for seed in seeds:
        samples = Samples(seed)
        found += [
            naive(samples, seed),
            guarded(samples, seed),
            guarded(samples, seed, "guard, noise of the paper", PAPER_SCALE),
        ]
    return found


def main() -> None:
    """Print the table; `--json FILE` appends one object per line of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    found = simulate(range(asked.seeds))
    sys.stdout.write(
        f"{'seed':>4}  {'asked by':<26}{'believed':>9}{'true':>7}{'answers spent':>15}\n"
    )
    for one in found:
        sys.stdout.write(f"{one.seed:>4}  {one.way:<26}{one.reported:>9.3f}{one.fresh:>7.3f}"
                         f"{one.spent:>15,}\n")  # fmt: skip
    if asked.json:
        with asked.json.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(one)) + "\n" for one in found)


if __name__ == "__main__":
    main()
