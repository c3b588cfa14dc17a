"""A scorer of vectors whose output changes must say so by a new version."""

import numpy as np
import pytest

from tasks.engine.neighbours import nearest_neighbours
from tasks.scorers import VECTOR_SCORERS
from tests.golden_files import compare, nothing_left_over
from tests.pools import random_pool

ROWS = np.vstack([random_pool(30, d=6, seed=13).vectors, np.eye(2, 6)[[0, 0, 1]]], dtype=np.float32)


def found(name: str) -> dict[str, list[float | None]]:
    columns = VECTOR_SCORERS[name]()(ROWS, nearest_neighbours(ROWS, 1).similarity).columns
    return {
        column: [None if np.isnan(value) else round(float(value), 6) + 0.0 for value in values]
        for column, values in columns.items()
    }


@pytest.mark.parametrize("name", sorted(VECTOR_SCORERS))
def test_output_changes_only_with_the_version(name: str) -> None:
    compare("vector_scorers", name, VECTOR_SCORERS[name].version, found(name))


def test_no_golden_file_is_left_over_from_an_older_version() -> None:
    nothing_left_over("vector_scorers", VECTOR_SCORERS)
