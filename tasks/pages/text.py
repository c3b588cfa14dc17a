"""Corpus text made safe to look at: nothing invisible, nothing that reorders its surroundings.

HTML escaping is the template's duty (autoescape); `for_plot` escapes for Plotly, whose labels and
hover boxes read a subset of HTML.
"""

import html
import re
import textwrap
from typing import Final

# Controls except tab and newline; bidi marks, embeddings, overrides and isolates; line and
# paragraph separators; byte order mark; tag characters (invisible letters).
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Replace every control and direction character by its code point in brackets: [U+202E]."""
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text.replace("\r\n", "\n"))


def cut(text: str, limit: int) -> str:
    """Make text visible and at most `limit` characters long, the last an ellipsis if it was cut."""
    shown = visible(text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip() + "…"


def for_plot(text: str) -> str:
    """Escape what Plotly would read as markup."""
    return html.escape(text, quote=False)


def hover(title: str, facts: list[str], text: str) -> str:
    """Lay out a hover box: bold title, facts, the first 160 characters of a row's text, wrapped."""
    lines = [f"<b>{for_plot(cut(title, 60))}</b>", *(for_plot(cut(fact, 80)) for fact in facts)]
    excerpt = " ".join(cut(text, 160).split())
    lines += [for_plot(line) for line in textwrap.wrap(excerpt, 56)]
    return "<br>".join(lines)


def number(value: float) -> str:
    """Show a number with as many digits as it deserves: 1,234 or 12.3 or 0.123."""
    size = abs(value)
    if size >= 1000 or (size >= 10 and float(value).is_integer()):
        shown = f"{value:,.0f}"
    else:
        shown = f"{value:.1f}" if size >= 10 else f"{value:.3f}"
    return shown.replace("-", "−")
