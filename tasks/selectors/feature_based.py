"""Selector `feature_based`: hold something of every label, cluster or group, and more of few."""

from dataclasses import dataclass
from typing import ClassVar, get_args

from schemas.errors import SettingsError
from tasks.engine.labels import centroids, nearest_labels
from tasks.engine.objectives.features import ConcaveFeatures, Curve
from tasks.engine.pool import Pool
from tasks.selectors.mixing import MixingSelector, check_between


@dataclass(frozen=True)
class FeatureBased(MixingSelector):
    """Mix quality with sum_f phi(sum_{i in S} m_if), phi concave (Lin and Bilmes, 2011).

    m_if is how much of feature f row i holds: 1 for each value of the columns `by` (cluster,
    source or metadata keys, whose values may be lists of labels). With `nearest` r > 0 a row holds
    its cosines with the r nearest labels instead, a label being the mean row of its rows. Exact;
    time O(n) beside the features a row has, memory O(n).
    """

    version: ClassVar[str] = "1.0.0"
    needs: ClassVar[tuple[str, ...]] = ("features",)
    by: str | list[str] = "cluster"
    curve: Curve = "sqrt"  # phi: sqrt(x), x^0.8 or log(1 + x)
    nearest: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("nearest", self.nearest, 0, 1000)
        if self.curve not in get_args(Curve):
            raise SettingsError(f"curve must be one of {get_args(Curve)}; got {self.curve!r}")

    def part(self, pool: Pool) -> ConcaveFeatures:
        """The objective, for no rows picked yet."""
        features = pool.features_or_strata()
        if self.nearest and len(pool):
            centres = centroids(pool.vectors, features)
            features = nearest_labels(pool.vectors, centres, self.nearest)
        return ConcaveFeatures(features, self.curve)
