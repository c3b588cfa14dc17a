"""Noise that nobody can subtract: a function of a secret salt and of what is asked.

It is drawn from no generator, so the same question has the same noise whenever it is asked, also
after the ledger was lost: asking again never averages it away.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LaplaceNoise:
    """Laplace noise with mean 0, by inverting its distribution function."""

    salt: bytes = field(repr=False)

    def __call__(self, scale: float, *about: str) -> float:
        """The noise of this scale (its standard deviation is sqrt(2) times that) for `about`."""
        digest = hmac.new(self.salt, "\0".join(about).encode(), hashlib.sha256).digest()
        centred = (int.from_bytes(digest[:8]) + 0.5) / 2**64 - 0.5  # uniform in (-1/2, 1/2)
        return -scale * math.copysign(math.log1p(-2 * abs(centred)), centred)
