"""Quality of a source's rows against the pool's, by the run's scorers and weights."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from tasks.scorers import COLUMNS, SCORERS
from tasks.scorers.contract import score_in_chunks
from tasks.scorers.quality import combine
from tasks.sourcing.domain import auc

DECIMALS: Final = 6
LEAST_ROWS: Final = 100  # of the pool, however few the source has


def quality_rank(
    source: Sequence[str], pool: Sequence[str], weights: Mapping[str, float]
) -> tuple[float, float, float]:
    """Chance that a row of the source is better than one of the pool; low and high of 95 %.

    0.5: as good. Both are scored as they would be in one pool, with as many rows of each where the
    pool has them: what learns from texts learns from both, each row left out of its own model.
    So a new subject is not taken for a fault, and text without any order still is.
    """
    home = list(pool[: max(len(source), LEAST_ROWS)])
    quality = _quality([*home, *source], len(home), weights)
    return auc(quality[len(home) :], quality[: len(home)])


def _quality(texts: list[str], home: int, weights: Mapping[str, float]) -> Float[np.ndarray, " n"]:
    """Mean rank of each text; of the texts, the first `home` are the pool's."""
    scorers = {name: scorer() for name, scorer in SCORERS.items()}
    scored = score_in_chunks(scorers, lambda: [texts])
    columns = {
        name: np.round(values, DECIMALS)
        for scores in scored.values()
        for name, values in scores.columns.items()
    }
    surprise = columns["log_perplexity"]
    middle = np.nanmedian(surprise[:home])  # typical of the pool, not of pool and source together
    columns["typicality"] = -np.round(np.abs(surprise - middle), DECIMALS)
    return combine(columns, weights, COLUMNS, len(texts)).values
