"""One HTML file from a template: style, script, Plotly and figures inside, nothing loaded."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from tasks.pages.plot import Figure

HERE: Final = Path(__file__).parent


def render(context: dict[str, Any]) -> str:
    """Render report.html.j2; equal input gives equal bytes."""
    return _with_figures("report.html.j2", "report.css", "report.js", context)


def render_comparison(context: dict[str, Any]) -> str:
    """Render comparison.html.j2; equal input gives equal bytes.

    `rows` is what the page's own script lists; it is put in as data.
    """
    from markupsafe import Markup

    rows = Markup(as_json(context["rows"]))  # noqa: S704  # as_json escapes
    return _with_figures(
        "comparison.html.j2",
        "report.css comparison.css",
        "comparison.js",
        {**context, "rows": rows},
    )


def render_proof(context: dict[str, Any]) -> str:
    """Render proof.html.j2; equal input gives equal bytes."""
    return _with_figures("proof.html.j2", "report.css proof.css", "", context)


def render_pareto(context: dict[str, Any]) -> str:
    """Render pareto.html.j2; equal input gives equal bytes."""
    return _with_figures("pareto.html.j2", "report.css proof.css", "", context)


def _with_figures(template: str, styles: str, script: str, context: dict[str, Any]) -> str:
    """Fill a template whose figures Plotly draws.

    Every `Figure` in `context`, alone or in a list, is drawn in the place that bears its name.
    `script` is the page's own, empty where it has none.
    """
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    figures = [
        one
        for value in context.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, Figure)
    ]
    webgl = any(trace["type"] == "scattergl" for one in figures for trace in one.spec["data"])
    plotly = get_plotlyjs().replace("\r\n", "\n")
    scripts = [plotly, "".join(map(_read, ["figures.js", *script.split()]))]
    data = Markup(as_json({one.name: one.spec for one in figures}))  # noqa: S704  # as_json escapes
    policy = _policy(scripts, "'unsafe-inline'", webgl)
    return _fill(template, styles, scripts, policy, {**context, "figure_data": data})


def render_sources(context: dict[str, Any]) -> str:
    """Render sources.html.j2; equal input gives equal bytes."""
    return _with_figures("sources.html.j2", "report.css comparison.css", "", context)


def render_lineage(context: dict[str, Any]) -> str:
    """Render lineage.html.j2; its policy allows its own style and script by hash, and no more."""
    scripts = [_read("lineage.js")]
    policy = _policy(scripts, f"'sha256-{_sha256(_read('report.css') + _read('lineage.css'))}'")
    return _fill("lineage.html.j2", "report.css lineage.css", scripts, policy, context)


def _fill(
    template: str, styles: str, scripts: list[str], policy: str, context: dict[str, Any]
) -> str:
    """Fill a template with autoescape on, its style and scripts inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    page = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Markup marks what is our own and already safe; nothing from the corpus ever passes through it.
    return page.get_template(template).render(
        **context,
        style=Markup("".join(map(_read, styles.split()))),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        policy=policy,
    )


def as_json(value: Any) -> str:
    """JSON that may stand inside a script element: no <, > or & that a parser could act on."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy(scripts: list[str], style: str, webgl: bool = False) -> str:
    """A content security policy: the page's own scripts by hash, and no load from anywhere."""
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    if webgl:
        hashes += " 'unsafe-eval'"  # Plotly compiles its drawing commands; no text reaches them
    return (
        f"default-src 'none'; script-src {hashes}; style-src {style}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
