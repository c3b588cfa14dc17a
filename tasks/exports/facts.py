"""What the manifests say of a run, in the words that the card and the other papers use."""

import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from tasks.exports.columns import Survey
from tasks.exports.subset import Subset
from tasks.pages.funnel import STAGES, in_words

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
MOST_LANGUAGES: Final = 30
SIZES: Final = [  # the hub's names for less than so many rows
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
]


def size_category(rows: int) -> str:
    """The hub's name for a dataset of so many rows."""
    return next((name for limit, name in SIZES if rows < limit), "n>1B")


def languages(survey: Survey) -> list[str]:
    """Language codes that the rows name; none unless all that they name are codes."""
    found = sorted(survey.languages)
    known = len(found) <= MOST_LANGUAGES and all(map(LANGUAGE.fullmatch, found))
    return found if known else []


def licences(survey: Survey, default: str) -> list[str]:
    """The licences of the rows, the most frequent first; empty for rows without one."""
    counts: Counter[str] = Counter()
    for (_, own), rows in survey.licences.items():
        counts[own or default] += rows
    return sorted(counts, key=lambda name: (-counts[name], name))


@dataclass(frozen=True)
class SourceFacts:
    """Selected rows and tokens of one source, and the licences that these rows have."""

    source: str
    rows: int
    tokens: int
    licences: list[str]


def per_source(survey: Survey, default: str) -> list[SourceFacts]:
    """The sources of the selected rows, the one with most rows first."""
    rows: Counter[str] = Counter()
    found: dict[str, set[str]] = {}
    for (source, own), count in survey.licences.items():
        rows[source] += count
        found.setdefault(source, set()).add(own or default)
    listed = [
        SourceFacts(source, rows[source], survey.tokens[source], sorted(found[source]))
        for source in rows
    ]
    return sorted(listed, key=lambda each: (-each.rows, each.source))


def funnel(subset: Subset) -> list[tuple[str, int, int]]:
    """From all records to the kept rows: what, how many rows left with it, how many remained."""
    validation = subset.manifests.get("validate")
    if validation is None:
        return []
    counts: list[dict[str, Any]] = validation.facts["counts"]
    left = int(validation.facts["records_read"])
    lines = [("Records read", 0, left)]
    removed = [each for each in counts if each["verdict"] != "kept"]
    for each in sorted(removed, key=_place):
        left -= each["records"]
        lines.append((in_words(each["rule"]), each["records"], left))
    return lines


def _place(count: dict[str, Any]) -> tuple[int, int, str]:
    stage = count["stage"]
    place = STAGES.index(stage) if stage in STAGES else len(STAGES)
    return place, -count["records"], count["rule"]


def software() -> str:
    """Winnow's version."""
    return version("winnow")
