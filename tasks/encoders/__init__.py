"""Models that turn texts into vectors: one protocol, one loader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from schemas.params import EmbedParams


@dataclass(frozen=True)
class Encoded:
    """Vectors of some of the texts given: their positions, unit-length rows, and token counts.

    A vector of zeros stands for a text in which the model knows no token. `tokens` counts the
    whole text, before it is cut to the limit, without the model's special tokens.
    """

    positions: Int[np.ndarray, " b"]
    vectors: Float[np.ndarray, "b d"]
    tokens: Int[np.ndarray, " b"]


class Encoder(Protocol):
    """Maps a text to a vector that depends on the text and the model alone, bit for bit."""

    width: int  # dimensions of a vector
    identity: str  # digest of weights and settings: equal identities give equal vectors
    device: str

    def encode(self, texts: Sequence[str]) -> Iterator[Encoded]:
        """Encode texts, batch by batch, in any order; every position comes exactly once."""


def load_encoder(params: EmbedParams) -> Encoder:
    """Load the model named in the settings; raises `SettingsError` if it is not to be had."""
    from tasks.encoders.models import load_model
    from tasks.encoders.static import StaticEncoder
    from tasks.encoders.transformer import TransformerEncoder

    model, identity, device = load_model(params)
    kind = StaticEncoder if type(model[0]).__name__ == "StaticEmbedding" else TransformerEncoder
    encoder: Encoder = kind(model, identity, device, params)
    return encoder


def unit_rows(vectors: Float[np.ndarray, "b d"]) -> Float[np.ndarray, "b d"]:
    """Scale rows to unit length, computed in float64; a row shorter than 1e-6 becomes zeros."""
    wide = vectors.astype(np.float64)
    length = np.sqrt((wide**2).sum(axis=1, keepdims=True))
    scaled = np.divide(wide, length, out=np.zeros_like(wide), where=length > 1e-6)
    unit: np.ndarray = scaled.astype(np.float32)
    return unit
