"""A decision of the ledger in words."""

from typing import Any

WHY = {  # rule of the ledger -> what it means
    "must_include": "the settings ask for it by name",
    "gain": "it added most to what was chosen before it",
    "exact_duplicate": "its content occurs twice",
    "near_duplicate": "another row says almost the same",
    "zero_vector": "the model knows no word of it, so it has no vector",
    "outranked": "the budget went to rows with a higher gain",
    "over_budget": "it costs more than was left of the budget",
    "group_cap": "its group had reached its cap",
    "floor_reserve": "what was left was reserved for groups below their floor",
    "must_exclude": "the settings exclude it by name",
    "below_min_quality": "its quality lies below the least that is eligible",
    "preselected": "it was chosen elsewhere: what it covers counts, it is not selected again",
    "too_close": "it is nearer to a chosen row than rows may be to each other",
    "time_limit": "the search was stopped by its time limit before the row's turn",
}


def in_words(record: dict[str, Any]) -> list[str]:
    """Tell one record's story, from its place in the source to what it needed."""
    return [
        f"{plain(record['id'])}: {record['verdict']} by {record['stage']} ({record['rule']})",
        *_lines("source", [_place(record)]),
        *_lines("why", _why(record)),
        *_lines("selection", _selection(record)),
        *_lines("would have let it in", _needed(record)),
        *_lines("scores", _scores(record.get("scores") or [])),
        *_lines("text", [plain(record["text"])] if record.get("text") else []),
    ]


def plain(text: Any) -> str:
    """Make a corpus text safe for a terminal: control and format characters as escapes."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in str(text)
    )


def _lines(label: str, texts: list[str]) -> list[str]:
    if not texts:
        return []
    if len(texts) == 1:
        return [f"  {label}: {texts[0]}"]
    return [f"  {label}:", *(f"    {text}" for text in texts)]


def _place(record: dict[str, Any]) -> str:
    if record["row"] == 0:
        return f"{plain(record['source_file'])}, the file as a whole"
    line = f", line {record['line']}" if record["line"] is not None else ""
    return f"{plain(record['source_file'])}, record {record['row']}{line}"


def _why(record: dict[str, Any]) -> list[str]:
    words = WHY.get(record["rule"], "")
    reasons = [words] if words else []
    if record["detail"]:
        reasons.append(plain(record["detail"]))
    if record["keeper_id"] is not None:
        what = "its twin" if record["stage"] == "deduplicate" else "the nearest kept row"
        alike = "" if record["similarity"] is None else f", similarity {record['similarity']:.4f}"
        reasons.append(f"{what} is {plain(record['keeper_id'])}{alike}")
    return reasons


def _selection(record: dict[str, Any]) -> list[str]:
    chosen = record.get("selection")
    if record["verdict"] != "kept" or not chosen:
        return _lost(record)
    covers = f"; {chosen['covers']:,} rows of the pool have it as nearest selected row"
    return [f"rank {chosen['rank']}, gain {chosen['gain']:.6g} ({chosen['reason']}){covers}"]


def _lost(record: dict[str, Any]) -> list[str]:
    if record["threshold"] is None:
        return []
    if record["rule"] == "below_min_quality":
        return [f"its quality is {record['quality']:.4f}, the least {record['threshold']:.4f}"]
    if record["rule"] == "too_close":
        return [f"two rows may have a similarity of at most {record['threshold']:.4f}"]
    if record["stage"] != "choose" or record["gain"] is None:
        return []
    most = "at most " if record["is_bound"] else ""
    return [f"its gain was {most}{record['gain']:.6g}; the last row chosen gained "
            f"{record['threshold']:.6g}"]  # fmt: skip


def _needed(record: dict[str, Any]) -> list[str]:
    least = "at least " if record["is_bound"] else ""
    needed = []
    if record["needed_quality"] is not None:
        had = "" if record["quality"] is None else f" (it has {record['quality']:.4f})"
        needed.append(f"a quality of {least}{record['needed_quality']:.4f}{had}")
    if record["needed_budget_rows"] is not None:
        needed.append(f"a budget of {least}{record['needed_budget_rows']:,.0f} rows")
    return needed


def _scores(scores: list[dict[str, Any]]) -> list[str]:
    """A line per score; a rule's flag (`..._ok`) is told with the figure that it judges."""
    values = {score["score"]: score["value"] for score in scores}
    return [
        f"{name} {score['value']:.6g} (percentile {score['percentile']:.1f})"
        + (", breaks its rule" if values.get(f"{name}_ok") == 0 else "")
        for score in scores
        if (name := score["score"]).removesuffix("_ok") not in values or not name.endswith("_ok")
    ]
