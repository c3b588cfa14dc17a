"""Stage `report`: everything the run left behind -> report.html, one page that explains it.

Beside it lineage.html, the story of every row, and stands_for.parquet, by which stories name the
rows that another stands for.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, Final

import polars as pl

from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import StandsFor, check
from tasks import PIPELINE
from tasks.pages import content
from tasks.pages.changes import changes_section
from tasks.pages.drawings import (
    comparison_panels,
    gate_figure,
    group_figure,
    map_points,
    map_section,
    score_section,
)
from tasks.pages.examples import (
    LONGEST_TEXT,
    Example,
    best_losers,
    duplicate_examples,
    first_ranks,
    kept_examples,
    least_similar,
    lost_examples,
)
from tasks.pages.families import family_tables, source_table
from tasks.pages.funnel import funnel, kind_of
from tasks.pages.health import health_section
from tasks.pages.lineage import lineage
from tasks.pages.render import render, render_lineage
from tasks.pages.stories import stands_for
from tasks.pages.text import cut
from tasks.stage import Paths, manifest_path, run_stage, write_manifest
from tasks.storage.rows import read_rows, read_vectors, write_rows, write_text

VERSION: Final = "1.6.0"  # DVC reads this line; raise it when equal input may give other output
STAGES: Final = PIPELINE[2:-1]  # those that work on this run's rows
TABLES: Final = (
    "documents",
    "quarantine",
    "vectors",
    "scores",
    "selection",
    "decisions",
    "changes",
    "comparison",
)
SECTIONS: Final = (
    ("funnel", "Funnel"),
    ("health", "Embeddings"),
    ("map", "Map"),
    ("scores", "Scores"),
    ("controls", "Controls"),
    ("groups", "Groups"),
    ("changes", "Changes"),
    ("gates", "Gates"),
    ("examples", "Examples"),
    ("quarantine", "Quarantine"),
    ("provenance", "Provenance"),
)


def run(params: Params, paths: Paths) -> Manifest:
    """Write the pages and stands_for.parquet; the same artifacts give the same bytes."""
    manifests = {stage: Manifest.read(manifest_path(paths, stage)) for stage in STAGES}
    rows, comparison = ledger(paths), read_rows(paths.table("comparison"))
    write_rows(paths.table("stands_for"), check(StandsFor, stands_for(rows)))
    ids, points = placed(rows, params, paths)
    texts = partial(with_texts, documents=paths.table("documents"))
    parts = [
        headline(rows, comparison, manifests),
        {"sections": SECTIONS, "funnel": funnel(rows)},
        {"evaluations": content.evaluation_table(manifests["decontaminate"])},
        health_section(json.loads(paths.json("health").read_text(encoding="utf-8"))),
        map_section(points, rows, ids, texts),
        scores(rows, params, paths),
        controls(comparison, manifests["measure"]),
        groups(manifests["measure"], params),
        changes(rows, manifests["choose"], params, paths),
        gates(manifests["gate"]),
        examples(rows, params.report.examples, paths.table("documents")),
        quarantine(paths),
        provenance(manifests, params, paths),
    ]
    context = {key: value for part in parts for key, value in part.items()}
    pages = (paths.artifacts / "report.html", paths.artifacts / "lineage.html")
    write_text(pages[0], render(context))
    told = lineage(rows, points, manifests, params.report.max_stories, paths)
    write_text(pages[1], render_lineage(told))
    kept = int((rows["verdict"] == "kept").sum())
    manifest = Manifest(
        "report",
        VERSION,
        {"seed": params.seed, **params.report.model_dump()},
        rows={"records": len(rows), "kept": kept, "stories": told["told"]},
    )
    before = (
        paths.json("sources"),
        paths.json("health"),
        *(manifest_path(paths, stage) for stage in STAGES),
    )
    read = (*map(paths.table, TABLES), paths.json("percentiles"), *before)
    return write_manifest(paths, manifest, read, (*pages, paths.table("stands_for")))


def ledger(paths: Paths) -> pl.DataFrame:
    """Read every decision with the kind the page shows."""
    decisions = read_rows(paths.table("decisions"))
    return decisions.with_columns(kind=kind_of(decisions))


def with_texts(rows: pl.DataFrame, documents: Path) -> pl.DataFrame:
    """Add the beginning of each row's text, null where there is none; the others are not read."""
    key = ["source_file", "row"]
    beginnings = pl.scan_parquet(documents).select(*key, pl.col("text").str.slice(0, LONGEST_TEXT))
    texts = beginnings.join(rows.select(key).lazy(), on=key, how="semi").collect()
    return rows.join(texts, on=key, how="left", maintain_order="left")


def placed(rows: pl.DataFrame, params: Params, paths: Paths) -> tuple[list[str], pl.DataFrame]:
    """Ids of the embedded rows, sorted, and the rows that the maps show with their places."""
    known, vectors = read_vectors(paths.table("vectors"))
    ids = known["id"].to_list()
    return ids, map_points(rows, ids, vectors, params.report.max_points, params.seed)


