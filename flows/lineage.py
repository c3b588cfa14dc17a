"""`winnow why`: every decision about a row, gathered from the artifacts of the last run."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from flows.telling import in_words
from schemas.errors import WinnowError
from tasks.stage import Paths

NEAR_IDS = 5
ID_SAMPLE = 20_000  # ids compared with a wrong one: difflib takes about 1 s for so many
TEXT_CHARS = 300
BASE_SCORES = ("id", "nearest_id", "cluster")


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
    decisions = pl.scan_parquet(ledger).filter(pl.col("id") == row).collect()
    decisions = decisions.with_columns(pl.selectors.float().fill_nan(None))
    if decisions.is_empty():
        raise _unknown(row, ledger)
    facts = {
        "scores": _scores(row, paths),
        "selection": _first(paths.table("selection"), row),
        "text": _text(row, paths),
    }
    # scores, rank and text belong to the one record of this id that went on to be judged
    judged = {"kept"} if "kept" in decisions["verdict"].to_list() else {"dropped"}
    return [
        {**decision, **(facts if decision["verdict"] in judged else {})}
        for decision in decisions.sort("source_file", "row").to_dicts()
    ]


def _first(table: Path, row: str) -> dict[str, Any] | None:
    if not table.exists():
        return None
    found = pl.scan_parquet(table).filter(pl.col("id") == row).head(1).collect()
    found = found.with_columns(pl.selectors.float().fill_nan(None))
    return found.to_dicts()[0] if len(found) else None


def _text(row: str, paths: Paths) -> str | None:
    """Read the beginning of the text."""
    table = paths.table("documents")
    if not table.exists():
        return None
    wanted = pl.scan_parquet(table).filter(pl.col("id") == row, pl.col("duplicate_of").is_null())
    texts = wanted.select(pl.col("text").str.slice(0, TEXT_CHARS)).head(1).collect()
    return None if texts.is_empty() else str(texts.item())


def _scores(row: str, paths: Paths) -> list[dict[str, Any]]:
    """Each score of the row with its percentile: the share of scored rows at or below it, in %."""
    table = paths.table("scores")
    own = _first(table, row)
    if own is None:
        return []
    schema = pl.scan_parquet(table).collect_schema()
    names = [
        name
        for name, kind in schema.items()
        if kind.is_numeric() and name not in BASE_SCORES and own[name] is not None
    ]
    at_or_below = [(pl.col(name) <= own[name]).sum().alias(name) for name in names]
    known = [pl.col(name).fill_nan(None).is_not_null().sum().alias(f"of {name}") for name in names]
    counts = pl.scan_parquet(table).select(*at_or_below, *known).collect().to_dicts()[0]
    return [
        {
            "score": name,
            "value": own[name],
            "percentile": round(100 * counts[name] / counts[f"of {name}"], 1),
        }
        for name in names
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

    ids = pl.scan_parquet(ledger).select(pl.col("id").unique().sort())
    for rule in (pl.col("id").str.starts_with(row), pl.col("id").str.contains(row, literal=True)):
        found = ids.filter(rule).head(NEAR_IDS).collect()["id"].to_list()
        if row and found:
            return found  # type: ignore[no-any-return]
    like = pl.col("id").str.starts_with(row[:2]).sort(descending=True)
    sample = ids.sort(like, maintain_order=True).head(ID_SAMPLE).collect()["id"].to_list()
    return difflib.get_close_matches(row, sample, n=NEAR_IDS, cutoff=0.5)
