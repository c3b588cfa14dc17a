"""The reference file of the language model: what is read, and what is refused with its line."""

from pathlib import Path

import pytest

from schemas.errors import SourceError
from tasks import reference
from tasks.reference import read_reference


def test_each_line_is_a_document_and_blank_lines_are_none(tmp_path: Path) -> None:
    path = tmp_path / "reference.txt"
    path.write_text('  one line \n\n{"text": "not parsed"}\r\nlast', "utf-8")
    found = [text for chunk in read_reference(path) for text in chunk]
    assert found == ["one line", '{"text": "not parsed"}', "last"]


def test_a_long_file_comes_in_several_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "CHUNK_BYTES", 10)
    path = tmp_path / "reference.jsonl"
    path.write_text("".join(f'{{"text": "n {place}"}}\n' for place in range(5)), "utf-8")
    chunks = list(read_reference(path))
    assert [text for chunk in chunks for text in chunk] == [f"n {place}" for place in range(5)]
    assert len(chunks) == 5


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.txt", None, "No such file"),
        ("bad.txt", b"fine\n\xff\xfe\n", "line 2"),
        ("bad.jsonl", b'{"text": "fine"}\n{"txt": 1}\n', "line 2"),
        ("broken.jsonl", b"{\n", "line 1"),
        ("list.jsonl", b"[1]\n", "no field `text`"),
        ("number.jsonl", b'{"text": 5}\n', "no field `text`"),
        ("long.txt", b"x" * (reference.LINE_BYTES + 1), "4,194,304 bytes"),
    ],
)
def test_a_reference_that_cannot_be_used_names_the_line(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as error:
        list(read_reference(tmp_path / name))
    assert words in str(error.value)
    assert name in str(error.value)
