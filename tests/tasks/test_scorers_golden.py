"""A scorer whose output changes must say so by a new version."""

import zlib

import numpy as np
import pytest

from tasks.scorers import SCORERS
from tests.golden_files import compare, nothing_left_over

TEXTS = [
    "",
    "Hi",
    "The cat sat on the mat.",
    "the mat sat the on cat",
    "The cat sat on the mat. The cat sat on the mat. The cat sat on the mat.",
    "Water boils at 100 °C at sea level. Higher up, where the air is thinner, it boils sooner!",
    "# Title\n\n- first point\n- second point\n- third point...\n\n- first point\n",
    "def add(a, b):\n    return {a: a + b}  # the sum of a and b\n",
    "Enable JavaScript to read our privacy policy. We use cookies. Lorem ipsum dolor sit amet.",
    'She said: "To be with you, that is all I have." And of that we heard no more…',
    "これは文です。それも文です。",
    "😀 😀 😀 🎉",
    "word " * 120,
    "One. Two! Three? Four. Five.\nOne. Two! Three? Four. Five.\n",
]


def found(name: str) -> dict[str, list[float | None]]:
    columns = SCORERS[name]()(TEXTS).columns
    return {
        column: [None if np.isnan(value) else round(float(value), 6) + 0.0 for value in values]
        for column, values in columns.items()
    }


@pytest.mark.parametrize("name", sorted(SCORERS))
def test_output_changes_only_with_the_version(name: str) -> None:
    if name == "compression" and "ng" in zlib.ZLIB_RUNTIME_VERSION:
        pytest.skip("zlib-ng packs to other sizes than the zlib of the golden file")
    compare("scorers", name, SCORERS[name].version, found(name))


def test_no_golden_file_is_left_over_from_an_older_version() -> None:
    nothing_left_over("scorers", SCORERS)
