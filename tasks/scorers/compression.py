"""Scorer `compression`: how well a text packs; repetition packs well, noise not at all."""

import math
import zlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from schemas.results import Method, Scores
from tasks.scorers.contract import Column, Scorer, Texts


@dataclass(frozen=True)
class Compression(Scorer):
    """compression_ratio = bytes after zlib (DEFLATE, Deutsch 1996) / bytes of the UTF-8 text.

    Prose lies near 0.5, a repeated phrase near 0.02, random signs near 0.8; texts of a few dozen
    bytes exceed that, up to 9 for a single byte, because of the container. NaN for an empty text.
    """

    version: ClassVar[str] = "1.0.0"
    columns: ClassVar[dict[str, Column]] = {
        "compression_ratio": Column(
            "middle", 0.0, math.inf, "bytes per byte", "Deutsch 1996", "packed size over size"
        )
    }
    level: int = 6  # zlib's effort, 1 to 9

    def __call__(self, texts: Texts) -> Scores:
        """Pack each text by itself."""
        ratios = (self._ratio(text.encode()) for text in texts)
        values = np.fromiter(ratios, dtype=np.float64, count=len(texts))
        return Scores({"compression_ratio": values}, Method.of(self))

    def _ratio(self, data: bytes) -> float:
        return len(zlib.compress(data, self.level)) / len(data) if data else math.nan
