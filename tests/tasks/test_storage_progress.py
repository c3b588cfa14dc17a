"""Files of an interrupted stage: read back whole, or taken for none."""

import logging
from pathlib import Path

import numpy as np
import pytest

from tasks.storage.progress import ProgressFiles

ARRAYS = {"picks": np.arange(5), "s.bounds": np.linspace(0, 1, 7), "r.rules": np.array(["a", "bb"])}


def files(folder: Path, key: str = "k1") -> ProgressFiles:
    return ProgressFiles(folder / "choose", lambda: key)


def test_what_was_saved_is_read_back_by_phase(tmp_path: Path) -> None:
    kept = files(tmp_path)
    assert kept.load("one phase") is None
    kept.save("one phase", {"picks": np.zeros(3)})
    kept.save("one phase", ARRAYS)
    kept.save("other", {"picks": np.arange(2)})
    found = files(tmp_path).load("one phase")
    assert found is not None
    assert set(found) == set(ARRAYS)
    for name, values in ARRAYS.items():
        assert np.array_equal(found[name], values)
    kept.remove()
    kept.remove()
    assert files(tmp_path).load("other") is None
    assert not (tmp_path / "choose").exists()


def test_other_work_starts_from_the_beginning_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files(tmp_path, "k1").save("p", ARRAYS)
    with caplog.at_level(logging.INFO, "winnow"):
        assert files(tmp_path, "k2").load("p") is None
    assert "belongs to other inputs or settings" in caplog.text


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "no key"])
def test_a_damaged_file_counts_as_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    kept = files(tmp_path)
    kept.save("p", ARRAYS)
    (file,) = (tmp_path / "choose").iterdir()
    content = bytearray(file.read_bytes())
    if damage == "no key":
        np.savez(file, **ARRAYS)
    else:
        content[len(content) // 3] ^= 0xFF
        changed = {"cut": content[: len(content) // 2], "flip": content, "empty": b"", "text": b"?"}
        file.write_bytes(bytes(changed[damage]))
    with caplog.at_level(logging.INFO, "winnow"):
        assert kept.load("p") is None
    assert "starting from the beginning" in caplog.text


def test_the_key_is_worked_out_only_where_there_is_something_to_compare(tmp_path: Path) -> None:
    asked = []
    kept = ProgressFiles(tmp_path / "choose", lambda: asked.append(1) or "k")
    kept.load("p")
    assert not asked
    kept.save("p", ARRAYS)
    kept.save("p", ARRAYS)
    kept.load("p")
    assert len(asked) == 1
