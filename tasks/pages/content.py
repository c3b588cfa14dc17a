"""What the page says in words and numbers: comparison, groups, quarantine, provenance."""

from typing import Any, Final

import numpy as np
import polars as pl

from schemas.manifest import Manifest
from tasks.metrics import ALL_METRICS
from tasks.pages.funnel import in_words
from tasks.pages.text import cut, number, visible

SUBSETS: Final = {  # in the order of the page; pool is not a competitor, only a yardstick
    "selected": "Selected",
    "uniform": "Uniform random",
    "stratified": "Stratified random",
    "top_quality": "Top quality",
    "diversity_only": "Diversity only",
    "pool": "Whole pool",
}
VERDICTS: Final = ("kept", "dropped", "quarantined")
QUARANTINE_ROWS: Final = 100


def compared(comparison: pl.DataFrame) -> dict[str, list[str]]:
    """Sort metrics by where the selection stands to uniform draws: better, worse, inside.

    Better and worse mean outside the 95% prediction interval of one further draw, which is
    sqrt(s + 1) times as wide as the interval of the mean over s draws.
    """
    standing: dict[str, list[str]] = {"better": [], "worse": [], "inside": []}
    for name, metric in ALL_METRICS.items():
        pair = {row["subset"]: row for row in comparison.filter(metric=name).iter_rows(named=True)}
        ours, draws = pair.get("selected"), pair.get("uniform")
        if metric.better == "neither" or not ours or not draws or draws["low"] is None:
            continue
        half = max(draws["high"] - draws["value"], draws["value"] - draws["low"])
        ahead = ours["value"] - draws["value"]
        if abs(ahead) <= half * np.sqrt(draws["draws"] + 1):
            standing["inside"].append(metric.label)
        else:
            wins = (ahead > 0) == (metric.better == "higher")
            standing["better" if wins else "worse"].append(metric.label)
    return standing


def standing_sentence(comparison: pl.DataFrame) -> str:
    """Say in one sentence how the selection stands to uniform draws of the same budget."""
    standing = compared(comparison)
    parts = [
        f"{words} in {_listed(standing[kind])}"
        for kind, words in (
            ("better", "better"),
            ("worse", "worse"),
            ("inside", "within their spread"),
        )
        if standing[kind]
    ]
    if not parts:
        return "There are no random draws to compare the selection with."
    return f"Compared with uniform random draws of equal budget, it is {'; '.join(parts)}."


def stopped_sentence(choose: Manifest) -> str:
    """Say that the search was stopped before its budget was spent, if it was."""
    totals = choose.facts.get("totals", {})
    if not totals.get("stopped"):
        return ""
    return (
        f"The search was stopped by its {totals['stopped']} after {totals['share_of_budget']:.1%} "
        "of the budget: this is the best so far, and its controls have the whole budget."
    )


def _listed(labels: list[str]) -> str:
    names = [label if label.startswith("Vendi") else label.lower() for label in labels]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def controls_note(comparison: pl.DataFrame) -> str:
    """Explain the controls and what their intervals mean."""
    draws = int(comparison.filter(subset="uniform")["draws"].to_numpy().max(initial=0))
    return (
        "Each control is chosen under the very same limits: budget, floors, caps and rows that "
        "must be in or out. Bars are 95% intervals: for the random controls, of the mean over "
        f"{draws} draws (Student's t); for the others, over the pool's rows (jackknife, leaving "
        "out one of 20 groups of rows at a time). The sentence at the top asks instead where one "
        "more random draw would fall, with 95% certainty. Top quality and diversity "
        "only are built to win on their own measure; the question is what they give up for it."
    )


def sampling_note(measure: Manifest) -> str:
    """Say by how many rows coverage was measured, where the pool is too large for all pairs."""
    facts = measure.facts.get("sampling", {})
    looked, rows = facts.get("pool_rows_looked_at", 0), facts.get("pool_rows", 0)
    if looked >= rows:
        return ""
    return (
        f"Coverage is measured on {looked:,} of {rows:,} pool rows, redundancy on "
        f"{facts['selected_rows_looked_at']:,} selected ones, each against the whole subset; which "
        "rows is decided by the hash of their ids, and the intervals hold the error. Cover radius "
        "and least distance are then bounds: the true radius may be larger, the true least "
        "distance smaller."
    )


def target_note(measure: Manifest) -> str:
    """Say what the target is and how many of its rows were compared, if there is one."""
    facts = measure.facts.get("target")
    if not facts:
        return ""
    files = ", ".join(cut(file["path"], 120) for file in facts["files"])
    left_out = facts["blank_rows"] + facts["rows_without_direction"]
    unfit = f"; {left_out:,} have no word that the model knows" if left_out else ""
    return (
        f"The target is {files}: {facts['rows_compared']:,} of its {facts['rows']:,} rows are "
        f"compared with, at most 2,000, chosen by the hash of their content{unfit}."
    )


