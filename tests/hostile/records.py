"""Hostile records by name: the bytes of one line of JSON, and what must become of it.

Settings: `ingest.id_key: id`, all others as shipped. A record without an id of its own gives none
away: `missing_id` is then what is expected.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

ACCEPTED = "accepted"


class Line(NamedTuple):
    """One line of a JSONL file; `verdict` is `accepted` or a rule of the quarantine."""

    name: str
    raw: bytes
    verdict: str = ACCEPTED


def made(name: str, verdict: str = ACCEPTED, **fields: Any) -> Line:
    """A line with id and text unless others are given; characters are written as they are."""
    value = {"id": name, "text": f"Text of {name}.", **fields}
    return Line(name, json.dumps(value, ensure_ascii=False).encode(), verdict)


def raw(name: str, text: bytes, verdict: str = ACCEPTED, more: bytes = b"") -> Line:
    """A line whose text stands in it byte by byte."""
    return Line(name, b'{"id":"%s","text":"%s"%s}' % (name.encode(), text, more), verdict)


ENCODINGS = [
    raw("latin-1", b"caf\xe9", "invalid_utf8"),
    raw("windows-1252", b"\x93quoted\x94", "invalid_utf8"),
    raw("shift-jis", "日本語".encode("shift-jis"), "invalid_utf8"),
    raw("overlong slash", b"\xc0\xaf", "invalid_utf8"),
    raw("overlong NUL", b"x\xc0\x80", "invalid_utf8"),
    raw("overlong three bytes", b"\xe0\x80\xaf", "invalid_utf8"),
    raw("five-byte sequence", b"\xf8\x88\x80\x80\x80", "invalid_utf8"),
    raw("above U+10FFFF", b"\xf4\x90\x80\x80", "invalid_utf8"),
    raw("surrogate as three bytes", b"\xed\xa0\x80", "invalid_utf8"),
    raw("surrogate pair as CESU-8", b"\xed\xa0\xbd\xed\xb8\x80", "invalid_utf8"),
    raw("continuation alone", b"\x80\x80", "invalid_utf8"),
    raw("cut in a character", b"\xe2\x82", "invalid_utf8"),
    raw("bytes FF FE", b"\xff\xfe", "invalid_utf8"),
    raw("escaped lone high surrogate", rb"\ud800", "invalid_unicode"),
    raw("escaped lone low surrogate", rb"x\udc00y", "invalid_unicode"),
    raw("escaped swapped surrogates", rb"\udc00\ud800", "invalid_unicode"),
    raw("escaped pair", rb"\ud83d\ude00"),
    raw("lone surrogate in a key", b"t", "invalid_unicode", rb',"\ud800":1'),
    raw("lone surrogate deep inside", b"t", "invalid_unicode", rb',"a":[{"b":"\udfff"}]'),
    raw("escaped NUL in a text", rb"a\u0000b"),
    raw("a NUL as it is", b"a\0b", "broken_json"),
    raw("an escape character as it is", b"a\x1bb", "broken_json"),
    raw("a tab as it is", b"a\tb", "broken_json"),
    made("noncharacters", text="x\ufffe\uffff\U0010ffff"),
    made("private use", text="x\ue000\U000f0000"),
    made("BOM inside a text", text="x\ufeffy"),
    made("BOM alone", "blank_text", text="\ufeff"),
    made("unassigned", text="x\u0378\U000e0080"),
    made("tags", text="x\U000e0041\U000e0042\U000e007f"),
    made("line separators", text="a\u2028b\u2029c\u0085d"),
    made("every C1 control", text="x" + "".join(map(chr, range(0x80, 0xA0)))),
    made("every C0 control", text="x" + "".join(map(chr, range(32)))),
    made("only controls", "blank_text", text="\x00\x01\x1b\x7f\x9b"),
    made("only zero width", "blank_text", text="\u200b\u200d\u2060\u00ad"),
    made("variation selectors", text="x" + "\ufe0f" * 1000),
]

UNICODE = [
    made("right-to-left override", text="user\u202etxt.exe"),
    made("isolates never closed", text="\u2066\u2067\u2068 text"),
    made("trojan source", text="if access \u202e\u2066// check\u2069\u2066 then"),
    made("override in a source", source="web\u202ebew"),
    made("override in a key", **{"\u202eyek": 1}),
    made("Zalgo", text="Z" + "\u0301\u0316\u0337" * 200),
    made("combining marks without end", text="a" + "\u0301\u0316" * 45_000),
    made("combining marks beyond the limit", "too_long", text="a" + "\u0301\u0316" * 500_000),
    made("Hangul without end", text="\u1100" * 90_000),
    made("ligature of eighteen", text="\ufdfa" * 5_000),
    made("emoji family", text="\U0001f468\u200d\U0001f469\u200d\U0001f467 " * 50),
    made("homoglyphs", id="раураl", text="раураl"),
    made("case folding grows", text="ẞßİı" * 100),
    made("id in two forms, composed", id="caf\u00e9"),
    made("id in two forms, decomposed", id="cafe\u0301x"),
]

IDS = [
    made("number as id", id=7),
    made("zero", "conflicting_id", id=0),
    Line("minus zero", b'{"id":-0,"text":"x"}', "conflicting_id"),
    made("negative", id=-5),
    made("64 bits", id=2**64 - 1),
    made("beyond 64 bits", id=2**64),
    made("300 digits", id=10**300),
    Line("5000 digits", b'{"id":1%s,"text":"x"}' % (b"0" * 5000), "broken_json"),
    made("float as id", "bad_id", id=1.5),
    made("whole float as id", "bad_id", id=1.0),
    Line("exponent as id", b'{"id":1e999,"text":"x"}', "broken_json"),
    made("true as id", "bad_id", id=True),
    made("list as id", "bad_id", id=["a"]),
    made("object as id", "bad_id", id={"$ne": None}),
    made("null as id", "missing_id", id=None),
    made("empty id", "missing_id", id=""),
    made("blank id", "missing_id", id="\u200b \t"),
    Line("no id", b'{"text":"x"}', "missing_id"),
    made("id of 512 characters", id="i" * 512),
    made("id of 513 characters", "bad_id", id="i" * 513),
    made("id of a megabyte", "bad_id", id="i" * 2**20),
    made("id with a line end", "bad_id", id="a\nb"),
    made("id with an escape", "bad_id", id="a\x1b[2Jb"),
    made("id with a NUL", "bad_id", id="a\0b"),
    made("id with an override", id="a\u202eb"),
    made("id of parent folders", id="../../etc/passwd"),
    made("id of a root path", id="/etc/shadow"),
    made("id of a drive", id="C:\\Windows\\System32"),
    made("id of a share", id="\\\\server\\share"),
    made("id with a slash", id="a/b"),
    made("id of a dot", id="."),
    made("id of two dots", id=".."),
    made("id of a device", id="CON"),
    made("id of an address", id="file:///etc/passwd"),
    made("id like an option", id="--help"),
    made("id like a glob", id="*?[a]"),
    made("id with quotes", id="'\"`"),
    made("id of SQL", id="' OR 1=1; DROP TABLE rows; --"),
    made("id of markup", id="<b onmouseover=alert(1)>x</b>"),
    made("id that closes a script", id="</script><script>alert(1)</script>"),
    made("id of a formula", id="=1+1"),
    made("id of a template", id="{{7*7}}${7*7}<%= 7*7 %>"),
    made("id of a format", id="%s%n{0.__class__}"),
    made("id of __proto__", id="__proto__"),
    made("id of constructor", id="constructor"),
    made("id toString", id="toString"),
    made("id null in words", id="null"),
    made("id nan in words", id="NaN"),
    made("id true in words", id="True"),
    made("id like a number", id="007"),
    made("id like a hash", id="sha256:" + "0" * 32),
]

SOURCES = [
    made("source of parent folders", source="../../etc/passwd"),
    made("source of a drive", source="C:\\x"),
    made("source with a slash", source="a/b"),
    made("source with a colon", source="web:en"),
    made("source of markup", source="<img src=x onerror=alert(1)>"),
    made("source of a formula", source="@SUM(1+1)*cmd|' /C calc'!A0"),
    made("source like a wildcard", source="*"),
    made("number as source", "wrong_type", source=3),
    made("list as source", "wrong_type", source=["web"]),
    made("object as source", "wrong_type", source={}),
    made("true as source", "wrong_type", source=True),
    made("null as source", source=None),
    made("blank source", source=" "),
    made("long source", "wrong_type", source="s" * 513),
    made("source with a line end", "wrong_type", source="a\nb"),
    made("source with an escape", "wrong_type", source="a\x1b]0;owned\x07"),
]

TEXTS = [
    made("number as text", "wrong_type", text=1),
    made("list as text", "wrong_type", text=["x"]),
    made("object as text", "wrong_type", text={"x": 1}),
    made("true as text", "wrong_type", text=True),
    made("null as text", "missing_text", text=None),
    made("empty text", "blank_text", text=""),
    Line("no text", b'{"id":"no text"}', "missing_column"),
    Line("Text in capitals", b'{"id":"capitals","Text":"x"}', "missing_column"),
    made("text at the limit", text="x" * 100_000),
    made("text above the limit", "too_long", text="x" * 100_001),
    made("ten megabytes", "too_long", text="x" * 10 * 2**20),
    Line("seventeen megabytes", b'{"id":"17","text":"%s"}' % (b"y" * 17 * 2**20),
         "record_too_large"),
    made("one word without end", text="w" * 99_000),
    made("spaces between", text="a" + " " * 99_000 + "b"),
    made("lines without end", text="a\n" * 49_000),
    made("blank lines before", text="\n" * 200_000 + "x"),
    made("question marks", text="?" * 50_000),
]  # fmt: skip

MARKUP = [
    made(f"markup {place}", text=f"{text} water")
    for place, text in enumerate(
        [
            "<script>alert(1)</script>",
            "</script><script>alert(2)</script>",
            "<img src=x onerror=alert(3)>",
            "<svg/onload=alert(4)>",
            "<svg><script>alert(5)//",
            "\"><iframe src=javascript:alert(6)>",
            "'-alert(7)-'",
            "javascript:alert(8)",
            "<a href=\"javascript:alert(9)\">x</a>",
            "<!--<script>alert(10)//-->",
            "]]><script>alert(11)</script>",
            "<style>@import 'http://127.0.0.1:9/x';</style>",
            "<link rel=stylesheet href=http://127.0.0.1:9/y>",
            "<base href=http://127.0.0.1:9/>",
            "<meta http-equiv=refresh content=0;url=http://127.0.0.1:9/>",
            "<object data=http://127.0.0.1:9/z>",
            "<form action=http://127.0.0.1:9/><button>",
            "<details open ontoggle=alert(12)>",
            "<math><mtext><table><mglyph><style><img src=x onerror=alert(13)>",
            "&lt;script&gt;alert(14)&lt;/script&gt;",
            "&#60;script&#62;alert(15)&#60;/script&#62;",
            "\\u003cscript\\u003ealert(16)\\u003c/script\\u003e",
            "{{constructor.constructor('alert(17)')()}}",
            "${alert(18)}",
            "`${alert(19)}`",
            "{% for x in ().__class__.__base__.__subclasses__() %}",
            "\u2028alert(20)\u2029",
            "<plaintext>",
            "<textarea><title><noscript>",
            "[x](javascript:alert(21))",
            "![x](http://127.0.0.1:9/pixel.png)",
            "<https://127.0.0.1:9/>",
        ]
    )
]  # fmt: skip

TERMINAL = [
    made(f"terminal {place}", text=f"water {text} fire")
    for place, text in enumerate(
        ["\x1b[2J", "\x1b]0;owned\x07", "\x1b]8;;http://127.0.0.1:9/\x07link\x1b]8;;\x07",
         "\x1b[31mred", "\x9b31m", "\x1bP+q\x1b\\", "\x1b]52;c;cm0=\x07", "\x1b[?1049h",
         "\rforged line", "\b\b\b\bgone", "\x07bell", "\x0e\x0f", "\x1bc", "\x7f"]
    )
]  # fmt: skip

FORMULAS = [
    made(f"formula {place}", text=text, source=text[:40], id=f"{text}{place}")
    for place, text in enumerate(
        ["=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(1,1)", "=HYPERLINK(\"http://127.0.0.1:9\")",
         "=IMPORTXML(\"http://127.0.0.1:9\")", "%0A=1+1", "\uff1d1+1", "\"=1+1\"", "=1+1\",\"",
         ";=1+1", "|=1+1"]
    )
]  # fmt: skip

JSON = [
    Line("not an object: list", b"[1,2]", "not_an_object"),
    Line("not an object: string", b'"text"', "not_an_object"),
    Line("not an object: number", b"3.5", "not_an_object"),
    Line("not an object: null", b"null", "not_an_object"),
    Line("not an object: true", b"true", "not_an_object"),
    Line("NaN", b'{"id":"n","text":"x","score":NaN}', "broken_json"),
    Line("Infinity", b'{"id":"n","text":"x","score":Infinity}', "broken_json"),
    Line("minus Infinity", b'{"id":"n","text":"x","score":-Infinity}', "broken_json"),
    Line("NaN as id", b'{"id":NaN,"text":"x"}', "broken_json"),
    Line("comment", b'{"id":"c","text":"x"} // done', "broken_json"),
    Line("trailing comma", b'{"id":"c","text":"x",}', "broken_json"),
    Line("single quotes", b"{'id':'c','text':'x'}", "broken_json"),
    Line("no quotes", b"{id:1,text:2}", "broken_json"),
    Line("two objects", b'{"id":"a","text":"x"}{"id":"b","text":"y"}', "broken_json"),
    Line("cut in a string", b'{"id":"a","text":"x', "broken_json"),
    Line("cut after a colon", b'{"id":"a","text":', "broken_json"),
    Line("bad escape", b'{"id":"a","text":"\\x41"}', "broken_json"),
    Line("hexadecimal", b'{"id":0x10,"text":"x"}', "broken_json"),
    Line("leading zero", b'{"id":010,"text":"x"}', "broken_json"),
    Line("plus sign", b'{"id":+1,"text":"x"}', "broken_json"),
    Line("NULs alone", b"\0" * 64, "broken_json"),
    Line("a shell's lines", b"#!/bin/sh", "broken_json"),
    Line("XML", b"<?xml version='1.0'?>", "broken_json"),
    Line("a pickle", b"\x80\x04\x95\x10.", "invalid_utf8"),
    Line("duplicate keys: the last counts",
         b'{"id":"dup 1","text":1,"id":"dup 2","text":"Last."}'),
    Line("duplicate keys: the last is null", b'{"id":"d","text":"x","text":null}', "missing_text"),
    Line("escaped key", b'{"i\\u0064":"escaped key","te\\u0078t":"Escaped."}'),
    Line("empty key", b'{"id":"empty key","text":"x","":1}'),
    Line("keys of Python", b'{"id":"py","text":"x","__class__":1,"__dict__":{}}'),
    Line("keys of JavaScript", b'{"id":"js","text":"x","__proto__":{"a":1}}'),
    Line("columns of ours", b'{"id":"ours","text":"x","rank":1,"verdict":"kept","vector":[1]}'),
    Line("huge float inside", b'{"id":"huge inside","text":"x","m":{"n":1e308}}'),
    Line("huge integer inside", b'{"id":"deep int","text":"x","m":{"n":%s}}' % (b"9" * 400),
         "broken_json"),
    Line("tiny float", b'{"id":"tiny","text":"x","n":1e-999}'),
    Line("nested lists", b'{"id":"l","text":"x","m":%s1%s}' % (b"[" * 10**5, b"]" * 10**5),
         "broken_json"),
    Line("nested objects",
         b'{"id":"o","text":"x","m":%s1%s}' % (b'{"a":' * 10**5, b"}" * 10**5), "broken_json"),
    Line("opened and never closed", b'{"id":"o","text":"x","m":' + b"[" * 10**6, "broken_json"),
    Line("nested in a broken encoding",
         b'{"id":"o","text":"\xff","m":%s1%s}' % (b"[" * 10**5, b"]" * 10**5), "invalid_utf8"),
    Line("200 levels", b'{"id":"200","text":"x","m":%s1%s}' % (b"[" * 200, b"]" * 200)),
    Line("100,000 keys", b'{"id":"keys","text":"x",%s}'
         % b",".join(b'"k%d":%d' % (n, n) for n in range(10**5))),
    Line("a key of a megabyte", b'{"id":"key","text":"x","%s":1}' % (b"k" * 2**20)),
    Line("spaces around", b'   {"id":"spaces","text":"x"}   '),
    Line("carriage return", b'{"id":"cr","text":"x"}\r'),
]  # fmt: skip

NAMED = ENCODINGS + UNICODE + IDS + SOURCES + TEXTS + MARKUP + TERMINAL + FORMULAS + JSON

_PIECES = (
    "\u202e", "\x00", "\x1b[31m", "<script>", "=1+", "'", '"', "\\", "\u0301", "\ud83d", "{{", "}}",
    "../", "%00", "\r", "\n", "\t", "\ufeff", "\U0001f600", "water", "fire", " ", "9" * 30, "NaN",
)  # fmt: skip


def generated(count: int, seed: int) -> Iterator[bytes]:
    """Objects whose keys and values are hostile pieces put together by chance, as lines."""
    chance = random.Random(seed)

    def text() -> str:
        return "".join(chance.choices(_PIECES, k=chance.randint(0, 8)))

    def value(depth: int) -> Any:
        kind = chance.randint(0, 8 if depth else 6)
        simple = (text, text, text, lambda: chance.randint(-(2**70), 2**70), lambda: None,
                  lambda: chance.random() * 10 ** chance.randint(-9, 300),
                  lambda: chance.random() < 0.5)  # fmt: skip
        if kind < len(simple):
            return simple[kind]()
        if kind == 7:
            return [value(depth - 1) for _ in range(chance.randint(0, 4))]
        return {text(): value(depth - 1) for _ in range(chance.randint(0, 4))}

    for number in range(count):
        fields = {"id": f"generated {number}", "text": f"{text()} water {number}"}
        for name in ("id", "text", "source"):
            if chance.random() < 0.2:
                fields[name] = value(2)
        fields |= {text(): value(3) for _ in range(chance.randint(0, 4))}
        written = json.dumps(fields, ensure_ascii=chance.random() < 0.5)
        yield written.encode("utf-8", chance.choice(("surrogatepass", "replace")))
