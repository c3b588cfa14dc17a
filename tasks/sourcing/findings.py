"""What is found out about one source, before any verdict."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from tasks.sourcing.gain import Gain
from tasks.sourcing.vocabulary import Vocabulary

DECIMALS: Final = 6


@dataclass(frozen=True)
class Findings:
    """The numbers of one source or candidate against its target; shares are in [0, 1].

    `rows`: its distinct contents (estimated where it is sampled), of which `sampled` were looked
    at; `target_rows`: rows of the target looked at. Shift: `auc` with `auc_low`, `auc_high` (.5:
    alike), `mmd` with `mmd_p` and, by Holm over all sources, `mmd_p_holm`; `vocabulary`.
    `redundant`: share with a pool row of cosine >= the stated one; `known_share`: share that the
    pool has, word for word or nearly. `quality`: chance of being better than a row of the pool.
    `like_target`: share of the source that may come from the target's distribution, `of_target`:
    share of the target that may come from the source's, `of_pool` the same of the pool (without
    the source); all three are upper bounds.
    """

    name: str
    kind: str
    rows: int
    sampled: int
    records: int
    refused: int
    target_rows: int
    auc: float
    auc_low: float
    auc_high: float
    a_distance: float
    mmd: float
    mmd_p: float
    mmd_p_holm: float
    vocabulary: Vocabulary
    gain: Gain | None
    gain_p_holm: float
    redundant: float
    known_share: float
    quality: float
    quality_low: float
    quality_high: float
    like_target: float
    of_target: float
    of_pool: float

    def data(self) -> dict[str, Any]:
        """Plain data, numbers rounded."""
        ratio = {"ratio": self.gain.ratio} if self.gain else {}
        whole = asdict(self)
        whole["gain"] = {**whole["gain"], **ratio} if self.gain else None
        return {key: _rounded(value) for key, value in whole.items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return round(value, DECIMALS) + 0.0 if isinstance(value, float) else value
