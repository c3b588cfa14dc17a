"""Small pools with awkward rows, and limits for them, drawn by Hypothesis or fixed."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool

GROUPS = ("books", "code", "web", "de", "en", "fr", "long", "middle", "short")  # 3 attributes
VALUES = 3  # of each attribute


def pool_of(
    vectors: Any,
    quality: Any = None,
    cost: Any = None,
    group: Any = None,
    stratum: Any = None,
) -> Pool:
    """A pool of these rows, in the order given; what is left out is 1 (or group 0).

    `group` has a code per row, or a column of codes per attribute.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    n = len(rows)
    return Pool(
        np.array([f"r{i:05d}" for i in range(n)], dtype=object),
        rows,
        np.full(n, 1.0) if quality is None else np.asarray(quality, dtype=np.float64),
        np.ones(n, dtype=np.int64) if cost is None else np.asarray(cost, dtype=np.int64),
        np.zeros((n, 1), dtype=np.int64)
        if group is None
        else np.asarray(group, dtype=np.int64).reshape(n, -1),
        GROUPS,
        np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum, dtype=np.int64),
    )


def random_pool(n: int, d: int = 6, seed: int = 0) -> Pool:
    """Rows around a few directions, so that some are close and some are far."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(max(2, n // 8), d))
    vectors = centres[random.integers(0, len(centres), n)] + random.normal(scale=0.4, size=(n, d))
    return pool_of(
        vectors,
        random.random(n).round(6),
        random.integers(1, 9, n),
        random.integers(0, 3, n),
        random.integers(0, 4, n),
    )


def with_(pool: Pool, **changed: Any) -> Pool:
    """The same pool with some of its arrays replaced."""
    return Pool(**{**pool.__dict__, **changed})


def rows_of(pool: Pool, rows: Any) -> dict[str, Any]:
    """The pool's arrays with an entry per row, at these rows."""
    arrays = {key: value for key, value in pool.__dict__.items() if key != "group_names"}
    return {key: value[rows] for key, value in arrays.items() if value is not None}


@st.composite
def pools(draw: st.DrawFn, most: int = 9) -> Pool:
    """Up to `most` rows in up to 6 dimensions: random, or on a grid (repeats, opposites)."""
    n, d = draw(st.integers(1, most)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    if draw(st.booleans()):
        vectors = random.normal(size=(n, d))
    else:
        vectors = random.integers(-1, 2, (n, d)).astype(float)
        vectors[~vectors.any(axis=1), 0] = 1.0
    quality = draw(
        st.sampled_from(
            [random.random(n).round(6), np.zeros(n), np.full(n, 0.7), random.integers(0, 3, n) / 2]
        )
    )
    return pool_of(
        vectors,
        quality,
        random.integers(1, draw(st.sampled_from([2, 7])), n),
        random.integers(0, VALUES, (n, (c := draw(st.sampled_from([1, 1, 2, 3])))))
        + VALUES * np.arange(c),
        random.integers(0, 4, n),
    )


@st.composite
def limits_for(draw: st.DrawFn, pool: Pool, spaced: bool = False) -> Limits:
    """Any limits, also those that cannot be met; with a least distance only if `spaced`."""
    n, codes = len(pool), VALUES * pool.group.shape[1]
    rows = st.integers(0, n - 1)
    some = st.dictionaries(st.integers(0, codes - 1), st.integers(0, 3), max_size=codes // 2 + 1)
    include = draw(st.one_of(st.just([]), st.lists(rows, max_size=2, unique=True)))
    closed = draw(st.one_of(st.just([]), st.lists(rows, max_size=2, unique=True)))
    in_tokens = draw(st.booleans())
    return Limits(
        draw(st.integers(1, 20 if in_tokens else n + 1)),
        in_tokens,
        draw(st.one_of(st.just({}), some)),
        draw(st.one_of(st.just({}), some)),
        tuple(sorted(include)),
        tuple(draw(st.one_of(st.just([]), st.lists(rows, max_size=2, unique=True)))),
        {index: "zero_vector" for index in closed if index not in include},
        draw(st.sampled_from([0.0, 0.0, 0.5])),
        tuple(draw(st.one_of(st.just([]), st.lists(rows, max_size=2, unique=True)))),
        draw(st.sampled_from([0.1, 0.35, 1.0])) if spaced else 0.0,
    )


def in_rows(limits: Limits, **changed: Any) -> Limits:
    """The same limits with the budget in rows, and some others of them changed."""
    return replace(limits, in_tokens=False, **changed)
