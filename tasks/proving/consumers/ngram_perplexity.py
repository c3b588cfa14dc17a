"""Consumer `ngram_perplexity`: how well a byte n-gram model of the subset foretells other text."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from tasks.proving.byte_ngrams import ByteNgrams
from tasks.proving.consumers.kinds import OfTexts
from tasks.proving.task import Schedule, Task
from tasks.proving.text_bytes import bits_per_row, texts_of


@dataclass(frozen=True)
class NgramPerplexity(OfTexts):
    """Bits per byte of the held-out texts, each text's end counted as a byte; lower is better.

    Range [0, inf): 8 is no knowledge at all. Counts gain nothing from a row met again, so each row
    of the schedule is learnt once, however many passes it is in: a fixed subset is its rows, RS2
    all the rows that it ever drew. Deterministic; `seed` is unused. Time and memory O(bytes).
    """

    version: ClassVar[str] = "1.0.0"
    longest: int = 6  # bytes of an n-gram, at most 8
    test_bytes: int = 2**20  # test rows up to so many bytes are asked, the same for every subset

    def answers(self, task: Task, schedule: Schedule, seed: int) -> Float[np.ndarray, " t"]:
        """Bits that each test row costs; NaN for those beyond `test_bytes`."""
        rows = np.unique(np.concatenate(schedule))
        model = ByteNgrams.learn(texts_of(task, rows), self.longest)
        return bits_per_row(task, self.test_bytes, model.bits)
