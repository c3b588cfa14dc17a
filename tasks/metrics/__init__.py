"""Metrics: what a subset is like. Add one: a frozen dataclass in a file here, a line in METRICS."""

from typing import ClassVar, Final, Protocol

from tasks.metrics.coverage import CoverageMean, CoverageP05, Redundancy
from tasks.metrics.totals import GroupDistance, MeanQuality, RowCount, TokenCount
from tasks.metrics.vendi import Vendi0, Vendi1, Vendi2, VendiHalf, VendiInfinity, VendiQuality
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
    "coverage_mean": CoverageMean,
    "coverage_p05": CoverageP05,
    "redundancy": Redundancy,
    "mean_quality": MeanQuality,
    "group_distance": GroupDistance,
    "rows": RowCount,
    "tokens": TokenCount,
}
