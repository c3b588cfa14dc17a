"""A scorer whose output changes must say so by a new version."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest

from tasks.scorers import SCORERS

GOLDEN = Path(__file__).parents[1] / "golden"
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
    path = GOLDEN / f"scorers-{name}-{SCORERS[name].version}.json"
    if os.environ.get("WINNOW_WRITE_GOLDEN") == name and not path.exists():
        path.write_text(json.dumps(found(name), indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert path.exists(), (
        f"no golden output for {name} {SCORERS[name].version}; if the new output is right, run "
        f"WINNOW_WRITE_GOLDEN={name} pytest {Path(__file__).name}, and delete the old file"
    )
    golden = json.loads(path.read_text("utf-8"))
    now = found(name)
    changed = sorted(
        column
        for column in golden.keys() | now.keys()
        if column not in golden
        or column not in now
        or not np.allclose(
            np.array(golden[column], dtype=float),
            np.array(now[column], dtype=float),
            rtol=0,
            atol=2e-6,
            equal_nan=True,
        )
    )
    assert not changed, (
        f"the output of {name} changed in {changed} while its version is still "
        f"{SCORERS[name].version}: raise the version, or undo the change"
    )


def test_no_golden_file_is_left_over_from_an_older_version() -> None:
    wanted = {f"scorers-{name}-{scorer.version}.json" for name, scorer in SCORERS.items()}
    assert {path.name for path in GOLDEN.glob("scorers-*.json")} == wanted
