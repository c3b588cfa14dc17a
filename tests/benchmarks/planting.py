"""Pools with known faults: copies, outliers, rare groups and noise set among real rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.proving.task import Task

Encode = Callable[[Sequence[str]], np.ndarray]  # texts -> unit-length rows
COPY, OUTLIER, NOISE = "copy", "outlier", "noise"


@dataclass(frozen=True)
class Rates:
    """What is planted, as shares of the clean rows, and how many groups are made rare."""

    copies: float = 0.1
    outliers: float = 0.05
    noise: float = 0.1
    rare_groups: int = 10
    rare_rows: int = 3  # that a rare group keeps


@dataclass(frozen=True)
class Planted:
    """A task of train rows alone: what each row is, its original if a copy, its group if clean."""

    task: Task
    kind: np.ndarray  # (n,) of str, empty for a clean row
    original: np.ndarray  # (n,) index of the row that a copy repeats, else -1
    rare: tuple[np.ndarray, ...]  # rows of each rare group


def plant(
    name: str,
    texts: Sequence[str],
    groups: Sequence[str],
    strangers: Sequence[str],
    encode: Encode,
    seed: int,
    rates: Rates = Rates(),
) -> Planted:
    """Make a pool of these rows; `strangers` are texts of another origin, for outliers."""
    random = np.random.default_rng([seed, 18])
    kept, rare = thinned(np.asarray(groups), rates, random)
    clean = [texts[row] for row in kept]
    copied = random.choice(len(clean), round(rates.copies * len(clean)), replace=False)
    spoilt = random.choice(len(clean), round(rates.noise * len(clean)), replace=False)
    strange = random.choice(len(strangers), round(rates.outliers * len(clean)), replace=False)
    rows = [
        *((text, "", -1) for text in clean),
        *((edited(clean[row], random), COPY, row) for row in copied),
        *((strangers[row], OUTLIER, -1) for row in strange),
        *((shuffled(clean[row], random), NOISE, -1) for row in spoilt),
    ]
    order = random.permutation(len(rows))
    place = np.argsort(order)  # of each row after shuffling: an id tells nothing of its kind
    originals = [-1 if rows[row][2] < 0 else int(place[rows[row][2]]) for row in order]
    return Planted(
        task_of(name, [rows[row][0] for row in order], encode),
        np.array([rows[row][1] for row in order]),
        np.array(originals),
        tuple(np.sort(place[members]) for members in rare),
    )


def thinned(
    groups: np.ndarray, rates: Rates, random: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The rows that stay, and for each group made rare its places among them."""
    names = np.unique(groups)
    chosen = random.choice(names, rates.rare_groups, replace=False)
    left = [random.choice(np.flatnonzero(groups == one), rates.rare_rows, False) for one in chosen]
    rest = np.flatnonzero(~np.isin(groups, chosen))
    kept = np.sort(np.concatenate([rest, *left]))
    return kept, [np.searchsorted(kept, np.sort(rows)) for rows in left]


def edited(text: str, random: np.random.Generator) -> str:
    """A copy as people make them: other case, another end, or a word more."""
    return (text.upper(), f"{text.rstrip('.?!')} !", f"please {text}")[random.integers(3)]


def shuffled(text: str, random: np.random.Generator) -> str:
    """Noise: the words in any order, and the letters of every second word too."""
    words = random.permutation(text.split())
    spoilt = [
        "".join(random.permutation(list(word))) if place % 2 else word
        for place, word in enumerate(words)
    ]
    return " ".join(spoilt)


def task_of(name: str, texts: list[str], encode: Encode) -> Task:
    """All rows to choose from; no labels, so that nobody can look at them."""
    rows = np.arange(len(texts))
    tokens = np.array([max(1, len(text.split())) for text in texts])
    ids = tuple(f"{row:06d}" for row in rows)
    vectors = encode(texts)
    return Task(name, ids, tuple(texts), vectors, tokens, None, None, rows, rows[:0])
