"""The lowest floor: unpacking, lines, normal form."""

import gzip
import hashlib
import tracemalloc
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tasks.readers.canonical import canonical
from tasks.readers.files import UNPACKERS, BrokenStreamError, gather, split_name, unpack
from tasks.readers.lines import Line, split_lines
from tasks.readers.normalise import has_surrogate, is_blank, normalise
from tasks.readers.records import FOUND_CHARS, Refused, missing_column, visible

PACKERS = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress}


def unpacked(kind: str, packed: bytes, block: int = 997) -> tuple[bytes, str]:
    """All that comes out, and the reason why it broke off."""
    blocks = (packed[start : start + block] for start in range(0, len(packed), block))
    out = []
    try:
        for piece in gather(unpack(blocks, UNPACKERS[kind])):
            out.append(piece)
    except BrokenStreamError as error:
        return b"".join(out), str(error)
    return b"".join(out), ""


@pytest.mark.parametrize("kind", PACKERS)
class TestUnpacking:
    @given(
        parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=4), block=st.integers(1, 999)
    )
    def test_members_one_after_another_are_read_whole(
        self, kind: str, parts: list[bytes], block: int
    ) -> None:
        packed = b"".join(PACKERS[kind](part) for part in parts)
        assert unpacked(kind, packed, block) == (b"".join(parts), "")

    @given(cut=st.integers(0, 200))
    def test_a_cut_stream_gives_a_beginning_and_then_breaks(self, kind: str, cut: int) -> None:
        content = hashlib.sha256(b"seed").digest() * 3 + bytes(range(256))
        packed = PACKERS[kind](content)
        out, why = unpacked(kind, packed[: min(cut, len(packed) - 1)])
        assert content.startswith(out)
        assert "ends before" in why

    def test_zero_padding_is_ignored_and_garbage_is_not(self, kind: str) -> None:
        packed = PACKERS[kind](b"content")
        assert unpacked(kind, packed + b"\0" * 700) == (b"content", "")
        out, why = unpacked(kind, packed + b"garbage")
        assert (out, "corrupt" in why) == (b"content", True)

    def test_an_empty_packed_file_is_broken(self, kind: str) -> None:
        assert "ends before" in unpacked(kind, b"")[1]

    def test_a_bomb_is_never_held(self, kind: str) -> None:
        size = 256 * 2**20
        packer = {
            "gz": zlib.compressobj(9, wbits=31),
            "zst": zstandard.ZstdCompressor().compressobj(),
        }
        bomb = b"".join(packer[kind].compress(bytes(2**20)) for _ in range(size >> 20))
        bomb += packer[kind].flush()
        assert len(bomb) < 2**19
        tracemalloc.start()
        total = sum(len(piece) for piece in gather(unpack(iter([bomb]), UNPACKERS[kind])))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert total == size
        assert peak < 48 * 2**20


def test_zstd_frames_that_ask_for_a_huge_window_are_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30, enable_ldm=True)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = writer.compress(b"x" * 100) + writer.flush()
    assert "corrupt" in unpacked("zst", packed)[1]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("rows.jsonl", ("rows", "jsonl", "")),
        ("my.rows.v2.CSV.GZ", ("my.rows.v2", "csv", "gz")),
        ("rows.parquet.zst", ("rows", "parquet", "zst")),
        ("rows.txt.gz", ("rows.txt", "", "gz")),
        ("rows.gz", ("rows", "", "gz")),
        (".jsonl", (".jsonl", "", "")),
    ],
)
def test_a_name_says_format_and_compression(name: str, parts: tuple[str, str, str]) -> None:
    assert split_name(name) == parts


