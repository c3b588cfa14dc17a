"""What a selector sees: the rows it may choose from, as arrays sorted by row id."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from schemas.errors import WinnowError


@dataclass(frozen=True)
class Pool:
    """n rows in order of their ids, so that a lower index is the lower id and ties go to it.

    `vectors` have unit length; `quality` lies in [0, 1]; `cost` is in tokens (at least 1);
    `group` (for floors and caps) holds codes into `group_names`, a column per attribute; different
    attributes have different codes, so a code stands for one value of one attribute. `stratum`
    holds any non-negative codes. `features` says how much of each of F features a row holds
    (labels: 1 each), all at least 0; it is filled for selectors that need it, and else every row's
    stratum is its one feature.
    """

    ids: np.ndarray  # (n,) of str
    vectors: Float[np.ndarray, "n d"]
    quality: Float[np.ndarray, " n"]
    cost: Int[np.ndarray, " n"]
    group: Int[np.ndarray, "n c"]
    group_names: tuple[str, ...]
    stratum: Int[np.ndarray, " n"]
    features: sparse.csr_array | None = None  # (n, F)

    def __len__(self) -> int:
        return len(self.ids)

    def __post_init__(self) -> None:
        n = len(self.ids)
        for name in ("vectors", "quality", "cost", "group", "stratum", "features"):
            array = getattr(self, name)
            if array is not None and array.shape[0] != n:
                raise WinnowError(
                    f"the pool's {name} must have one entry per row",
                    expected=f"{n} entries",
                    where=f"{name} has {array.shape[0]}",
                )
        if self.group.ndim != 2:
            raise WinnowError(
                "the pool's groups need a column per attribute",
                expected=f"shape ({n}, number of attributes)",
                where=f"shape {self.group.shape}",
            )
        if not (np.isfinite(self.vectors).all() and np.isfinite(self.quality).all()):
            raise WinnowError("the pool holds values that are not finite (NaN wins every argmax)")
        if self.features is not None and not (self.features.data >= 0).all():
            raise WinnowError("the pool's features must be numbers of at least 0")

    def taken(self, rows: Int[np.ndarray, " m"]) -> "Pool":
        """These rows alone, at rising positions; features are left out."""
        return Pool(
            ids=self.ids[rows],
            vectors=self.vectors[rows],
            quality=self.quality[rows],
            cost=self.cost[rows],
            group=self.group[rows],
            group_names=self.group_names,
            stratum=self.stratum[rows],
        )

    def features_or_strata(self) -> sparse.csr_array:
        """The features (n, F), float64; without any, one per stratum."""
        if self.features is not None:
            return sparse.csr_array(self.features, dtype=np.float64)
        n = len(self)
        shape = (n, int(self.stratum.max(initial=0)) + 1)
        return sparse.csr_array((np.ones(n), self.stratum, np.arange(n + 1)), shape=shape)
