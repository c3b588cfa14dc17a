"""`winnow why`: every decision about a row, gathered from the artifacts of the last run."""

import json
from functools import partial
from pathlib import Path
from typing import Any

from flows.lookup import all_ids, rows_of, share_at_or_below
from schemas.errors import WinnowError
from tasks.evidence import DOCUMENT_COLUMNS, TEXT_CHARS, evidence, standing
from tasks.paths import Paths
from tasks.percentiles import percentile
from tasks.telling import changed, in_words

NEAR_IDS = 5
ID_SAMPLE = 20_000  # ids compared with a wrong one: difflib takes about 1 s for so many


def tell(row: str, as_json: bool, paths: Paths | None = None) -> str:
    """Everything known about the records of one id, in words or as JSON; see `explain`."""
    records = explain(row, paths or Paths())
    if as_json:
        return json.dumps(records, indent=2, ensure_ascii=False)
    return "\n\n".join("\n".join(in_words(record)) for record in records)


def explain(row: str, paths: Paths) -> list[dict[str, Any]]:
    """One dictionary per input record of that id: its decision and `tasks.evidence` of it.

    Raises `WinnowError` where there is no ledger, or no such id (it then names near ones).
    """
    ledger = paths.table("decisions")
    if not ledger.exists():
        raise WinnowError(
            "no run has finished here", where=str(ledger), remedy="run `winnow run` first"
        )
    decisions = rows_of(ledger, row)
    if not decisions:
        raise _vanished(row, paths) or _unknown(row, ledger)
    documents = {
        (each["source_file"], each["row"]): {**each, "text": each["text"][:TEXT_CHARS]}
        for each in rows_of(paths.table("documents"), row, [*DOCUMENT_COLUMNS, "text"])
    }
    of_id = {
        "scores": next(iter(rows_of(paths.table("scores"), row)), None),
        "selection": next(iter(rows_of(paths.table("selection"), row)), None),
        "stands_for": rows_of(paths.table("stands_for"), row),
        "changes": rows_of(paths.table("changes"), row),
    }
    ranks = partial(_percentile, paths, _summary(paths))
    return [
        evidence(
            decision,
            documents.get((decision["source_file"], decision["row"])),
            of_id,
            _keeper(decision, paths),
            ranks,
        )
        for decision in sorted(decisions, key=lambda each: (each["source_file"], each["row"]))
    ]


def _keeper(decision: dict[str, Any], paths: Paths) -> dict[str, Any] | None:
    """What became of the row that a duplicate was set aside for."""
    name = decision["keeper_id"]
    if name is None or decision["stage"] != "deduplicate":
        return None
    stood_for = rows_of(paths.table("stands_for"), name, ["stage"])
    twins = sum(each["stage"] == "deduplicate" for each in stood_for)
    return standing(rows_of(paths.table("decisions"), name), twins)


def _summary(paths: Paths) -> dict[str, list[float]]:
    file = paths.json("percentiles")
    if not file.exists():
        return {}
    import orjson  # seven times as fast as json, and the file has 40,000 numbers

    return orjson.loads(file.read_bytes())  # type: ignore[no-any-return]


def _percentile(paths: Paths, known: dict[str, list[float]], name: str, value: float) -> float:
    """The share of scored rows at or below a value, in %: by the summary, else by the table."""
    if name in known:
        return percentile(known[name], value)
    return share_at_or_below(paths.table("scores"), name, value)


def _vanished(row: str, paths: Paths) -> WinnowError | None:
    """Say of a row that is there no more how it left the subset, None if it was not in it."""
    left = rows_of(paths.table("changes"), row)
    if not left:
        return None
    return WinnowError(
        f"no input record has the id {row!r} any more: {changed(left[0])}",
        where=str(paths.table("changes")),
        remedy="`winnow checkout RUN` brings back a run that read it",
    )


def _unknown(row: str, ledger: Path) -> WinnowError:
    near = near_ids(row, ledger)
    return WinnowError(
        f"no input record has the id {row!r}",
        where=str(ledger),
        remedy="near ids: " + ", ".join(near) if near else "artifacts/decisions.parquet lists ids",
    )


def near_ids(row: str, ledger: Path) -> list[str]:
    """Ids that begin with or contain what was asked for, else the most alike among a sample."""
    import difflib

    ids = all_ids(ledger)
    begin = [name for name in ids if name.startswith(row)]
    contain = [name for name in ids if row in name]
    if row and (begin or contain):
        return (begin or contain)[:NEAR_IDS]
    like = sorted(ids, key=lambda name: not name.startswith(row[:2]))  # stable: those alike first
    return difflib.get_close_matches(row, like[:ID_SAMPLE], n=NEAR_IDS, cutoff=0.5)
