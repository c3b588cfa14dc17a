"""Which rows are held out, and that no near copy of one stays on the other side."""

from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Bool, Int

from schemas.errors import SettingsError
from schemas.params import DeduplicateParams
from tasks.engine.draws import ranks_within, uniform_keys
from tasks.near_duplicates import NgramSets, candidate_pairs, jaccard
from tasks.readers.records import visible

TEST_NAMES: Final = ("test", "val", "dev", "eval")  # in this order; the first that occurs is used


def by_column(values: pl.Series) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Masks of train and test rows by names that hold `train` and `test` (or val, dev, eval).

    Raises `SettingsError` naming the values found where either side would be empty.
    """
    names = values.str.to_lowercase()
    train = names.str.contains("train", literal=True)
    test = pl.Series(np.zeros(len(values), dtype=bool))
    for name in TEST_NAMES:
        test = names.str.contains(name, literal=True) & ~train
        if test.any():
            break
    if not (train.any() and test.any()):
        found = ", ".join(visible(value, 40) for value in values.unique().sort().head(10))
        raise SettingsError(
            "the split column has no train rows or no test rows",
            expected="values that hold train, and values that hold test (else val, dev, eval)",
            where=f"--split; values found: {found}",
            remedy="name another column, or leave --split out: rows are then held out by hash",
        )
    return train.to_numpy(), test.to_numpy()


def by_hash(
    contents: pl.Series, labels: pl.Series, share: float, seed: int
) -> Bool[np.ndarray, " n"]:
    """Mask of the test rows: of each label the share with the smallest hashes of their content.

    Equal texts of one label fall on one side. A label of one row stays in training.
    """
    keys = uniform_keys(contents.to_numpy(), seed, "prove.holdout")
    _, group = np.unique(labels.fill_null("").to_numpy().astype(str), return_inverse=True)
    size = np.bincount(group)
    wanted = np.where(size > 1, np.maximum(np.round(share * size), 1), 0)
    first = ranks_within(keys, group) < wanted[group]
    threshold = np.full(len(size), -1.0)  # the last key that is held out, of each label
    np.maximum.at(threshold, group[first], keys[first])
    held: np.ndarray = keys <= threshold[group]
    return held


def copies(
    texts: pl.Series, train: np.ndarray, test: np.ndarray, params: DeduplicateParams, seed: int
) -> Int[np.ndarray, " c"]:
    """Test rows that are equal or near copies (Jaccard of word n-grams) of a train row, sorted."""
    exact = texts.is_in(texts.filter(pl.Series(train)).implode()).to_numpy() & test
    sets = NgramSets.of(texts, params.ngram_words)
    pairs = candidate_pairs(sets, params.threshold, params.permutations, seed)
    across = (train[pairs[:, 0]] & test[pairs[:, 1]]) | (test[pairs[:, 0]] & train[pairs[:, 1]])
    pairs = pairs[across]
    pairs = pairs[jaccard(sets, pairs) >= params.threshold]
    rows = pairs.ravel()
    return np.unique(np.concatenate([np.flatnonzero(exact), rows[test[rows]]]))
