"""What is known about one record, gathered from the rows of the tables that speak of it.

`winnow why` finds the rows one by one, the page in bulk; both put them together here, so that
`tasks.telling` has the same to tell. Imports nothing heavy.
"""

from collections.abc import Callable
from typing import Any, Final

from tasks.percentiles import NO_SCORES

TEXT_CHARS: Final = 300
NAMES: Final = 5  # rows named of those that one row stands for
DOCUMENT_COLUMNS: Final = ("source_file", "row", "content_sha256", "duplicate_of")

Row = dict[str, Any]
Percentile = Callable[[str, float], float]  # (score, value) -> share of rows at or below it, in %


def evidence(
    decision: Row,
    document: Row | None,
    of_id: Row,
    keeper: Row | None,
    percentile: Percentile,
) -> Row:
    """Add to a decision what the record was made into, how it scored and whom it stands for.

    `document` is the record's own row of documents, None if it was refused. `of_id` holds the rows
    of its id in `scores`, `selection`, `stands_for` and, if it has some, `changes`: they belong to
    the one record of that id that is nobody's exact duplicate. `keeper` is what `standing` says of
    a duplicate's twin.
    """
    found = {**decision, "keeper": keeper, "changes": of_id.get("changes", [])}
    if document is None:
        return found
    found |= {"content_sha256": document["content_sha256"], "text": document["text"] or None}
    if document["duplicate_of"] is not None:
        return found
    scores = of_id["scores"] or {}
    return found | {
        "scores": ranked(scores, percentile),
        "nearest": nearest(scores),
        "selection": of_id["selection"],
        **followers(of_id["stands_for"]),
    }


def ranked(scores: Row, percentile: Percentile) -> list[Row]:
    """Each number among the scores with its percentile."""
    return [
        {"score": name, "value": value, "percentile": percentile(name, value)}
        for name, value in scores.items()
        if name not in NO_SCORES and type(value) in (int, float)
    ]


def nearest(scores: Row) -> Row | None:
    """The nearest other row of the pool and the cluster, None where there is none."""
    if scores.get("nearest_id") is None:
        return None
    return {
        "id": scores["nearest_id"],
        "similarity": scores.get("nearest_similarity"),
        "cluster": scores["cluster"],
    }


def followers(stands_for: list[Row]) -> dict[str, Row | None]:
    """Count the rows that one stands for, and name the first: duplicates, and rows it covers."""
    twins = [row for row in stands_for if row["stage"] == "deduplicate"]
    covered = [row for row in stands_for if row["stage"] != "deduplicate"]
    return {"stands_for": _counted(twins), "covers": _counted(covered)}


def _counted(rows: list[Row]) -> Row | None:
    if not rows:
        return None
    first = [{"id": row["for_id"], "similarity": row["similarity"]} for row in rows[:NAMES]]
    return {"count": len(rows), "first": first}


def standing(decisions: list[Row], duplicates: int) -> Row | None:
    """What became of a keeper: its best verdict, and how many duplicates were set aside for it."""
    judged = [row for row in decisions if row["rule"] != "exact_duplicate"]
    if not judged:
        return None
    best = min(judged, key=lambda row: (row["verdict"] != "kept", row["stage"] == "deduplicate"))
    return {key: best[key] for key in ("verdict", "stage", "rule", "rank")} | {
        "duplicates": duplicates
    }
