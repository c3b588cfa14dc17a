"""What is proved on: the rows of a data set, and which of them are held out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

Schedule = Sequence[Int[np.ndarray, " k"]]  # row indices per pass, all of `Task.train`


@dataclass(frozen=True, eq=False)  # as one object, so that what is made of it can be kept
class Task:
    """n rows in order of their ids; `train` and `test` are disjoint, sorted row indices.

    `vectors` have unit length; `tokens` are the encoder's, at least 1; `labels` are codes from 0,
    None without a label column; `ratings` are None without a rating column.
    """

    name: str
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    vectors: Float[np.ndarray, "n d"]
    tokens: Int[np.ndarray, " n"]
    labels: Int[np.ndarray, " n"] | None
    ratings: Float[np.ndarray, " n"] | None
    train: Int[np.ndarray, " a"]
    test: Int[np.ndarray, " t"]

    @property
    def classes(self) -> int:
        """Number of labels; 0 without a label column."""
        return 0 if self.labels is None else int(self.labels.max(initial=-1)) + 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything a score can depend on; the name is not among it."""
        found = hashlib.sha256()
        for text in (*self.ids, *self.texts):
            found.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        arrays = (self.vectors, self.tokens, self.labels, self.ratings, self.train, self.test)
        for array in arrays:
            found.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
            found.update(b"|")
        return found.hexdigest()

    def unseen(self) -> "Task":
        """The same rows without labels and ratings: all that may be looked at before a choice."""
        return replace(self, labels=None, ratings=None)
