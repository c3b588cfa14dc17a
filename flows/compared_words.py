"""A comparison as text: tables of columns, the first rows, formulas below. Ids are made plain."""

from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from flows.attribution import Attribution, Cause, Measured
from flows.console import columns
from tasks.comparing.metrics import FORMULA as METRICS_FORMULA
from tasks.comparing.reasons import reason
from tasks.comparing.rows import Overlap
from tasks.comparing.shift import FORMULA as SHIFT_FORMULA
from tasks.comparing.shift import Shift, tested
from tasks.comparing.whole import Compared
from tasks.telling import plain

GROUPS: Final = 10
DIFFERENCES: Final = 12
TITLES: Final = {"gained": "came in", "lost": "went out", "edited": "stayed with another content"}


def in_words(found: Compared, causes: Attribution, rows: int) -> str:
    """All parts of a comparison, each under its title."""
    parts = [
        ("", [f"A: {plain(found.a.name)}", f"B: {plain(found.b.name)}", _verdict(found)]),
        ("overlap", _overlap(found)),
        ("documents", _pool(found)),
        ("reasons", _reasons(found)),
        *((f"{TITLES[change]} ({_first(found, change, rows)})", _rows(found, change, rows))
          for change in TITLES),
        ("metrics of the selection", _metrics(found)),
        *((f"shift by {each.kind}", list(_shift(each)))
          for each in found.shifts if not found.equal),
        ("why", list(_causes(causes))),
        ("how it was worked out", _formulas(found)),
    ]  # fmt: skip
    return "\n\n".join(
        "\n".join([*([f"{title}:"] if title else []), *(_indented(lines) if title else lines)])
        for title, lines in parts
        if lines
    )


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}".rstrip() for text in lines for line in text.split("\n")]


def _verdict(found: Compared) -> str:
    if found.equal:
        known = "the same rows" if found.by_content else "the same ids (contents are not known)"
        return f"equal: {found.by_id.a:,} rows, {known}"
    sizes = found.by_id
    return (
        f"{sizes.only_b:,} rows came in, {sizes.only_a:,} went out, {sizes.both:,} stayed; "
        f"A has {sizes.a:,}, B has {sizes.b:,}"
    )


def _overlap(found: Compared) -> list[str]:
    lines = [("by", "both", "only A", "only B", "Jaccard"), _overlap_line("id", found.by_id)]
    if found.by_content is None:
        return [columns(lines), "by content: not known, a side holds ids alone"]
    return [columns([*lines, _overlap_line("content", found.by_content)])]


def _overlap_line(name: str, sizes: Overlap) -> tuple[str, ...]:
    numbers = (f"{count:,}" for count in (sizes.both, sizes.only_a, sizes.only_b))
    return (name, *numbers, f"{sizes.jaccard:.4f}")


def _pool(found: Compared) -> list[str]:
    if found.pool is None or found.equal:
        return []
    return [", ".join(f"{count:,} {name}" for name, count in found.pool.items())]


def _reasons(found: Compared) -> list[str]:
    if found.equal:
        return []
    lines = [("change", "rows", "reason, by the run that does not hold the row")]
    lines += [
        (row["change"], f"{row['rows']:,}", reason(row, explained=True))
        for row in found.counts.to_dicts()
    ]
    return [columns(lines)]


def _first(found: Compared, change: str, rows: int) -> str:
    total = found.rows.filter(pl.col("change") == change).height
    return f"{total:,}" if total <= rows else f"first {rows} of {total:,}; --json has all"


def _rows(found: Compared, change: str, rows: int) -> list[str]:
    part = found.rows.filter(pl.col("change") == change).head(rows)
    if part.is_empty():
        return []
    lines = [("rank", "id", "source", "reason")]
    lines += [
        (_rank(row), plain(row["id"])[:60], plain(row["source"] or "")[:24], reason(row))
        for row in part.to_dicts()
    ]
    return [columns(lines)]


def _rank(row: dict[str, Any]) -> str:
    return "" if row["rank"] is None else str(row["rank"])


