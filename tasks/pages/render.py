"""One HTML file from a template: style, script, Plotly and figures inside, nothing loaded."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from tasks.pages.plot import Figure

HERE: Final = Path(__file__).parent


def render(context: dict[str, Any]) -> str:
    """Render report.html.j2 with autoescape on; equal input gives equal bytes.

    Every `Figure` in `context`, alone or in a list, is drawn in the place that bears its name.

    A content security policy allows the page's own scripts by hash and forbids every load.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    page = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = [
        one
        for value in context.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, Figure)
    ]
    webgl = any(trace["type"] == "scattergl" for one in figures for trace in one.spec["data"])
    scripts = [get_plotlyjs().replace("\r\n", "\n"), _read("report.js")]
    # Markup marks what is our own and already safe; nothing from the corpus ever passes through it.
    return page.get_template("report.html.j2").render(
        **context,
        style=Markup(_read("report.css")),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        policy=_policy(scripts, webgl),
        figure_data=Markup(as_json({one.name: one.spec for one in figures})),  # noqa: S704
    )


def as_json(value: Any) -> str:
    """JSON that may stand inside a script element: no <, > or & that a parser could act on."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy(scripts: list[str], webgl: bool) -> str:
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    if webgl:
        hashes += " 'unsafe-eval'"  # Plotly compiles its drawing commands; no text reaches them
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
