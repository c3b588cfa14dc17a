"""The dataset card: README.md with the front matter that Hugging Face's hub and library read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from tasks.exports.columns import LANGUAGE_KEYS
from tasks.exports.facts import (
    funnel,
    languages,
    licences,
    per_source,
    size_category,
    software,
)
from tasks.exports.markdown import OwnMarkdown, fill
from tasks.exports.sections import chosen, compared, made_by, source_lines, stages
from tasks.exports.shards import data_files
from tasks.exports.subset import Subset
from tasks.pages.content import target_note

if TYPE_CHECKING:
    from tasks.exports.writing import Exported

TAGS: Final = ["winnow", "data-selection", "croissant"]
HUB_LICENCES: Final = (  # names that the hub knows; any other licence is told in the card alone
    "apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-3.0", "cc-by-sa-4.0", "cc-by-sa-3.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "odc-by", "odbl", "pddl", "gpl-3.0",
    "lgpl-3.0", "agpl-3.0", "mpl-2.0", "bsd-2-clause", "bsd-3-clause", "isc", "unlicense",
    "cdla-permissive-2.0",
)  # fmt: skip


def title(subset: Subset) -> str:
    """What the dataset is called."""
    return f"Winnow {subset.name}"


def card(subset: Subset, exported: Exported) -> str:
    """Write the card; sections whose manifest or table is not at hand are left out."""
    sources = per_source(exported.survey, exported.settings.licence)
    lines = funnel(subset)
    labels, beside = compared(subset)
    measure = subset.manifests.get("measure")
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
        "chosen": chosen(subset),
        "funnel": lines,
        "sources": source_lines(sources),
        "files": subset.sources.get("files", []),
        "metrics": labels,
        "compared": beside,
        "target": target_note(measure) if measure else "",
        "stages": stages(subset),
        "made_by": made_by(subset),
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


NOTES: Final = {
    "fields": "A row keeps its id, by which it is found again in the run's ledger. Columns of kind "
    "json hold JSON; a field that a record lacks is null.",
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
