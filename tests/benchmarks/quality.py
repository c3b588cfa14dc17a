"""How good a result is: one common measure per kind of work, the same for ours and the peers.

Objectives are recomputed here in float32 products and float64 sums; recall is counted on rows drawn
once, against exact search, which is done once and kept beside the inputs.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.inputs import SEED
from tests.benchmarks.methods import Inputs

SAMPLE_ROWS = 10_000  # for the objective beyond this many products
MOST_PRODUCTS = 1.5e9
RECALL_ROWS = 2_000
ROUNDING = 1e-6
BLOCK = 2_048


def judge(subject: str, inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """The measures of one result: objective, recall, radius, a digest of the picks."""
    if output is None:
        return {}
    return JUDGES[subject](inputs, output, data)


def sample(n: int, size: int) -> np.ndarray:
    """The same rows for every method."""
    rows = np.random.default_rng([SEED, n]).choice(n, min(n, size), replace=False)
    return np.sort(rows)


def picks_digest(picks: np.ndarray) -> str:
    """Tells whether two methods picked the same rows in the same order."""
    return sha256(np.asarray(picks, dtype="<i8").tobytes()).hexdigest()[:16]


def _blocks(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[slice, slice, np.ndarray]]:
    for row in range(0, len(left), BLOCK):
        rows = slice(row, min(row + BLOCK, len(left)))
        for column in range(0, len(right), 4 * BLOCK):
            columns = slice(column, min(column + 4 * BLOCK, len(right)))
            yield rows, columns, left[rows] @ right[columns].T


def coverage(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """Mean over rows (all, or a fixed sample) of max(0, cosine) to the nearest pick."""
    picks = _distinct(output, inputs)
    rows = np.asarray(inputs.vectors)
    if len(rows) * len(picks) > MOST_PRODUCTS:
        rows = rows[sample(len(rows), SAMPLE_ROWS)]
    nearest = np.zeros(len(rows), dtype=np.float32)
    for part, _, tile in _blocks(rows, inputs.vectors[picks]):
        np.maximum(nearest[part], tile.max(axis=1), out=nearest[part])
    return {"objective": float(nearest.mean(dtype=np.float64)), "picks": picks_digest(picks)}


def volume(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """log det(I + X_S X_S'), by the d x d form, in float64."""
    picks = _distinct(output, inputs)
    chosen = inputs.vectors[picks].astype(np.float64)
    value = np.linalg.slogdet(np.eye(chosen.shape[1]) + chosen.T @ chosen)[1]
    return {"objective": float(value), "picks": picks_digest(picks)}


def centres(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """The greatest distance 1 - cosine of a row to its nearest pick, and which rows were picked."""
    picks = _distinct(output, inputs)
    rows = np.asarray(inputs.vectors)
    if len(rows) * len(picks) > MOST_PRODUCTS:
        rows = rows[sample(len(rows), SAMPLE_ROWS)]
    nearest = np.full(len(rows), -1.0, dtype=np.float32)
    for part, _, tile in _blocks(rows, inputs.vectors[picks]):
        np.maximum(nearest[part], tile.max(axis=1), out=nearest[part])
    return {"radius": float(1 - nearest.min()), "picks": picks_digest(picks)}


def _distinct(output: Any, inputs: Inputs) -> np.ndarray:
    """The picks; raises `ValueError` unless they are k distinct rows."""
    picks = np.asarray(output, dtype=np.int64)
    if len(picks) != inputs.k or len(np.unique(picks)) != inputs.k:
        raise ValueError(f"{len(np.unique(picks))} distinct rows of {len(picks)}, {inputs.k} asked")
    return picks


def neighbours(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """Share of the k true neighbours of sampled rows that were found (equals count as found)."""
    rows = sample(len(inputs.vectors), RECALL_ROWS)
    needed = _kept(data, f"{inputs.k}th", lambda: _kth_similarity(inputs, rows))
    found = np.asarray(output)[rows].astype(np.int64)
    hits = 0
    for row, others, least in zip(rows, found, needed, strict=True):
        valid = np.unique(others[(others >= 0) & (others != row)])[: inputs.k]
        hits += int((inputs.vectors[valid] @ inputs.vectors[row] >= least - ROUNDING).sum())
    return {"recall": hits / (len(rows) * inputs.k)}


def _kth_similarity(inputs: Inputs, rows: np.ndarray) -> np.ndarray:
    best = np.full((len(rows), inputs.k), -np.inf, dtype=np.float32)
    for part, columns, tile in _blocks(inputs.vectors[rows], inputs.vectors):
        own = (rows[part] >= columns.start) & (rows[part] < columns.stop)
        tile[own, rows[part][own] - columns.start] = -np.inf
        both = np.concatenate([best[part], tile], axis=1)
        best[part] = -np.partition(-both, inputs.k - 1, axis=1)[:, : inputs.k]
    return best.min(axis=1)


def pairs(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """Share of the true pairs that touch a sampled row of which not both stay.

    And how many rows were dropped, and how many of the sampled ones have no true twin.
    """
    from tests.benchmarks.methods.pairs import THRESHOLD

    n = len(inputs.vectors)
    rows, dropped = sample(n, RECALL_ROWS), np.asarray(output, dtype=bool)
    true = _kept(data, "pairs", lambda: _true_pairs(inputs, rows, THRESHOLD))
    one, other = true // n, true % n
    alone = rows[dropped[rows] & ~np.isin(rows, np.concatenate([one, other]))]
    return {
        "recall": float((dropped[one] | dropped[other]).mean()) if len(true) else None,
        "dropped": int(dropped.sum()),
        "false": len(alone),
    }


def _true_pairs(inputs: Inputs, rows: np.ndarray, threshold: float) -> np.ndarray:
    found = [np.empty(0, dtype=np.int64)]
    for part, columns, tile in _blocks(inputs.vectors[rows], inputs.vectors):
        one, other = np.nonzero(tile >= threshold)
        one, other = rows[part][one], other + columns.start
        low, high = np.minimum(one, other), np.maximum(one, other)
        found.append((low * len(inputs.vectors) + high)[low != high])
    return np.unique(np.concatenate(found))


def texts(inputs: Inputs, output: Any, data: Path) -> dict[str, Any]:
    """Share of all true pairs that were found; and how many pairs are not true ones."""
    from tests.benchmarks.similar_texts import true_pairs

    n = len(inputs.texts)
    true = _kept(data, "pairs", lambda: true_pairs(inputs.texts) @ np.array([n, 1]))
    found = np.sort(np.asarray(output, dtype=np.int64).reshape(-1, 2), axis=1)
    codes = np.unique(found @ np.array([n, 1]))
    return {
        "recall": float(np.isin(true, codes).mean()) if len(true) else None,
        "false": int((~np.isin(codes, true)).sum()),
        "pairs": len(codes),
    }


def _kept(data: Path, name: str, work: Callable[[], np.ndarray]) -> np.ndarray:
    """The result of `work`, made once and kept beside the input."""
    path = data.with_name(f"{data.stem}.{name}.npy")
    if not path.exists():
        found = work()
        temporary = path.with_name(f".partial.{path.name}")
        with temporary.open("wb") as file:
            np.save(file, found)
        temporary.replace(path)
    return np.load(path)


JUDGES: dict[str, Callable[[Inputs, Any, Path], dict[str, Any]]] = {
    "coverage": coverage,
    "volume": volume,
    "centres": centres,
    "neighbours": neighbours,
    "pairs": pairs,
    "texts": texts,
}