class TestLines:
    @given(
        content=st.lists(st.sampled_from([b"a", b"bc\r", b"\n", b'"', b"0123456789"])).map(
            b"".join
        ),
        cuts=st.lists(st.integers(0, 60)),
        limit=st.integers(0, 12),
        broken=st.booleans(),
    )
    def test_lines_are_those_of_the_content_however_it_is_cut(
        self, content: bytes, cuts: list[int], limit: int, broken: bool
    ) -> None:
        edges = [0, *sorted(cut for cut in cuts if cut <= len(content)), len(content)]

        def blocks() -> Iterator[bytes]:
            for start, end in pairwise(edges):
                yield content[start:end]
            if broken:
                raise BrokenStreamError("cut")

        expected = content.split(b"\n")
        if not broken and not expected[-1]:
            expected.pop()
        found: dict[int, bytes] = {}
        for line in split_lines(blocks(), limit):
            found[line.number] = found.get(line.number, b"") + line.raw
            assert line.ends or len(expected[line.number - 1]) > limit
            assert (line.broken == "cut") == (broken and line.ends and line.number == len(expected))
        assert found == dict(enumerate(expected, start=1))

    def test_a_line_of_exactly_the_limit_comes_whole(self) -> None:
        assert list(split_lines([b"abc", b"\nabcd\n"], 3)) == [
            Line(1, b"abc"),
            Line(2, b"abcd", ends=False),
            Line(2, b""),
        ]


class TestNormalForm:
    @given(st.text())
    def test_it_is_reached_in_one_step(self, text: str) -> None:
        once = normalise(text)
        assert normalise(once) == once
        assert unicodedata.is_normalized("NFC", once)
        assert not [c for c in once if unicodedata.category(c) == "Cc" and c not in "\n\t"]
        assert once == once.rstrip()

    @given(st.lists(st.sampled_from(["\r", "\n", "\x00", "e", "\u0301", " ", "\u1100", "\u1161"])))
    def test_it_is_reached_in_one_step_from_nasty_pieces(self, pieces: list[str]) -> None:
        once = normalise("".join(pieces))
        assert normalise(once) == once

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\r\nb\rc", "a\nb\nc"),
            ("\n \n    x\n  y \n", "    x\n  y"),
            ("e\u0301", "\u00e9"),
            ("e\x00\u0301", "\u00e9"),
            ("a\x7f\x85\x1bb\tc", "ab\tc"),
            ("\u2028x", "\u2028x"),
        ],
    )
    def test_examples(self, text: str, expected: str) -> None:
        assert normalise(text) == expected

    @pytest.mark.parametrize("text", ["", " \t\r\n", "\u00a0\u3000", "\u200b\ufeff", "\x00\x1b"])
    def test_what_no_one_can_see_is_blank(self, text: str) -> None:
        assert is_blank(text)
        assert not is_blank(text + ".")

    def test_surrogates_are_seen(self) -> None:
        assert has_surrogate("a\ud83d")
        assert not has_surrogate("a\U0001f600")


class TestCanonicalJson:
    def test_keys_are_sorted_and_text_is_utf8(self) -> None:
        assert (
            canonical({"b": {"z": 1, "a": None}, "a": "é"})
            == '{"a":"é","b":{"a":null,"z":1}}'.encode()
        )

    def test_big_integers_keep_their_digits(self) -> None:
        assert canonical({"n": 2**200, "b": b"\xff"}) == b'{"b":"/w==","n":%d}' % 2**200

    def test_too_deep_a_value_is_refused(self) -> None:
        value: dict = {}
        for _ in range(300):
            value = {"a": value}
        with pytest.raises(Refused) as raised:
            canonical(value)
        assert raised.value.fault.rule == "broken_json"


class TestShowingHostileText:
    @given(st.text() | st.binary() | st.lists(st.text()) | st.integers() | st.none())
    def test_it_is_printable_and_bounded(self, value: object) -> None:
        shown = visible(value)
        assert shown.isprintable()
        assert len(shown) <= FOUND_CHARS

    def test_controls_bidi_marks_and_line_ends_are_spelt_out(self) -> None:
        assert visible("a\n\x1b[31m\u202eb") == "a\\n\\x1b[31m\\u202eb"
        assert visible(b"caf\xe9") == "caf\\xe9"
        assert visible(None) == "null"

    def test_a_value_nested_without_end_does_not_break_it(self) -> None:
        value: list = []
        for _ in range(100_000):
            value = [value]
        assert visible(value).startswith("[[[[")

    def test_a_missing_column_names_its_neighbour_and_the_setting(self) -> None:
        hint = missing_column("text", ("id", "texts", "\x1b"), "text_key")
        assert "id, texts, \\x1b" in hint
        assert "did you mean 'texts'" in hint
        assert "ingest.text_key" in hint
        assert (
            len(missing_column("text", tuple("x" * 10**6 + str(n) for n in range(300)), "t")) < 2000
        )
