"""A metric whose value changes must say so by a new version."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.metrics import ALL_METRICS
from tasks.metrics.parts import describe
from tasks.metrics.rows import Target
from tasks.metrics.view import SubsetView
from tests.golden_files import compare, nothing_left_over
from tests.tasks.test_metrics import make_rows, random_unit

ROWS = make_rows(random_unit(300, 8, seed=21), seed=21)
TARGET = Target(random_unit(40, 8, seed=22).astype(np.float32), np.arange(40) % 7)
SUBSETS = {"few": np.arange(0, 300, 30), "many": np.arange(0, 300, 2), "first": np.arange(25)}
# The ranks behind an AUC are of a fitted classifier: two may change places on another processor.
RECORDED = {name: kind for name, kind in ALL_METRICS.items() if not name.endswith("_auc")}


@pytest.mark.parametrize("name", RECORDED)
def test_a_value_changes_only_with_the_version(name: str) -> None:
    metric, rows = RECORDED[name], replace(ROWS, target=TARGET)
    values = {
        subset: [round(float(metric()(SubsetView(describe(rows, chosen)))), 6) + 0.0]
        for subset, chosen in SUBSETS.items()
    }
    compare("metrics", name, metric.version, values)


def test_no_golden_file_is_left_over_from_an_older_version() -> None:
    nothing_left_over("metrics", RECORDED)
