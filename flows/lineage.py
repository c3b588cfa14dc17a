"""`winnow why`: every decision about a row, gathered from the artifacts of the last run."""

import json
from pathlib import Path
from typing import Any

from flows.lookup import all_ids, rows_of, share_at_or_below
from flows.telling import in_words
from schemas.errors import WinnowError
from tasks.paths import Paths
from tasks.percentiles import NO_SCORES, percentile

NEAR_IDS = 5
ID_SAMPLE = 20_000  # ids compared with a wrong one: difflib takes about 1 s for so many
TEXT_CHARS = 300


def tell(row: str, as_json: bool, paths: Paths | None = None) -> str:
    """Everything known about the records of one id, in words or as JSON; see `explain`."""
    records = explain(row, paths or Paths())
    if as_json:
        return json.dumps(records, indent=2, ensure_ascii=False)
    return "\n\n".join("\n".join(in_words(record)) for record in records)


def explain(row: str, paths: Paths) -> list[dict[str, Any]]:
    """One dictionary per input record of that id: its decision, scores, selection and text.

    Raises `WinnowError` where there is no ledger, or no such id (it then names near ones).
    """
    ledger = paths.table("decisions")
    if not ledger.exists():
        raise WinnowError(
            "no run has finished here", where=str(ledger), remedy="run `winnow run` first"
        )
    decisions = rows_of(ledger, row)
    if not decisions:
        raise _unknown(row, ledger)
    facts = {
        "scores": _scores(row, paths),
        "selection": next(iter(rows_of(paths.table("selection"), row)), None),
        "text": _text(row, paths),
    }
    # scores, rank and text belong to the one record of this id that went on to be judged
    judged = "kept" if any(each["verdict"] == "kept" for each in decisions) else "dropped"
    return [
        {**decision, **(facts if decision["verdict"] == judged else {})}
        for decision in sorted(decisions, key=lambda each: (each["source_file"], each["row"]))
    ]


def _text(row: str, paths: Paths) -> str | None:
    """Read the beginning of the text."""
    found = rows_of(paths.table("documents"), row, ["text", "duplicate_of"])
    texts = [each["text"][:TEXT_CHARS] for each in found if each["duplicate_of"] is None]
    return texts[0] if texts else None


def _scores(row: str, paths: Paths) -> list[dict[str, Any]]:
    """Each score of the row with its percentile: the share of scored rows at or below it, in %."""
    table, summary = paths.table("scores"), paths.json("percentiles")
    own = next(iter(rows_of(table, row)), {})
    known = json.loads(summary.read_text(encoding="utf-8")) if summary.exists() else {}
    return [
        {
            "score": name,
            "value": value,
            "percentile": percentile(known[name], value)
            if name in known
            else share_at_or_below(table, name, value),
        }
        for name, value in own.items()
        if name not in NO_SCORES and type(value) in (int, float)
    ]


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
