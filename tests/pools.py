"""Small pools with awkward rows, and limits for them, drawn by Hypothesis or fixed."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool

GROUPS = ("books", "code", "web")


def pool_of(
    vectors: Any,
    quality: Any = None,
    cost: Any = None,
    group: Any = None,
    stratum: Any = None,
) -> Pool:
    """A pool of these rows, in the order given; what is left out is 1 (or group 0)."""
    rows = np.asarray(vectors, dtype=np.float64)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    n = len(rows)
    return Pool(
        np.array([f"r{i:05d}" for i in range(n)], dtype=object),
        rows,
        np.full(n, 1.0) if quality is None else np.asarray(quality, dtype=np.float64),
        np.ones(n, dtype=np.int64) if cost is None else np.asarray(cost, dtype=np.int64),
        np.zeros(n, dtype=np.int64) if group is None else np.asarray(group, dtype=np.int64),
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
        random.integers(0, 3, n),
        random.integers(0, 4, n),
    )


@st.composite
def limits_for(draw: st.DrawFn, pool: Pool) -> Limits:
    """Any limits, also those that cannot be met."""
    n = len(pool)
    rows = st.integers(0, n - 1)
    some = st.dictionaries(st.integers(0, 2), st.integers(0, 3), max_size=2)
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
        {index: "below_min_quality" for index in closed if index not in include},
    )
