"""Alignment: how far a small change of a text moves its vector."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from tasks.encoders import Encoder
from tasks.health.measures import unit_rows

CHANGED: Final = 64  # texts that are encoded once more
LEFT_OUT: Final = 10  # every so manieth word


def alignment(
    encoder: Encoder, texts: Sequence[str], vectors: Float[np.ndarray, "m d"], mean_cosine: float
) -> dict[str, Any]:
    """Mean squared distance between a text's vector and that of the text without every tenth word.

    Wang and Isola (2020), with word deletion as the change (Wu et al., 2020). Range [0, 4] between
    unit rows; 0: the change is not seen. Beside it the mean over random pairs, 2 - 2 mean cosine:
    what makes one of them far and the other near is what the encoder can tell apart. Texts of fewer
    than ten words are left out.
    """
    long = [place for place, text in enumerate(texts) if len(text.split()) >= LEFT_OUT]
    changed = np.zeros((len(long), encoder.width), dtype=np.float32)
    for part in encoder.encode([thinned(texts[place]) for place in long]):
        changed[part.positions] = part.vectors
    moved = unit_rows(changed) - unit_rows(vectors[long])
    squares = np.square(moved, dtype=np.float64).sum(axis=1)
    return {
        "texts": len(long),
        "changed": float(squares.mean()) if long else None,
        "random_pairs": 2 - 2 * mean_cosine,
    }


def thinned(text: str) -> str:
    """The words of a text but every tenth, with single spaces between."""
    return " ".join(word for place, word in enumerate(text.split(), 1) if place % LEFT_OUT)
