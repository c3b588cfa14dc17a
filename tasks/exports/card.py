"""The dataset card: README.md with the front matter that Hugging Face's hub and library read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import yaml

from tasks.exports.columns import LANGUAGE_KEYS
from tasks.exports.facts import (
    SourceFacts,
    funnel,
    languages,
    licences,
    per_source,
    size_category,
    software,
)
from tasks.exports.markdown import OwnMarkdown, fill
from tasks.exports.shards import data_files
from tasks.exports.subset import Subset
from tasks.metrics import METRICS
from tasks.pages.content import SUBSETS
from tasks.pages.text import number

if TYPE_CHECKING:
    from tasks.exports.writing import Exported

TAGS: Final = ["winnow", "data-selection", "croissant"]
HUB_LICENCES: Final = (  # names that the hub knows; any other licence is told in the card alone
    "apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-sa-4.0", "cc-by-sa-3.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odc-by", "odbl", "pddl", "gpl-3.0",
    "lgpl-3.0", "agpl-3.0", "mpl-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense",
    "cdla-permissive-2.0",
)  # fmt: skip
MOST_SOURCES: Final = 100
NOT_STATED: Final = "not stated"


def title(subset: Subset) -> str:
    """What the dataset is called."""
    return f"Winnow {subset.name}"


def card(subset: Subset, exported: Exported) -> str:
    """Write the card; sections whose manifest or table is not at hand are left out."""
    sources = per_source(exported.survey, exported.settings.licence)
    lines = funnel(subset)
    compared = _compared(subset)
    context = {
        "header": OwnMarkdown(_header(subset, exported).rstrip("\n")),
        "title": title(subset),
        "software": software(),
        "order": exported.settings.order.value,
        "counts": {
            "rows": exported.rows,
            "tokens": sum(each.tokens for each in sources),
            "records": lines[0][2] if lines else "an unknown number of",
        },
        "fields": exported.fields,
        "chosen": _chosen(subset),
        "funnel": lines,
        "sources": _source_lines(sources),
        "files": subset.sources.get("files", []),
        "metrics": [kind.label for kind in METRICS.values()],
        "compared": compared,
        "stages": _stages(subset),
        "made_by": _made_by(subset),
        "notes": {name: OwnMarkdown(note) for name, note in NOTES.items()},
        "limits": map(OwnMarkdown, _limits(exported)),
    }
    return fill("card.md.j2", context)


def _header(subset: Subset, exported: Exported) -> str:
    """The YAML front matter: what the hub indexes, and which files `load_dataset` reads."""
    found = licences(exported.survey, exported.settings.licence)
    known = found[0].lower() if len(found) == 1 else ""
    header: dict[str, Any] = {"pretty_name": title(subset)}
    if known in HUB_LICENCES:
        header["license"] = known
    elif found != [""]:
        header["license"] = "other"
        header["license_name"] = "see-the-card"
    if codes := languages(exported.survey):
        header["language"] = codes
    header |= {
        "size_categories": [size_category(exported.rows)],
        "source_datasets": ["extended|other"],
        "tags": TAGS,
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": data_files(exported.settings)}],
            }
        ],
    }
    return str(yaml.safe_dump(header, sort_keys=False, allow_unicode=True))


def _chosen(subset: Subset) -> list[tuple[str, Any]]:
    """Selector, budget and outcome, as `choose` states them."""
    choose = subset.manifests.get("choose")
    if choose is None:
        return []
    facts, asked = choose.facts, choose.params
    selector, budget = facts["selector"], facts["budget"]
    told = [
        ("selector", f"{selector['name']} {selector['version']} ({selector['draw']})"),
        ("its settings", json.dumps(selector["settings"], sort_keys=True)),
        ("budget", f"{asked['budget']}: {budget['spent']:,} of {budget['limit']:,} "
         f"{budget['unit']} spent"),
        ("diversity weight λ", str(asked["diversity_weight"])),
        ("seed", str(selector["seed"])),
        ("eligible rows", facts["eligible"]),
        *((name, str(value)) for name, value in sorted(facts["totals"].items())),
    ]  # fmt: skip
    share = facts["totals"].get("share_of_bound")
    kind = facts["totals"].get("bound_is", "stated")
    if share is not None:
        told.append(("share of the best objective", f"at least {share:.1%} ({kind} bound)"))
    return told


def _source_lines(sources: list[SourceFacts]) -> list[dict[str, Any]]:
    lines = [
        {
            "source": each.source,
            "rows": each.rows,
            "tokens": each.tokens,
            "licences": "; ".join(name or NOT_STATED for name in each.licences),
        }
        for each in sources[:MOST_SOURCES]
    ]
    if rest := sources[MOST_SOURCES:]:
        lines.append({
            "source": f"{len(rest):,} more sources",
            "rows": sum(each.rows for each in rest),
            "tokens": sum(each.tokens for each in rest),
            "licences": "see the column license",
        })  # fmt: skip
    return lines


def _compared(subset: Subset) -> list[dict[str, Any]]:
    """One line per subset with a cell per metric: the value, its interval in brackets."""
    if "measure" not in subset.manifests:
        return []
    table = pl.read_parquet(subset.table("comparison"))
    cells = {(row["subset"], row["metric"]): row for row in table.iter_rows(named=True)}
    return [
        {"label": label, "cells": [_cell(cells.get((name, metric))) for metric in METRICS]}
        for name, label in SUBSETS.items()
        if any((name, metric) in cells for metric in METRICS)
    ]


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "–"
    if row["low"] is None:
        return number(row["value"])
    return f"{number(row['value'])} ({number(row['low'])} to {number(row['high'])})"


def _stages(subset: Subset) -> list[dict[str, str]]:
    return [
        {"stage": stage, "version": manifest.version, "name": name, "sha256": digest}
        for stage, manifest in subset.manifests.items()
        for name, digest in sorted(manifest.outputs.items())
        if name.endswith(".parquet")
    ]


def _made_by(subset: Subset) -> list[tuple[str, str]]:
    told = [("run", subset.run or "not kept under a name")]
    if subset.commit:
        told.append(("run's commit", subset.commit))
    if embed := subset.manifests.get("embed"):
        told.append(("embedding model", str(embed.params.get("model", ""))))
        told.append(("model's identity", str(embed.facts.get("model_identity", ""))))
    told.append(("selection.parquet, SHA-256", subset.selection_sha256))
    return told


NOTES: Final = {
    "fields": "A row keeps the id, source, file and position it had in the input, and the SHA-256 "
    "of its text, so that it can be found again in the run's ledger. Columns of kind json hold "
    "JSON; a field that a record lacks is null.",
    "licences": "The column license is what a row's own record says, else what the export was "
    "told. Winnow checks no licence: a selection has the terms of the rows in it.",
    "controls": "The intervals of the two random controls are over draws, the others over the "
    "pool's rows (jackknife). Top quality and diversity only are built to win on their own "
    "measure.",
}


def _limits(exported: Exported) -> list[str]:
    rows = exported.survey
    limits = [
        "Quality scores are rules and statistics of English-like text. They are good for ranking, "
        "and say nothing about whether a text is true, safe or free of personal data.",
        "Texts are those of the input with line ends, control characters and Unicode composition "
        "normalised; nothing was translated, corrected or made anonymous.",
        "What a row adds is judged by one embedding model, which reads the beginning of long texts "
        "only.",
        "The metrics describe the subset's texts. They are no measurement of a model trained on "
        "them.",
    ]
    if not languages(rows):
        limits.append(f"No field {' or '.join(LANGUAGE_KEYS)} names the rows' language by a code.")
    return limits
