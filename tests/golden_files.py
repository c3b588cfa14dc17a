"""Recorded output: a method whose output changes must say so by a new version."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = 2e-6


def compare(kind: str, name: str, version: str, found: dict[str, Any]) -> None:
    """Fail if a method's output is not what its version gave; record it where asked to.

    `found` holds numbers, None or (nested) lists of them. Whole numbers must be equal, others to
    `TOLERANCE`.
    """
    path = GOLDEN / f"{kind}-{name}-{version}.json"
    if os.environ.get("WINNOW_WRITE_GOLDEN") == name and not path.exists():
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert path.exists(), (
        f"no golden output for {name} {version}; if the new output is right, run the tests with "
        f"WINNOW_WRITE_GOLDEN={name}, and delete the file of the old version"
    )
    golden = json.loads(path.read_text("utf-8"))
    keys = golden.keys() | found.keys()
    changed = sorted(k for k in keys if not _same(golden.get(k), found.get(k)))
    assert not changed, (
        f"the output of {name} changed in {changed} while its version is still {version}: "
        "raise the version, or undo the change"
    )


def nothing_left_over(kind: str, methods: dict[str, Any]) -> None:
    """Fail if there is a golden file of an older version, or of a method that is gone."""
    wanted = {f"{kind}-{name}-{method.version}.json" for name, method in methods.items()}
    assert {path.name for path in GOLDEN.glob(f"{kind}-*.json")} == wanted


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return one == pytest.approx(other, rel=0, abs=TOLERANCE)
    return bool(one == other)
