"""A decision of the ledger in words: one telling, for `winnow why` and for the page.

Takes what `tasks.evidence` gathers about a record. Imports nothing heavy: `winnow why` is quick.
"""

from typing import Any, Final, NamedTuple

from schemas.plain import plain as plain

WHY: Final = {  # rule of the ledger -> what it means
    "must_include": "the settings ask for it by name",
    "gain": "it added most to what was chosen before it",
    "coverage": "it covered most of what the rows chosen before it left uncovered",
    "stability": "the promoted run selected it, and the bound on replacements keeps it here",
    "exact_duplicate": "its content occurs twice",
    "near_duplicate": "another row says almost the same",
    "semantic_duplicate": "a better row means almost the same",
    "zero_vector": "the model knows no word of it, so it has no vector",
    "outranked": "the budget went to rows with a higher gain",
    "over_budget": "it costs more than was left of the budget",
    "group_cap": "its group had reached its cap",
    "floor_reserve": "what was left was reserved for groups below their floor",
    "must_exclude": "the settings exclude it by name",
    "below_min_quality": "its quality lies below the least that is eligible",
    "preselected": "it was chosen elsewhere: what it covers counts, it is not selected again",
    "too_close": "it is nearer to a chosen row than rows may be to each other",
    "contaminated": "it overlaps with an item of an evaluation file",
    "time_limit": "the search was stopped by its time limit before the row's turn",
    "replacement_limit": "from scratch it would be selected; the bound on replacements keeps rows "
    "of the promoted run instead",
}
ENTERED: Final = {  # reason of table Changes -> what it means; for other reasons see WHY
    "arrived": "its id is new",
    "content_changed": "it was there with another content",
    "budget_grew": "the subset has more rows than before",
}
LEFT: Final = {
    "vanished": "no record has its id any more",
    "content_changed": "its content is another one now",
}
WAY_IN: Final = {  # rule -> what would have let the row in, where no figure of the ledger says it
    "exact_duplicate": "a content of its own",
    "zero_vector": "a word that the model knows",
    "over_budget": "a larger budget (choose.budget), or a shorter text",
    "group_cap": "a higher cap for its group (choose.group_caps)",
    "floor_reserve": "a larger budget (choose.budget), or lower floors (choose.group_floors)",
    "must_exclude": "its name off the list choose.must_exclude",
    "preselected": "its name off the list choose.preselected",
    "contaminated": "another wording, its evaluation file off decontaminate.evaluations, or higher "
    "limits (decontaminate.overlap_share, decontaminate.similarity)",
    "time_limit": "a longer time limit (choose.time_limit_seconds)",
    "replacement_limit": "a lower choose.stability, or more choose.max_replacements",
}
SHA_DIGITS: Final = 12


class Story(NamedTuple):
    """A record told: a sentence, then labels with their lines. All is plain: see `plain`."""

    head: str
    sections: list[tuple[str, list[str]]]


def story(record: dict[str, Any]) -> Story:
    """Tell one record's story, from its place in the source to what it needed."""
    sections = [
        ("source", [_place(record)]),
        ("normalisation", _normalisation(record)),
        ("why", _why(record)),
        ("selection", _selection(record)),
        ("since the promoted run", [changed(each) for each in record.get("changes") or []]),
        ("covers", _named(record.get("covers"), "dropped row", "closest to it among the kept")),
        ("stands for", _named(record.get("stands_for"), "duplicate", "set aside for it")),
        ("would have let it in", _needed(record)),
        ("nearest row of the pool", _nearest(record)),
        ("text", [plain(line) for line in (record.get("text") or "").splitlines()]),
        ("scores", _scores(record.get("scores") or [])),
    ]
    head = f"{plain(record['id'])}: {record['verdict']} by {record['stage']} ({record['rule']})"
    return Story(head, [(label, lines) for label, lines in sections if lines])


def in_words(record: dict[str, Any]) -> list[str]:
    """Lay a record's story out as lines for a terminal."""
    head, sections = story(record)
    lines = [head]
    for label, texts in sections:
        one = [f"  {label}: {texts[0]}"]
        lines += one if len(texts) == 1 else [f"  {label}:", *(f"    {text}" for text in texts)]
    return lines


def _place(record: dict[str, Any]) -> str:
    if record["row"] == 0:
        return f"{plain(record['source_file'])}, the file as a whole"
    line = f", line {record['line']}" if record["line"] is not None else ""
    return f"{plain(record['source_file'])}, record {record['row']}{line}"


def _normalisation(record: dict[str, Any]) -> list[str]:
    after = record.get("content_sha256")
    if after is None:
        return []
    before = record["raw_sha256"]
    if before == after:
        return [f"none was needed, SHA-256 {after[:SHA_DIGITS]}"]
    return [
        "letters composed, line ends or control characters replaced: "
        f"SHA-256 {before[:SHA_DIGITS]} as found, {after[:SHA_DIGITS]} as kept"
    ]


