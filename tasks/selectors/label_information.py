"""Selector `label_information`: the most information over a graph of labels."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from scipy import sparse

from schemas.errors import SettingsError
from tasks.engine.labels import centroids, label_graph, spread_over
from tasks.engine.objectives.features import ConcaveFeatures
from tasks.engine.pool import Pool
from tasks.selectors.mixing import MixingSelector, check_between

Gain = Literal["exact", "reference"]


@dataclass(frozen=True)
class LabelInformation(MixingSelector):
    """Mix quality with sum_l phi(sum_{i in S} u_il), phi(x) = x^0.8 (MIG; Chen et al., 2025).

    u_i = q_i v_i P: v_i marks the labels of row i (each 1 / their number if `per_label`), q_i is
    its quality unless not `weighted`, and P the graph of labels: their cosines from
    `label_threshold` up, its columns adding up to 1. A label is the mean row of its rows. Labels
    are the values of the columns `by` (cluster, source or metadata keys, whose values may be
    lists). `gain` is what a row adds, or as the authors' code has it (`reference`) u_i phi'(x),
    by which a weak row of a new label beats strong rows. Rows without labels, or of quality 0, add
    nothing. Exact greedy; memory O(labels of all rows).
    """

    version: ClassVar[str] = "1.0.0"
    needs: ClassVar[tuple[str, ...]] = ("features",)
    diversity_weight: float = 1.0  # quality is in the objective itself
    by: str | list[str] = "cluster"
    label_threshold: float = 0.9
    gain: Gain = "exact"
    weighted: bool = True
    per_label: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_between("label_threshold", self.label_threshold, 0.01, 1)
        if self.gain not in get_args(Gain):
            raise SettingsError(f"gain must be one of {get_args(Gain)}; got {self.gain!r}")

    def part(self, pool: Pool) -> ConcaveFeatures:
        """The objective, for no rows picked yet."""
        labels = pool.features_or_strata()
        if len(pool):
            labels = self._informed(pool, labels)
        return ConcaveFeatures(labels, "power", linearised=self.gain == "reference")

    def _informed(self, pool: Pool, labels: sparse.csr_array) -> sparse.csr_array:
        worth = pool.quality.copy() if self.weighted else np.ones(len(pool))
        if self.per_label:
            worth /= np.maximum(np.diff(labels.indptr), 1)
        graph = label_graph(centroids(pool.vectors, labels), self.label_threshold)
        informed = spread_over(sparse.csr_array(sparse.diags_array(worth) @ labels), graph)
        informed.eliminate_zeros()
        return informed
