"""Metrics: what a subset is like. Add one: a frozen dataclass in a file here, a line in METRICS."""

from typing import ClassVar, Final, Protocol

from tasks.metrics.coverage import (
    ClusterCoverage,
    ClusterRowCoverage,
    CoverageMean,
    CoverageP05,
    CoverageRelative,
    CoveredShare,
    CoverRadius,
    LeastDistance,
    Redundancy,
)
from tasks.metrics.distribution import (
    ClusterDivergence,
    DomainAuc,
    MeanDiscrepancy,
    SlicedTransport,
    TargetAuc,
    TargetDiscrepancy,
    TargetDivergence,
    TargetTransport,
)
from tasks.metrics.magnitude import MagnitudeAt, MagnitudeDouble, MagnitudeHalf, SpreadAt
from tasks.metrics.totals import GroupDistance, MeanQuality, RowCount, TokenCount
from tasks.metrics.vendi import (
    Vendi0,
    Vendi1,
    Vendi2,
    VendiGaussian,
    VendiHalf,
    VendiInfinity,
    VendiQuality,
)
from tasks.metrics.view import SubsetView


class Metric(Protocol):
    """A number about a subset: pure, and blind to the order of rows.

    `better` is higher, lower or neither; `label` what the report calls it; `bounds` its range.
    """

    version: ClassVar[str]
    better: ClassVar[str]
    label: ClassVar[str]
    bounds: ClassVar[tuple[float, float]]

    def __call__(self, view: SubsetView) -> float:
        """Measure one subset."""
        ...


METRICS: Final[dict[str, type[Metric]]] = {
    "vendi_1": Vendi1,
    "vendi_2": Vendi2,
    "vendi_0": Vendi0,
    "vendi_05": VendiHalf,
    "vendi_infinity": VendiInfinity,
    "vendi_quality": VendiQuality,
    "vendi_gaussian": VendiGaussian,
    "magnitude_half": MagnitudeHalf,
    "magnitude": MagnitudeAt,
    "magnitude_double": MagnitudeDouble,
    "spread": SpreadAt,
    "redundancy": Redundancy,
    "least_distance": LeastDistance,
    "coverage_mean": CoverageMean,
    "coverage_p05": CoverageP05,
    "coverage_relative": CoverageRelative,
    "covered_share": CoveredShare,
    "cover_radius": CoverRadius,
    "cluster_coverage": ClusterCoverage,
    "cluster_row_coverage": ClusterRowCoverage,
    "mean_discrepancy": MeanDiscrepancy,
    "sliced_transport": SlicedTransport,
    "domain_auc": DomainAuc,
    "cluster_divergence": ClusterDivergence,
    "group_distance": GroupDistance,
    "mean_quality": MeanQuality,
    "rows": RowCount,
    "tokens": TokenCount,
}

TARGET_METRICS: Final[dict[str, type[Metric]]] = {  # measured only where a target is given
    "target_discrepancy": TargetDiscrepancy,
    "target_transport": TargetTransport,
    "target_auc": TargetAuc,
    "target_divergence": TargetDivergence,
}
ALL_METRICS: Final = {**METRICS, **TARGET_METRICS}

_CLUSTERS: Final = "leaving rows out seldom empties a cluster: the interval would be too narrow"
NO_INTERVAL: Final[dict[str, str]] = {  # metrics of a single fixed subset, and why
    "cluster_coverage": _CLUSTERS,  # measured: it held the truth in 10 % of the trials
    "cluster_row_coverage": _CLUSTERS,
    "cover_radius": "one row decides a maximum: leaving rows out says nothing of its error",
    "least_distance": "one pair decides a minimum: leaving rows out says nothing of its error",
}