def scores(rows: pl.DataFrame, params: Params, paths: Paths) -> dict[str, Any]:
    """Draw the distribution of quality and of the columns it combines."""
    kept_ids = rows.filter(pl.col("kind") == "kept")["id"]
    columns = ["quality", *params.score.quality_weights]
    return score_section(read_rows(paths.table("scores")), kept_ids, columns)


def controls(comparison: pl.DataFrame, measure: Manifest) -> dict[str, Any]:
    """Draw and tabulate the selection beside its controls."""
    panels = comparison_panels(comparison)
    return {
        "comparison_figures": [figure for _, figures in panels for figure in figures],
        "comparison_families": panels,
        "comparison_tables": family_tables(comparison, content.SUBSETS),
        "source_distances": source_table(measure.facts.get("source_distances", {})),
        "sampling_note": content.sampling_note(measure),
        "target_note": content.target_note(measure),
        "controls_note": content.controls_note(comparison),
    }


def groups(measure: Manifest, params: Params) -> dict[str, Any]:
    """Draw and tabulate group shares."""
    shares, group_by = measure.facts["group_shares"], params.choose.group_by
    return {
        "group_figure": group_figure(shares, group_by),
        "group_by": group_by,
        "group_table": content.group_table(shares),
        "groups_left_out": measure.facts["groups_joined"],
    }


def changes(rows: pl.DataFrame, choose: Manifest, params: Params, paths: Paths) -> dict[str, Any]:
    """Tell which rows entered and left since the promoted run, and why."""
    bound = choose.facts.get("stability", {})
    found = read_rows(paths.table("changes"))
    return changes_section(found, rows, bound, params.previous.run)


def gates(gate: Manifest) -> dict[str, Any]:
    """Draw and tabulate what keeps the run from being promoted, or would."""
    listed = gate.facts["gates"]
    measured = [one for one in listed if one["value"] is not None and one["limit"] is not None]
    return {
        "gates_note": content.gates_note(gate),
        "gates_held": gate.facts["held"],
        "gate_table": content.gate_table(listed),
        "gates_not_listed": gate.facts["not_listed"],
        "gate_figure": gate_figure(measured) if measured else None,
    }


def provenance(manifests: dict[str, Manifest], params: Params, paths: Paths) -> dict[str, Any]:
    """Tabulate source files, stages, versions and settings."""
    files = json.loads(paths.json("sources").read_text(encoding="utf-8"))["files"]
    return {
        "stages": content.stage_table(list(manifests.values())),
        "sources": content.source_table(files, manifests["ingest"]),
        "seed": params.seed,
    }


def examples(rows: pl.DataFrame, count: int, documents: Path) -> dict[str, list[Example]]:
    """Pick the rows shown in full, by kind."""
    return {
        "kept_examples": kept_examples(with_texts(first_ranks(rows, count), documents)),
        "lost_examples": lost_examples(with_texts(best_losers(rows, count), documents)),
        "duplicate_examples": duplicate_examples(with_texts(least_similar(rows, count), documents)),
    }


def headline(
    rows: pl.DataFrame, comparison: pl.DataFrame, manifests: dict[str, Manifest]
) -> dict[str, Any]:
    """Say in a sentence and a few numbers what the run did, and that no record was lost."""
    choose, records_read = manifests["choose"], manifests["ingest"].facts["records_read"]
    counts = {kind: int((rows["verdict"] == kind).sum()) for kind in content.VERDICTS}
    kept, total = counts["kept"], len(rows)
    tokens = comparison.filter(subset="selected", metric="tokens")["value"].sum()
    parts = " + ".join(f"{count:,} {verdict}" for verdict, count in counts.items())
    return {
        "title": f"Winnow: {kept:,} of {total:,} records kept",
        "headline": f"{kept:,} of {total:,} records kept ({kept / max(total, 1):.1%}), "
        f"chosen by {cut(str(choose.params['selector']).replace('_', ' '), 60)}",
        "standing": content.standing_sentence(comparison),
        "notice": content.stopped_sentence(choose),
        "conservation": f"Every record is accounted for: {parts} = {sum(counts.values()):,}; "
        f"{records_read:,} records were read.",
        "tiles": [
            ("Records read", f"{total:,}"),
            ("Records kept", f"{kept:,}"),
            ("Tokens kept", f"{tokens:,.0f}"),
            ("Budget", f"{choose.facts['budget']['limit']:,} {choose.facts['budget']['unit']}"),
            *(
                (cut(name.replace("_", " ").capitalize(), 30), cut(str(value), 30))
                for name, value in list(choose.facts["selector"]["settings"].items())[:3]
            ),
        ],
    }


def quarantine(paths: Paths) -> dict[str, Any]:
    """Read the refused records: all are counted, the first are shown."""
    table = read_rows(paths.table("quarantine"))
    return {"quarantine": content.quarantine_table(table), "quarantine_count": len(table)}


if __name__ == "__main__":
    run_stage("report", run)
