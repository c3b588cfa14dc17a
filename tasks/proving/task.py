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
    None without a label column; `ratings` are None without a rating column. `others` are the texts
    that the rows' own were preferred to, by how much `ratings` say; None without such a column.
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
    others: "Others | None" = None

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
        for text in self.others.texts if self.others else ():
            found.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
        return found.hexdigest()

    def unseen(self) -> "Task":
        """The same rows without labels, ratings and other texts: what a choice may look at."""
        return replace(self, labels=None, ratings=None, others=None)


@dataclass(frozen=True, eq=False)
class Others:
    """One other text per row of a task, and its vector of unit length."""

    texts: tuple[str, ...]
    vectors: Float[np.ndarray, "n d"]
