"""The look at the sources: counts near the truth, and bounded whatever the sources are."""

import gzip
import json
import time

import pytest

from schemas.errors import SourceError
from schemas.params import IngestParams
from tasks.glance import GLANCE_BYTES, MOST_SECONDS, glance
from tests.hostile.files import bomb
from tests.tasks.ingesting import as_csv, as_parquet

ROWS = [{"id": f"r{n}", "text": f"Row {n} " + "word " * (n % 40)} for n in range(20_000)]


def lines(rows) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def look(root, **files: bytes):
    for name, content in files.items():
        (root / name.replace("_", ".")).write_bytes(content)
    names = [name.replace("_", ".") for name in files]
    return glance(IngestParams(sources=names, id_key="id"), root)


def test_small_files_are_counted(tmp_path):
    sample = look(tmp_path, a_jsonl=lines(ROWS[:50]), b_csv=as_csv(ROWS[:30]),
                  c_jsonl_gz=gzip.compress(lines(ROWS[:20])))  # fmt: skip
    assert (sample.files, sample.total_records, sample.spread) == (3, 100, 0)
    assert sample.accepted_share == 1


def test_refused_records_are_in_the_share(tmp_path):
    sample = look(tmp_path, a_jsonl=lines([*ROWS[:30], *[{"id": "x"}] * 10]))
    assert sample.total_records == 40
    assert sample.accepted_share == pytest.approx(0.75)


@pytest.mark.parametrize("rows", [ROWS, sorted(ROWS, key=lambda row: len(row["text"]))])
def test_long_files_are_estimated_within_the_interval(tmp_path, rows):
    content = lines(rows)
    assert len(content) > 3 * GLANCE_BYTES
    sample = look(tmp_path, a_jsonl=content)
    error = abs(sample.total_records / len(rows) - 1)
    assert error < 0.5
    assert sample.spread > 0 or error < 0.01


def test_the_footer_counts_the_rows_of_parquet(tmp_path):
    sample = look(tmp_path, a_parquet=as_parquet(ROWS))
    assert (sample.total_records, sample.spread) == (len(ROWS), 0)
    assert 0 < sample.records < len(ROWS)


def test_a_bomb_takes_no_longer_than_allowed(tmp_path):
    started = time.process_time()
    sample = look(tmp_path, a_jsonl_gz=bomb(100, "gz"), b_jsonl=lines(ROWS[:5]))
    assert time.process_time() - started < 4 * MOST_SECONDS
    assert sample.total_records >= 0


def test_a_pattern_that_names_nothing_is_told(tmp_path):
    with pytest.raises(SourceError, match="no file matches"):
        glance(IngestParams(sources=["none.jsonl"]), tmp_path)
