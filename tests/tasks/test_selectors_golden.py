"""A selector whose picks change must say so by a new version."""

from typing import Any

import numpy as np
import pytest

from tasks.engine.constraints import Limits
from tasks.selectors import SELECTORS
from tests.golden_files import compare, nothing_left_over
from tests.pools import random_pool

PLAIN = random_pool(60, d=8, seed=11)
BOUND = random_pool(40, d=5, seed=12)
CASES = {
    "plain": (PLAIN, Limits(12)),
    "bound": (
        BOUND,
        Limits(45, True, {0: 3}, {1: 2}, (5, 17), (8, 9), {3: "below_min_quality"}),
    ),
}


def found(name: str) -> dict[str, Any]:
    """Picks, gains and fates in both pools, to six decimals."""
    output: dict[str, Any] = {}
    for case, (pool, limits) in CASES.items():
        selection = SELECTORS[name]()(pool, limits, 7)
        output[f"{case} picks"] = selection.indices.tolist()
        for key in ("gains", "needed_quality", "needed_budget_rows"):
            values = np.round(getattr(selection, key), 6)
            output[f"{case} {key}"] = [None if np.isnan(v) else float(v) for v in values]
        output[f"{case} status"] = selection.status.tolist()
    return output


@pytest.mark.parametrize("name", SELECTORS)
def test_output_changes_only_with_the_version(name: str) -> None:
    compare("selectors", name, SELECTORS[name].version, found(name))


def test_no_golden_file_is_left_over_from_an_older_version() -> None:
    nothing_left_over("selectors", SELECTORS)
