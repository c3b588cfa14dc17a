"""Hostile files by name: what is in them and what must become of them. Made here, none committed.

`rules`: the rules of the quarantine that the file must give, and no others; empty: all is accepted.
`settings` are those of block `ingest`; files of equal settings can be read in one run.
"""

import gzip
import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import zstandard

from tests.tasks.ingesting import as_csv, as_jsonl, as_parquet

ROWS = [{"text": f"Sound row {n}.", "n": n} for n in range(20)]
LINES = as_jsonl(ROWS)
MEGABYTE = 2**20


class File(NamedTuple):
    """A source: its name with suffix, its bytes, and the rules that refuse its records."""

    name: str
    content: Callable[[], bytes]
    rules: frozenset[str] = frozenset()


def file(name: str, content: bytes | Callable[[], bytes], *rules: str) -> File:
    return File(name, content if callable(content) else lambda: content, frozenset(rules))


def zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


def bomb(megabytes: int, kind: str, unit: bytes = b"x" * MEGABYTE) -> bytes:
    """So many megabytes of one line, packed."""
    packer = (
        zlib.compressobj(9, wbits=31) if kind == "gz" else zstandard.ZstdCompressor().compressobj()
    )
    packed = b"".join(packer.compress(unit) for _ in range(megabytes))
    return packed + packer.flush()


