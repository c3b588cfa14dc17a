"""The page of a proof: whether a chosen subset trains better models than a random one."""

from itertools import groupby
from typing import Any, Final

from tasks.pages import proof_figures as figures
from tasks.pages.plot import Figure
from tasks.pages.proof_words import (
    amount,
    answer,
    budget_name,
    consumer_name,
    difference,
    method_name,
    trap,
)
from tasks.pages.render import render_proof
from tasks.pages.text import cut

SETTINGS_CHARS: Final = 300
CURVE_CAPTION: Final = (
    "Bars are the 95 % interval of the paired difference from uniform, put on the method's mean "
    "score: a bar that does not reach uniform's line stands apart from it (before the adjustment "
    "for many comparisons). "
)


def proof_page(proof: dict[str, Any]) -> str:
    """Render the page of `artifacts/proof/<name>.json`; it loads nothing, all text is escaped.

    `plane` and `quantiles` may be missing: then so are their sections.
    """
    rows, facts = proof["summaries"], proof["facts"]
    name = cut(proof["name"], 80)
    order = figures.order_of({row["method"] for row in rows})
    return render_proof({
        "title": f"Winnow: proof on {name}",
        "name": name,
        "answer": answer(rows),
        "tiles": [
            ("Rows to choose from", f"{facts['train']:,}"),
            ("Rows held out", f"{facts['test']:,}"),
            ("Paired seeds", str(facts["seeds"])),
            ("Comparisons", f"{facts['comparisons']:,}"),
        ],
        "curves": [_curve(name, group, "budget") for name, group in _by_consumer(rows)],
        "costs": [_curve(name, group, "tokens") for name, group in _by_consumer(rows)],
        "planes": _planes(proof.get("plane", []), order),
        "tables": [(consumer_name(name), _table(group)) for name, group in _by_consumer(rows)],
        **_bins(proof.get("quantiles")),
        "how": _how(facts),
        "methods": _methods(facts),
        "consumers": [
            (consumer_name(name), each["version"], each["unit"], each["better"])
            for name, each in facts["consumers"].items()
        ],
    })  # fmt: skip


def _by_consumer(rows: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    ordered = sorted(rows, key=lambda row: row["consumer"])
    return [(name, list(group)) for name, group in groupby(ordered, lambda row: row["consumer"])]


def _curve(consumer: str, rows: list[dict[str, Any]], over: str) -> Figure:
    caption = CURVE_CAPTION if over == "budget" else "What a score costs: tokens of the subset. "
    if any(row["method"] == "rs2" for row in rows):
        caption += "RS2 pays its budget anew on every pass, with other rows."
    return Figure(
        f"{over}-{consumer.replace('_', '-')}",
        consumer_name(consumer),
        caption,
        460,
        figures.score_curves(rows, over),
    )


def _planes(points: list[dict[str, Any]], order: list[str]) -> list[Figure]:
    everything = [point for point in points if point["method"] == "full"]
    budgets = sorted({point["budget"] for point in points} - {1.0})
    return [
        Figure(
            f"plane-{place}",
            f"Budget {budget_name(budget)}",
            "Mean quality and mean coverage of each method's subset",
            420,
            figures.plane([*(p for p in points if p["budget"] == budget), *everything], order),
        )
        for place, budget in enumerate(budgets)
    ]


def _table(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Budget, method, score, the difference in words, p adjusted, rows, and the verdict's class."""
    place = {name: at for at, name in enumerate([*figures.order_of({r["method"] for r in rows}),
                                                 "full"])}  # fmt: skip
    ordered = sorted(rows, key=lambda row: (row["budget"], place[row["method"]]))
    return [
        (
            budget_name(row["budget"]),
            method_name(row["method"]),
            amount(row["score"], row["unit"]),
            difference(row),
            "" if row["verdict"] == "reference" else f"{row['p_adjusted']:.2g}",
            f"{row['rows']:,.0f}",
            row["verdict"].replace(" ", "-"),
        )
        for row in ordered
    ]


def _bins(found: dict[str, Any] | None) -> dict[str, Any]:
    if not found:
        return {"bin_figures": [], "bin_words": [], "bins": 0}
    curves, count = found["curves"], found["bins"]
    return {
        "bins": count,
        "bin_words": [trap(each, count) for each in curves],
        "bin_figures": [
            Figure(
                f"bins-{each['consumer'].replace('_', '-')}",
                consumer_name(each["consumer"]),
                "Score after learning from one bin of the rows by quality",
                320,
                figures.bins(each),
            )
            for each in curves
        ],
    }


def _how(facts: dict[str, Any]) -> list[str]:
    """What was held out, repeated, paired and adjusted, in sentences."""
    return [
        f"Held out: {facts['test']:,} rows that no method and no quality score ever saw; "
        f"{facts['copies_removed_from_test']:,} copies of rows to choose from were taken out of "
        "them.",
        f"Seeds: {facts['seeds']}, from {facts['first_seed']}. A seed is one replicate of the pool "
        f"({100 * facts['replicate_share']:g} % of its rows), one draw and one start of the model, "
        "the same replicate for every method, so that differences are paired. Uniform, with which "
        f"all are compared, is the mean of {', '.join(map(str, facts['uniform_draws']))} draws, by "
        "budget.",
        f"Effort: {facts['passes']} passes over the subset for every method; the budget is in "
        f"{facts['budget_unit']}.",
        "Intervals: Student's t over seeds, with the error of the held-out rows added (jackknife "
        "over blocks of them). They are not adjusted, and hold for this pool and these rows held "
        "out.",
        f"Verdicts: Holm's adjustment over all {facts['comparisons']:,} comparisons of this page; "
        "the chance that any better or worse here is due to luck alone is at most 5 %.",
        f"Vectors by {cut(facts['embedder'], 120)}.",
    ]


def _methods(facts: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (
            method_name(name),
            cut(str(each["name"]), 80),
            str(each["version"]),
            cut(", ".join(f"{key}={value}" for key, value in each["settings"].items()),
                SETTINGS_CHARS),
        )
        for name, each in facts["methods"].items()
    ]  # fmt: skip