def _why(record: dict[str, Any]) -> list[str]:
    words = WHY.get(record["rule"], "")
    reasons = [words] if words else []
    if record["detail"]:
        reasons.append(plain(record["detail"]))
    if record["keeper_id"] is not None:
        what = "its twin" if record["stage"] == "deduplicate" else "the nearest kept row"
        alike = "" if record["similarity"] is None else f", similarity {record['similarity']:.4f}"
        reasons.append(f"{what} is {plain(record['keeper_id'])}{alike}")
        reasons += _keeper(record.get("keeper"))
    return reasons


def _keeper(keeper: dict[str, Any] | None) -> list[str]:
    """Tell what became of the row that a duplicate was set aside for."""
    if keeper is None:
        return []
    rank = "" if keeper["rank"] is None else f", rank {keeper['rank']}"
    told = [f"the twin is {keeper['verdict']} by {keeper['stage']} ({keeper['rule']}{rank})"]
    if keeper["duplicates"] > 1:
        told.append(f"{keeper['duplicates']:,} duplicates in all were set aside for it")
    return told


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


def changed(change: dict[str, Any]) -> str:
    """Tell one row of table Changes in a line."""
    reason = change["reason"]
    words = (ENTERED if change["change"] == "entered" else LEFT).get(reason) or WHY.get(reason, "")
    told = f"{change['change']} ({reason}{': ' if words else ''}{words})"
    if change["was"] is not None:
        told += f"; in the promoted run its rule was {change['was']}"
    if change["change"] == "left":
        told += f", its rank {change['rank']}"
    return told if change["other_id"] is None else told + _instead(change)


def _instead(change: dict[str, Any]) -> str:
    """Name the row on the other side of a change, and compare the gains where both are known."""
    took = "in the place of" if change["change"] == "entered" else "the row there is"
    gains = ""
    if change["gain"] is not None and change["other_gain"] is not None:
        gains = f", gain {change['gain']:.6g} against {change['other_gain']:.6g}"
    return f"; {took} {plain(change['other_id'])}{gains}"


def _named(found: dict[str, Any] | None, noun: str, what: str) -> list[str]:
    """Count the rows that this one stands for and name the most similar."""
    if not found:
        return []
    count, first = found["count"], found["first"]
    names = ", ".join(
        plain(each["id"])
        + ("" if each["similarity"] is None else f" (similarity {each['similarity']:.4f})")
        for each in first
    )
    more = ", and others" if count > len(first) else ""
    return [f"{count:,} {noun}{'' if count == 1 else 's'} {what}: {names}{more}"]


def lacks_quality(record: dict[str, Any]) -> bool:
    """Whether the quality that would do is known to be above the row's: a bound may say nothing."""
    needed, own = record["needed_quality"], record["quality"]
    return needed is not None and (own is None or f"{needed:.4f}" != f"{own:.4f}")


def _needed(record: dict[str, Any]) -> list[str]:
    least = "at least " if record["is_bound"] else ""
    needed = []
    if lacks_quality(record):
        had = "" if record["quality"] is None else f" (it has {record['quality']:.4f})"
        needed.append(f"a quality of {least}{record['needed_quality']:.4f}{had}")
    if record["needed_budget_rows"] is not None:
        needed.append(f"a budget of {least}{record['needed_budget_rows']:,.0f} rows")
    if needed or record["verdict"] != "dropped":
        return needed
    return _way_in(record)


def _way_in(record: dict[str, Any]) -> list[str]:
    """Say what would have let a row in that no gain could have brought in."""
    rule, limit = record["rule"], record["threshold"]
    if rule in WAY_IN:
        return [WAY_IN[rule]]
    if limit is None:
        return []
    if rule == "below_min_quality":
        return [f"a quality of at least {limit:.4f} (choose.min_quality)"]
    keys = {
        "near_duplicate": "deduplicate.threshold",
        "semantic_duplicate": "score.semantic_threshold",
        "too_close": "1 - choose.min_distance",
    }
    return [f"a similarity below {limit:.4f} ({keys[rule]})"] if rule in keys else []


def _nearest(record: dict[str, Any]) -> list[str]:
    nearest = record.get("nearest")
    if not nearest:
        return []
    alike = f", similarity {nearest['similarity']:.4f}" if nearest["similarity"] is not None else ""
    return [f"{plain(nearest['id'])}{alike}; cluster {nearest['cluster']}"]


def told_scores(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores with a line of their own: a rule's flag (`..._ok`) is told with its figure."""
    values = {score["score"] for score in scores}
    return [
        score
        for score in scores
        if not (score["score"].endswith("_ok") and score["score"].removesuffix("_ok") in values)
    ]


def _scores(scores: list[dict[str, Any]]) -> list[str]:
    values = {score["score"]: score["value"] for score in scores}
    return [
        f"{score['score']} {score['value']:.6g} (percentile {score['percentile']:.1f})"
        + (", breaks its rule" if values.get(f"{score['score']}_ok") == 0 else "")
        for score in told_scores(scores)
    ]