def dictionary(rows: int, size: int) -> pa.DictionaryArray:
    """One long text that `rows` rows name."""
    return pa.DictionaryArray.from_arrays(
        pa.array([0] * rows, pa.int32()), pa.array(["word " * (size // 5)])
    )


def table(**columns: object) -> bytes:
    return as_parquet(pa.table(columns), store_schema=False)


def nested(levels: int) -> bytes:
    kind, value = pa.string(), "x"
    for _ in range(levels):
        kind, value = pa.list_(kind), [value]
    return table(text=["x"], m=pa.array([value], kind))


def cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def flipped(content: bytes, share: float) -> bytes:
    place = int(len(content) * share)
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


TWIN = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["text", "text"])
NOISE = random.Random(0).randbytes(4096)
PARQUET = as_parquet(ROWS)
CSV = as_csv(ROWS)

JSONL_FILES = [
    file("utf16 le.jsonl", LINES.decode().encode("utf-16-le"), "broken_json"),
    file("utf16 bom.jsonl", LINES.decode().encode("utf-16"), "broken_json", "invalid_utf8"),
    file("utf32.jsonl", LINES.decode().encode("utf-32"), "broken_json", "invalid_utf8"),
    file("utf8 bom.jsonl", b"\xef\xbb\xbf" + LINES),
    file("two boms.jsonl", b"\xef\xbb\xbf" * 2 + LINES, "broken_json"),
    file("noise.jsonl", NOISE, "invalid_utf8"),
    file("one array.jsonl", b'[{"text":"x"},\n{"text":"y"}]', "broken_json"),
    file("pretty.jsonl", b'{\n  "text": "x"\n}\n', "broken_json"),
    file("old mac.jsonl", LINES.replace(b"\n", b"\r"), "broken_json"),
    file("dos.jsonl", LINES.replace(b"\n", b"\r\n")),
    file("blank lines.jsonl", b"\n \n\t\n" * 1000 + LINES),
    file("form feeds.jsonl", b"\x0c\n\x0b\n" + LINES),
    file("no last newline.jsonl", LINES[:-1]),
    file("cut line.jsonl", LINES[:-4], "broken_json"),
    file("nuls behind.jsonl", LINES + bytes(5000), "broken_json"),
    file("a megabyte of newlines.jsonl", b"\n" * MEGABYTE + LINES),
    file("csv inside.jsonl", CSV, "broken_json"),
    file("parquet inside.jsonl", PARQUET, "invalid_utf8"),
    file("gz inside.jsonl", gzip.compress(LINES), "invalid_utf8"),
    file("html.jsonl", b"<!doctype html>\n<title>404</title>\n", "broken_json"),
    file("git-lfs pointer.jsonl", b"version https://git-lfs.github.com/spec/v1\noid x\nsize 1\n",
         "broken_json"),
    file("line of 17 MB.jsonl", lambda: b'{"text":"' + b"x" * 17 * MEGABYTE + b'"}\n' + LINES,
         "record_too_large"),
    file("17 MB without a newline.jsonl", lambda: b"x" * 17 * MEGABYTE, "record_too_large"),
]  # fmt: skip

PACKED_FILES = [
    file("empty.jsonl.gz", b"", "unreadable_file"),
    file("empty.jsonl.zst", b"", "unreadable_file"),
    file("packed nothing.jsonl.gz", gzip.compress(b"") + gzip.compress(LINES)),
    file("not packed.jsonl.gz", LINES, "unreadable_file"),
    file("not packed.jsonl.zst", LINES, "unreadable_file"),
    file("noise.jsonl.gz", NOISE, "unreadable_file"),
    file("noise.jsonl.zst", NOISE, "unreadable_file"),
    file("cut.jsonl.gz", cut(gzip.compress(LINES), 0.6), "truncated_file"),
    file("cut.jsonl.zst", cut(zst(LINES), 0.6), "unreadable_file"),
    file("cut in the header.jsonl.gz", gzip.compress(LINES)[:6], "unreadable_file"),
    file("wrong checksum.jsonl.gz", flipped(gzip.compress(LINES), 0.98), "unreadable_file"),
    file("garbage behind.jsonl.gz", gzip.compress(LINES) + b"garbage", "truncated_file"),
    file("zeros behind.jsonl.gz", gzip.compress(LINES) + bytes(999)),
    file("gz in gz.jsonl.gz", gzip.compress(gzip.compress(LINES)), "invalid_utf8"),
    file("zst in gz.jsonl.gz", gzip.compress(zst(LINES)), "invalid_utf8"),
    file("gz named zst.jsonl.zst", gzip.compress(LINES), "unreadable_file"),
    file("many members.jsonl.gz", lambda: b"".join(gzip.compress(b"\n") for _ in range(5000))
         + gzip.compress(LINES)),
    file("bomb.jsonl.gz", lambda: bomb(200, "gz"), "record_too_large"),
    file("bomb.jsonl.zst", lambda: bomb(400, "zst"), "record_too_large"),
    file("bomb in a bomb.jsonl.gz", lambda: gzip.compress(bomb(400, "gz")), "invalid_utf8"),
    file("bomb of newlines.jsonl.gz", lambda: bomb(8, "gz", b"\n" * MEGABYTE)
         + gzip.compress(LINES)),
    file("bomb.csv.gz", lambda: bomb(64, "gz"), "unreadable_file"),
    file("bomb.parquet.gz", lambda: bomb(64, "gz"), "unreadable_file"),
    file("packed.csv.gz", gzip.compress(CSV)),
    file("packed.parquet.zst", zst(PARQUET)),
    file("cut.parquet.gz", cut(gzip.compress(PARQUET), 0.5), "unreadable_file"),
]  # fmt: skip

CSV_FILES = [
    file("empty.csv", b"", "unreadable_file"),
    file("only a bom.csv", b"\xef\xbb\xbf", "unreadable_file"),
    file("one column.csv", b"text\nx\ny\n"),
    file("unclosed.csv", b'text\n"x\ny\nz\n', "truncated_file"),
    file("unclosed header.csv", b'"text\nx\n', "unreadable_file"),
    file("quote inside.csv", b'text\nx"y\n"x"y\nz\n', "broken_csv"),
    file("nuls.csv", b"text\nx\0y\nz\n"),
    file("nul in the header.csv", b"text\0\nx\n", "missing_column"),
    file("carriage returns.csv", b"text\rx\ry\r", "unreadable_file"),
    file("latin-1.csv", b"text\ncaf\xe9\nx\n", "invalid_utf8"),
    file("latin-1 header.csv", b"text,\xe9\nx,y\n", "unreadable_file"),
    file("utf16.csv", "text\nx\n".encode("utf-16"), "unreadable_file"),
    file("semicolons.csv", b"text;n\nx;1\n", "missing_column"),
    file("twice the same column.csv", b"text,text\nx,y\n", "unreadable_file"),
    file("too few, too many.csv", b"text,n\nx\nx,1,2\nx,1\n", "wrong_field_count"),
    file("a sum of commas.csv", b"text\n" + b"," * 10**6 + b"\n", "wrong_field_count"),
    file("100,000 columns.csv", lambda: b"text," + b",".join(b"c%d" % n for n in range(10**5))
         + b"\n" + b"x" + b"," * 10**5 + b"\n"),
    file("a column name of a megabyte.csv", b"text," + b"c" * MEGABYTE + b"\nx,1\n"),
    file("names that steer.csv", "text,\x1b[31m,\u202e\nx,1,2\n".encode()),
    file("names of formulas.csv", b"text,=1+1,@x\nx,=cmd|' /C calc'!A0,-1\n"),
    file("formulas in quotes.csv", b'text,n\n"=HYPERLINK(""http://127.0.0.1:9"")",1\n'),
    file("empty lines behind an open quote.csv", lambda: b'text\n"' + b"\n" * 17 * MEGABYTE,
         "record_too_large"),
    file("a field of 17 MB.csv", lambda: b"text\n" + b"x" * 17 * MEGABYTE + b"\ny\n",
         "record_too_large"),
    file("quotes alone.csv", b"text\n" + b'"' * 99_998 + b"\n"),
    file("sound.tsv", b"text\tn\nx\t1\n"),
    file("commas.tsv", b"text,n\nx,1\n", "missing_column"),
    file("parquet inside.csv", PARQUET, "unreadable_file"),
]  # fmt: skip

PARQUET_FILES = [
    file("empty.parquet", b"", "unreadable_file"),
    file("magic alone.parquet", b"PAR1", "unreadable_file"),
    file("magic twice.parquet", b"PAR1PAR1", "unreadable_file"),
    file("huge footer.parquet", b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1", "unreadable_file"),
    file("negative footer.parquet", b"PAR1" + b"\xff\xff\xff\xff" + b"PAR1", "unreadable_file"),
    file("encrypted footer.parquet", PARQUET[:-4] + b"PARE", "unreadable_file"),
    file("cut.parquet", cut(PARQUET, 0.5), "unreadable_file"),
    file("without its beginning.parquet", PARQUET[50:], "truncated_file"),
    file("noise.parquet", NOISE, "unreadable_file"),
    file("jsonl inside.parquet", LINES, "unreadable_file"),
    file("integers.parquet", table(text=[1, 2]), "wrong_type"),
    file("booleans.parquet", table(text=[True, False]), "wrong_type"),
    file("lists.parquet", table(text=[["x"], ["y"]]), "wrong_type"),
    file("structs.parquet", table(text=[{"a": "x"}]), "wrong_type"),
    file("maps.parquet", table(text=pa.array([[("a", "x")]], pa.map_("string", "string"))),
         "wrong_type"),
    file("binary.parquet", table(text=[b"\xff\x00"]), "wrong_type"),
    file("not utf-8.parquet", table(text=pa.array([b"\xff"]).view(pa.string())), "invalid_utf8"),
    file("nulls.parquet", table(text=pa.nulls(3, pa.string())), "missing_text"),
    file("only nulls.parquet", table(text=pa.nulls(3)), "missing_text"),
    file("floats that are none.parquet", table(text=["x"], n=[float("nan")], m=[float("inf")])),
    file("decimals.parquet", table(text=["x"], n=pa.array([10**37], pa.decimal128(38, 0)))),
    file("times.parquet", table(text=["x"], n=pa.array([2**62], pa.timestamp("us")))),
    file("no text.parquet", table(Text=["x"]), "missing_column"),
    file("twice the same column.parquet", as_parquet(TWIN), "unreadable_file"),
    file("names that steer.parquet", table(text=["x"], **{"\x1b[2J\u202e<script>": [1]})),
    file("nested 40.parquet", lambda: nested(40)),
    file("nested 200.parquet", lambda: nested(200), "unreadable_file"),
    file("2,000 columns.parquet", lambda: table(text=["x"], **{f"c{n}": [n] for n in range(2000)})),
    file("a dictionary bomb.parquet", lambda: table(text=dictionary(2000, 150_000)), "too_long"),
    file("a nested dictionary bomb.parquet", lambda: table(
        text=pa.nulls(800, pa.string()),
        m=pa.StructArray.from_arrays([dictionary(800, 1_000_000)], ["q"])),
        "missing_text"),
    file("a list of a million nulls.parquet", lambda: table(
        text=["x"], m=pa.array([[None] * 10**6], pa.list_(pa.int8())))),
    file("100,000 nulls.parquet", lambda: table(text=pa.nulls(10**5, pa.string())),
         "missing_text"),
]  # fmt: skip

DEAR = {  # seconds each: not in the default tests
    "empty lines behind an open quote.csv",
    "a field of 17 MB.csv",
    "a dictionary bomb.parquet",
    "a nested dictionary bomb.parquet",
    "100,000 nulls.parquet",
    "line of 17 MB.jsonl",
    "17 MB without a newline.jsonl",
    "bomb.jsonl.gz",
    "bomb.jsonl.zst",
    "bomb in a bomb.jsonl.gz",
    "bomb of newlines.jsonl.gz",
}
GROUPS = {
    "jsonl": JSONL_FILES,
    "packed": PACKED_FILES,
    "csv": CSV_FILES,
    "parquet": PARQUET_FILES,
}


def damaged(count: int, seed: int) -> list[File]:
    """Sound files of every kind, cut or with a byte flipped somewhere."""
    chance = random.Random(seed)
    sound = {"jsonl": LINES, "csv": CSV, "parquet": PARQUET, "jsonl.gz": gzip.compress(LINES),
             "jsonl.zst": zst(LINES), "csv.zst": zst(CSV)}  # fmt: skip
    made = []
    for number in range(count):
        kind = chance.choice(sorted(sound))
        harm = chance.choice((cut, flipped))
        made.append(file(f"damaged {number}.{kind}", harm(sound[kind], chance.random())))
    return made
