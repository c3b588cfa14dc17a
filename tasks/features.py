"""Labels of rows as features: a column per value of some columns, lists of values included."""

import json
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from scipy import sparse

from tasks.groups import NONE, values_of

LIST: Final = "["  # what the text of a metadata list begins with


def features_of(rows: pl.DataFrame, columns: Sequence[str]) -> sparse.csr_array:
    """Which labels each row has: (n, labels), 1 where it has one, labels sorted within a column.

    A label is a value of a column (source, cluster or a metadata key), or a member of it where it
    is a list. Case and spaces do not tell labels apart, and a row without a value has no label.
    Raises `SettingsError` for a key that no row has.
    """
    return sparse.csr_array(sparse.hstack([_of_column(rows, name) for name in columns]))


def _of_column(rows: pl.DataFrame, column: str) -> sparse.csr_array:
    values = values_of(rows, column)
    texts = values.unique().sort()
    labels_of = [_labels(text) for text in texts.to_list()]
    names = sorted({label for labels in labels_of for label in labels})
    place = {name: index for index, name in enumerate(names)}
    starts = np.cumsum([0, *(len(labels) for labels in labels_of)])
    ends = np.array([place[label] for labels in labels_of for label in labels], dtype=np.int64)
    each = sparse.csr_array(
        (np.ones(len(ends)), ends, starts), shape=(len(texts), max(1, len(names)))
    )
    return sparse.csr_array(each[values.cast(pl.Enum(texts)).to_physical().to_numpy()])


def _labels(text: str) -> list[str]:
    """The labels that a value stands for, sorted, each once."""
    if text == NONE:
        return []
    parts = [text]
    if text.startswith(LIST):
        try:
            found = json.loads(text)
        except ValueError:
            found = text  # a text that merely begins like a list
        parts = [str(part) for part in found] if isinstance(found, list) else [text]
    return sorted({label for part in parts if (label := " ".join(part.casefold().split()))})
