"""One form for texts that say the same: line ends, control characters, Unicode composition."""

import re
import sys
import unicodedata
from functools import cache
from typing import Final

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # all but \t \n \r
_LEADING_BLANK_LINES: Final = re.compile(r"\A(?:[^\S\n]*\n)+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONG_RUN: Final = 32  # marks; natural text has a few
_INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def normalise(text: str) -> str:
    """NFC, line ends as LF, no other control characters but tabs, no blank ends.

    Leading blank lines and trailing white space go; the first line's indentation stays, since it
    carries meaning in code. Applying it twice changes nothing.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub("", text)
    if not text.isascii():
        text = compose(text)
    text = text.rstrip()
    return _LEADING_BLANK_LINES.sub("", text) if text[:1].isspace() else text


def compose(text: str) -> str:
    """Give a text's NFC in linear time.

    The library puts a run of combining marks in order by insertion, whose time grows with the
    square of its length: days for a hostile record of 16 MB. Long runs are ordered here before.
    """
    if any(map(_class, text[::_LONG_RUN])):  # a run of twice the length cannot hide between
        text = _long_runs().sub(_in_order, text)
    return unicodedata.normalize("NFC", text)


@cache
def _long_runs() -> re.Pattern[str]:
    marks = (chr(code) for code in range(0x300, sys.maxunicode + 1) if _class(chr(code)))
    return re.compile(f"[{''.join(marks)}]{{{2 * _LONG_RUN},}}")


def _in_order(run: re.Match[str]) -> str:
    """Canonical order: by class, marks of one class as they came; none of them composes alone."""
    marks = "".join(unicodedata.normalize("NFD", mark) for mark in run[0])
    return "".join(sorted(marks, key=_class))


_class = unicodedata.combining


def is_blank(text: str) -> bool:
    """Whether nothing would be seen of a text: white space, control and zero-width characters."""
    return all(
        char.isspace() or char in _INVISIBLE or _CONTROL.match(char) is not None for char in text
    )


def has_surrogate(text: str) -> bool:
    """Whether a text holds half of a surrogate pair, which UTF-8 cannot carry."""
    return not text.isascii() and _SURROGATE.search(text) is not None


def has_control(text: str) -> bool:
    """Whether a text holds a control character, line ends and tabs included."""
    return bool(_CONTROL.search(text)) or any(char in text for char in "\t\n\r\u2028\u2029")