def group_table(shares: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each group with rows and shares as text, and how many times its pool share it holds."""
    return [
        {
            "group": cut(str(row["group"]), 60),
            "pool_rows": f"{row['pool_rows']:,}",
            "kept_rows": f"{row['kept_rows']:,}",
            "pool_share": f"{row['pool_share']:.1%}",
            "selected": f"{row['selected']:.1%}",
            "ratio": f"× {row['selected'] / row['pool_share']:.2f}" if row["pool_share"] else "–",
        }
        for row in shares
    ]


def gates_note(gate: Manifest) -> str:
    """Say whether the run may be promoted, and how the tests are to be read."""
    failed = len(gate.facts["failed"])
    compared = gate.params["previous"]
    verdict = (
        f"Held: {failed} {'gate has' if failed == 1 else 'gates have'} failed, so this run is not "
        "promoted."
        if failed
        else "All gates passed: this run may be promoted."
    )
    against = (
        f"Compared with the promoted run {cut(compared, 100)}. A test fails if chance is ruled out "
        f"(Holm, {gate.params['alpha']:.2g} for all tests together) and the effect is beyond its "
        "limit; beside it stands the smallest effect that as many rows show in four of five runs."
        if compared
        else "No promoted run was there to compare with."
    )
    return f"{verdict} {against}"


def gate_table(gates: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Each gate with its outcome, figures as text and words; passed drift may be `folded`."""
    return [
        {
            "name": in_words(gate["name"]),
            "outcome": "passed" if gate["passed"] else "failed",
            "value": "–" if gate["value"] is None else number(gate["value"]),
            "limit": "–" if gate["limit"] is None else number(gate["limit"]),
            "p": "–" if gate["p"] is None else f"{gate['p']:.2g}",
            "detects": gate["detects"] or "–",
            "words": cut(gate["words"], 300),
            "folded": "yes" if gate["passed"] and "drift" in gate["name"] else "",
        }
        for gate in gates
    ]


def quarantine_table(quarantine: pl.DataFrame) -> list[dict[str, str]]:
    """First rows of the quarantine, every field cut and made visible."""
    return [
        {key: "" if value is None else cut(str(value), 200) for key, value in row.items()}
        | {"rule": in_words(row["rule"])}
        for row in quarantine.head(QUARANTINE_ROWS).iter_rows(named=True)
    ]


def distribution_table(columns: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[list[str]]:
    """Per score column: median and mean of all scored rows and of the kept ones."""
    return [
        [
            name,
            *(
                number(float(measure(part)))
                for part in (everything, kept)
                for measure in (np.median, np.mean)
            ),
        ]
        for name, (everything, kept) in columns.items()
    ]


def stage_table(manifests: list[Manifest]) -> list[dict[str, Any]]:
    """Each stage with version, rows, shortened digests of what it read and wrote, settings."""
    return [
        {
            "stage": manifest.stage,
            "version": manifest.version,
            "rows": ", ".join(f"{name} {count:,}" for name, count in manifest.rows.items()),
            "inputs": _digests(manifest.inputs),
            "outputs": _digests(manifest.outputs),
            "params": [(key, visible(repr(value))) for key, value in manifest.params.items()],
        }
        for manifest in manifests
    ]


def source_table(files: list[dict[str, Any]], ingest: Manifest) -> list[dict[str, str]]:
    """Each file that was read: path, size, records and digest."""
    counts = ingest.facts.get("files", {})
    return [
        {
            "path": visible(file["path"]),
            "bytes": f"{file['bytes']:,}",
            "records": f"{counts[file['path']]['records']:,}" if file["path"] in counts else "–",
            "sha256": file["sha256"],
        }
        for file in files
    ]


def evaluation_table(decontaminate: Manifest) -> list[dict[str, str]]:
    """Each evaluation file: its items, how many were met, and the rows they were met in."""
    return [
        {
            "path": visible(file["path"]),
            "items": f"{file['items']:,}",
            "short": f"{file['too_short_items']:,}",
            "met": f"{file['items_found']:,}",
            "rows": f"{file['rows']:,}",
            "kinds": ", ".join(f"{kind} {n:,}" for kind, n in file["rows_by_kind"].items()) or "–",
        }
        for file in decontaminate.facts.get("evaluations", [])
    ]


def _digests(files: dict[str, str]) -> list[tuple[str, str]]:
    return [(cut(name, 120), digest[:12]) for name, digest in files.items()]
