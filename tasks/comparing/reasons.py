"""A changed row's reason in words: the same at the terminal and on the page."""

from typing import Any, Final

from tasks.telling import WHY, plain

ABSENT: Final = {
    "arrived": "arrived: A's sources do not have it",
    "vanished": "vanished: B's sources do not have it",
    "changed": "its content changed",
    "unknown": "not known: that side has no ledger",
}
STANDING: Final = {"gained": "which came in", "lost": "which went out", "both": "which is in both"}


def reason(row: dict[str, Any], explained: bool = False) -> str:
    """Why a row is in one selection alone, by the run that does not hold it; plain text.

    Takes a row of `changes` or of `counts`; names the row nearest to it where that is known.
    `explained` says what the rule means too.
    """
    kind, rule = row["reason"], row["rule"]
    words = ABSENT.get(kind, "")
    if kind == "other_id":
        twin = plain(row["other_id"]) if row.get("other_id") else "another id"
        words = f"that run has its content as {twin}"
    if rule is None:
        return words
    verdict = plain(rule).replace("_", " ")
    if kind == "quarantined":
        verdict = f"quarantined, {verdict}"
    elif explained and rule in WHY:
        verdict += f" ({WHY[rule]})"
    return "; ".join(part for part in (words, verdict, _nearest(row)) if part)


def _nearest(row: dict[str, Any]) -> str:
    standing = STANDING.get(row["keeper_is"] or "", "")
    if not row.get("keeper_id"):
        return f"nearest there: a row {standing}" if standing else ""
    what = "twin" if row["stage"] == "deduplicate" else "nearest there"
    alike = "" if row["similarity"] is None else f" ({row['similarity']:.3f})"
    return f"{what}: {plain(row['keeper_id'])}{alike}{f', {standing}' if standing else ''}"
