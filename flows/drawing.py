"""A lineage to look at: as lines for a terminal, and as a Mermaid flowchart."""

import json
import textwrap
from typing import Any, Final

from flows.lineage import File, Lineage, Step
from tasks.chain import DOES
from tasks.telling import plain

WIDTH: Final = 100
DIGITS: Final = 12


def in_words(lineage: Lineage) -> str:
    """Tell it from the subset back to the source files, then what was made of the subset."""
    after = [step for step in lineage.steps if not step.upstream]
    lines = [*_head(lineage), ""]
    for step in reversed([step for step in lineage.steps if step.upstream]):
        lines += [*_step(step), ""]
    lines.append("source files" if lineage.sources else "source files: not at hand")
    for file in lineage.sources:
        lines.append(f"  {plain(file['path'])}  {file['bytes']:,} bytes  sha256 {file['sha256']}")
    if after:
        lines += ["", "made of the subset afterwards", ""]
        for step in after:
            lines += [*_step(step), ""]
    return "\n".join(lines).rstrip()


def _head(lineage: Lineage) -> list[str]:
    changed = ", with changes that are not committed" if lineage.changed else ""
    identity = f", identity {lineage.model_identity[:DIGITS]}" if lineage.model_identity else ""
    return [
        f"run      {', '.join(map(plain, lineage.runs)) or 'not kept under a name'}",
        f"commit   {lineage.commit[:DIGITS] or 'none'}{changed}",
        f"model    {plain(lineage.model) or 'unknown'}{identity}",
    ]


def _step(step: Step) -> list[str]:
    counts = _counts(step)
    lines = [f"{step.stage} {step.version}" + (f"  {counts}" if counts else "")]
    for label, files in (("reads", step.reads), ("writes", step.writes)):
        lines += [f"  {label:<7}{_file(file)}" for file in files]
    settings = ", ".join(f"{key} {_value(value)}" for key, value in _flat(step.params))
    return lines + textwrap.wrap(
        settings, WIDTH, initial_indent="  with   ", subsequent_indent=" " * 9
    )


def _counts(step: Step) -> str:
    found = dict.fromkeys(
        f"{count:,}" for count in (step.rows_in, step.rows_out) if count is not None
    )
    return f"{' → '.join(found)} ({DOES.get(step.stage, 'rows')})" if found else ""


def _file(file: File) -> str:
    rows = "" if file.rows is None else f"  {file.rows:,} rows"
    return f"{plain(file.path)}  md5 {file.md5[:DIGITS]}{rows}"


def _flat(params: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Settings by dotted key; a mapping that a user fills (weights, floors) stays one value."""
    found: list[tuple[str, Any]] = []
    for key, value in params.items():
        deep = isinstance(value, dict) and not above
        found += _flat(value, f"{key}.") if deep else [(f"{above}{key}", value)]
    return found


def _value(value: Any) -> str:
    return plain(value if isinstance(value, str) and value else json.dumps(value))


def as_mermaid(lineage: Lineage) -> str:
    """A Mermaid flowchart: a node for every source file and stage, an edge for files handed on."""
    lines = ["flowchart TD"]
    for place, found in enumerate(lineage.sources):
        lines += [f'  f{place}[("{_safe(found["path"])}")]', f"  f{place} --> sources"]
    writer = {file.path: step.stage for step in lineage.steps for file in step.writes}
    for step in lineage.steps:
        label = [f"{step.stage} {step.version}", *([counts] if (counts := _counts(step)) else [])]
        lines.append(f'  {step.stage}["{"<br/>".join(map(_safe, label))}"]')
    for step in lineage.steps:
        given: dict[str, list[str]] = {}
        for file in step.reads:
            if file.path in writer:
                given.setdefault(writer[file.path], []).append(file.path.rpartition("/")[2])
        for other, names in given.items():
            lines.append(f'  {other} -->|"{"<br/>".join(map(_safe, names))}"| {step.stage}')
    subset = ",".join(step.stage for step in lineage.steps if step.upstream)
    return "\n".join([*lines, "  classDef subset stroke-width:3px", f"  class {subset} subset"])


def _safe(text: str) -> str:
    """Text for a quoted label: what Mermaid or HTML would act on, as Mermaid's character codes."""
    return "".join(
        sign if sign.isalnum() or sign in " ._-/:,()→" else f"#{ord(sign)};" for sign in plain(text)
    )