def _metrics(found: Compared) -> list[str]:
    if found.metrics is None:
        return ["a side has no comparison.parquet"]
    if found.equal:
        return []
    lines: list[tuple[str, ...]] = [("metric", "A", "B", "change", "95 % interval", "reading")]
    for row in found.metrics.filter(pl.col("subset") == "selected").to_dicts():
        between = "none" if row["low"] is None else f"{row['low']:+.4g} to {row['high']:+.4g}"
        values = [_number(row[name]) for name in ("a", "b")]
        change = _number(row["difference"], sign=True)
        lines.append((plain(row["metric"]), *values, change, between, reading(row)))
    return [columns(lines)]


def _number(value: float | None, sign: bool = False) -> str:
    if value is None:
        return "none"
    whole = abs(value) >= 1000 or float(value).is_integer()
    return f"{value:{'+' if sign else ''},.0f}" if whole else f"{value:{'+' if sign else ''}.4g}"


def reading(row: dict[str, Any]) -> str:
    """What a metric's change means: which direction is better, and whether it is clear."""
    verdict = str(row["verdict"])
    if verdict == "unclear":
        return "unclear: the interval holds 0"
    if verdict not in ("higher", "lower") or row["better"] == "neither":
        return verdict
    return f"{verdict}: {'better' if verdict == row['better'] else 'worse'}"


def _shift(found: Shift) -> Iterator[str]:
    yield (
        f"total variation {found.total_variation:.4f}, "
        f"Jensen-Shannon {found.jensen_shannon:.4f} bits; {tested(found)}"
    )
    lines = [("group", "A", "B", "share A", "share B", "difference (95 %)", "p by Holm")]
    for row in found.groups.head(GROUPS).to_dicts():
        between = f"{row['difference']:+.1%} ({row['low']:+.1%} to {row['high']:+.1%})"
        holm = "" if row["p_holm"] is None else f"{row['p_holm']:.2g}"
        lines.append((plain(row["group"])[:40], f"{row['a']:,}", f"{row['b']:,}",
                      f"{row['share_a']:.1%}", f"{row['share_b']:.1%}", between, holm))  # fmt: skip
    yield columns(lines)
    if len(found.groups) > GROUPS:
        yield f"and {len(found.groups) - GROUPS} more that moved less; --json has all"
    if any(found.left_out):
        a, b = found.left_out
        yield f"left out, their group is not known: {a:,} of A, {b:,} of B"
    if found.note:
        yield found.note


def _causes(found: Attribution) -> Iterator[str]:
    yield found.answer
    lines = [("cause", "differs", "what")]
    for cause in found.causes:
        state = ("yes" if cause.differs else "no") if cause.known else "not known"
        lines.append((cause.name, state, "; ".join(_listed(cause))))
    yield columns(lines)
    yield from found.notes
    if found.measured:
        yield from _measured(found.measured)


def _measured(found: Measured) -> Iterator[str]:
    yield f"measured by running again, rows in or out against A ({found.method}):"
    lines = [("cause", "rows", "share")]
    lines += [
        (cause, f"{rows:,.1f}", f"{rows / found.total:.0%}") for cause, rows in found.parts.items()
    ]
    yield columns([*lines, ("total", f"{found.total:,}", "")])
    swapped = "; ".join(f"{names} of B: {rows:,}" for names, rows in found.churn.items())
    yield f"churn of each mixture: {swapped}"
    if found.interaction is not None:
        yield f"interaction (all together less the sum of each alone): {found.interaction:+,}"
    yield f"check: B run again differs from B by {found.again:,} rows"
    yield from found.notes


def _listed(cause: Cause) -> list[str]:
    shown = [plain(each) for each in cause.differs[:DIFFERENCES]]
    if len(cause.differs) > DIFFERENCES:
        shown.append(f"and {len(cause.differs) - DIFFERENCES} more")
    if cause.without_effect:
        few = ", ".join(plain(each) for each in cause.without_effect[:3])
        more = len(cause.without_effect) - 3
        shown.append(f"without effect: {few}{f' and {more} more' if more > 0 else ''}")
    return shown


def _formulas(found: Compared) -> list[str]:
    if found.equal:
        return []
    used = [METRICS_FORMULA] if found.metrics is not None else []
    return used + ([SHIFT_FORMULA] if found.shifts else [])
