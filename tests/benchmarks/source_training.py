"""What a candidate's rows bring a model: a linear probe trained with them, against without."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from schemas.params import Params
from tasks.encoders import load_encoder
from tasks.metrics.intervals import over_draws
from tasks.proving.consumers import CONSUMERS
from tasks.proving.task import Task
from tasks.sourcing.weigh import Weighed

SEEDS = 10
POOL_ROWS = 1_200  # of the pool, drawn anew for every seed
ADDED_ROWS = 200  # of each candidate, whatever the verdict, so that all are held to the same
PASSES = 10


def gains(
    pool: pl.DataFrame,
    candidates: Mapping[str, tuple[pl.DataFrame, str]],
    test: pl.DataFrame,
    found: Weighed,
    params: Params,
) -> Iterator[str]:
    """Yield a line per candidate and consumer: accuracy gained by its rows, with interval.

    Compared is a pool sample with ADDED_ROWS of the candidate, against it with as many other rows
    of the pool: the same seeds, the same number of rows and of steps.
    """
    parts = [pool, *(rows.select(pool.columns) for rows, _ in candidates.values()), test]
    names = ["pool", *candidates, "test"]
    owner = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    task = _task(pl.concat(parts), owner == len(parts) - 1, params)
    verdicts = {one.name: verdict.word for one, verdict in found.sources}
    yield f"trained: {POOL_ROWS:,} rows of the pool and {ADDED_ROWS} of the source, against "
    yield f"{POOL_ROWS + ADDED_ROWS:,} of the pool; gain in points of accuracy, {SEEDS} seeds"
    rows = [np.flatnonzero(owner == part) for part in range(len(parts))]
    for consumer in ("linear_probe", "hashed_ngrams"):
        for number in range(1, len(parts) - 1):
            gained = np.array([_gain(task, rows[0], rows[number], consumer, seed)
                               for seed in range(SEEDS)]) * 100  # fmt: skip
            low, high = over_draws(gained) or (np.nan, np.nan)
            yield (f"{names[number]:22} {verdicts[names[number]]:20} {consumer:14} "
                   f"{gained.mean():+6.2f} ({low:+.2f} to {high:+.2f})")  # fmt: skip


def _task(rows: pl.DataFrame, test: np.ndarray, params: Params) -> Task:
    texts = rows["text"].to_list()
    encoder = load_encoder(params.embed)
    vectors = np.zeros((len(texts), encoder.width), dtype=np.float32)
    tokens = np.ones(len(texts), dtype=np.int64)
    for part in encoder.encode(texts):
        vectors[part.positions] = part.vectors
        tokens[part.positions] = np.maximum(part.tokens, 1)
    codes = rows["label"].rank("dense").to_numpy().astype(np.int64) - 1
    return Task(
        "sources", tuple(str(row) for row in range(len(texts))), tuple(texts), vectors, tokens,
        codes, None, np.flatnonzero(~test), np.flatnonzero(test),
    )  # fmt: skip


def _gain(task: Task, pool: np.ndarray, source: np.ndarray, consumer: str, seed: int) -> float:
    random = np.random.default_rng([seed, 7])
    drawn = random.permutation(pool)
    added = random.permutation(source)[:ADDED_ROWS]
    base = drawn[:POOL_ROWS]
    with_source = np.concatenate([base, added])
    without = drawn[: len(with_source)]
    train = CONSUMERS[consumer]()
    scores = [train(task, [np.sort(rows)] * PASSES, seed) for rows in (with_source, without)]
    return scores[0] - scores[1]
