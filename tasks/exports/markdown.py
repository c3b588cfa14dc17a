"""Corpus text inside Markdown: one line, and no markup of its own."""

import re
from pathlib import Path
from typing import Any, Final

from tasks.telling import plain

MOST_CHARS: Final = 200
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>|~&$#!])")


class OwnMarkdown(str):
    """A text of ours that is Markdown already."""

    __slots__ = ()


def escaped(value: Any) -> str:
    """A value as one line of text that Markdown and HTML show as it is, cut where it is long."""
    if isinstance(value, OwnMarkdown):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    if len(text) > MOST_CHARS:
        text = f"{text[: MOST_CHARS - 1]}…"
    return _MARKUP.sub(r"\\\1", plain(text))


def fill(template: str, context: dict[str, Any]) -> str:
    """Fill a template beside this file; whatever is put into it passes through `escaped`."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701  # Markdown, not HTML: `finalize` escapes for both
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return page.get_template(template).render(context)
