"""The page of a sweep: quality against diversity per budget, the front, the controls, the knee."""

from typing import Any

from tasks.pages.pareto_figure import front
from tasks.pages.plot import Figure
from tasks.pages.proof_words import method_name
from tasks.pages.render import render_pareto
from tasks.pages.text import cut


def pareto_page(found: dict[str, Any]) -> str:
    """Render the page of `artifacts/pareto.json`; it loads nothing, and all text is escaped."""
    groups = found["budgets"]
    corner = ", ".join(f"{value:g}" for value in found["reference"])
    return render_pareto({
        "title": "Winnow: quality against diversity",
        "selector": cut(found["selector"], 80),
        "label": found["label"],
        "corner": corner,
        "tiles": [
            ("Budgets", str(len(groups))),
            ("Runs", str(sum(p["weight"] is not None for g in groups for p in g["points"]))),
            *((f"Knee at {cut(g['budget'], 20)}", f"{g['knee']['weight']:g}") for g in groups),
        ],
        "figures": [_figure(place, group, found["label"]) for place, group in enumerate(groups)],
        "tables": [(cut(group["budget"], 40), _notes(group), _rows(group)) for group in groups],
    })  # fmt: skip


def _figure(place: int, group: dict[str, Any], label: str) -> Figure:
    return Figure(
        f"front-{place}",
        f"Budget {cut(group['budget'], 40)}",
        "The line is the front: no subset here is better on both. Numbers are diversity weights, "
        "the ring is the knee, open signs are controls; bars are 95 % intervals.",
        460,
        front(group, label),
    )


def _notes(group: dict[str, Any]) -> str:
    return (
        f"Hypervolume {group['hypervolume']:.4f}, with the controls "
        f"{group['hypervolume_with_controls']:.4f}. Knee: {group['knee_rule']}. "
        f"Knee at weight {group['knee']['weight']:g}: {cut(group['confirmation']['words'], 600)}."
    )


def _rows(group: dict[str, Any]) -> list[tuple[str, ...]]:
    """Weight or control, quality, diversity, on the front, rows, run, and the line's class."""
    return [
        (
            method_name(each["method"]) if each["weight"] is None else f"{each['weight']:g}",
            between(each, "quality"),
            between(each, "diversity"),
            "yes" if each["on_front"] else "no",
            f"{each['rows']:,}",
            "" if each["weight"] is None else cut(each["run"], 120),
            _kind(each, group),
        )
        for each in group["points"]
    ]


def between(each: dict[str, Any], axis: str) -> str:
    """A value with its interval."""
    low, high = each[f"{axis}_low"], each[f"{axis}_high"]
    interval = f" [{low:.4f}, {high:.4f}]" if low is not None else ""
    return f"{each[axis]:.4f}{interval}"


def _kind(each: dict[str, Any], group: dict[str, Any]) -> str:
    if each["weight"] is None:
        return "control"
    return "knee" if each["run"] == group["knee"]["run"] else "point"
