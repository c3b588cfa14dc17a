"""The check of a table against its contract: what broke it, and where."""

from typing import Final

import pandera.polars as pa
import polars as pl

from schemas.errors import ContractError
from schemas.tables import between_runs, chosen, rows, scored

CONTRACTS: Final = {  # by name: a schema made from a contract has lost its docstring
    name: kind
    for part in (between_runs, chosen, rows, scored)
    for name, kind in vars(part).items()
    if isinstance(kind, type) and issubclass(kind, pa.DataFrameModel)
}


def check(model: type[pa.DataFrameModel] | pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Validate a collected frame; raises `ContractError` naming checks, columns and first rows."""
    try:
        model.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        name = model.name if isinstance(model, pa.DataFrameSchema) else model.__name__
        raise ContractError(
            f"table {name} breaks its contract",
            expected=(CONTRACTS.get(name, model).__doc__ or "").strip().split("\n")[0],
            where=_failures(error.failure_cases, frame),
            remedy="the rows are listed by table position; see schemas/tables for the checks",
        ) from None
    return frame


def _failures(cases: pl.DataFrame, frame: pl.DataFrame, show: int = 5) -> str:
    lines = []
    for case in cases.head(show).iter_rows(named=True):
        row = case.get("index")
        named = (
            f" id={str(frame['id'][row])[:80]!r}"
            if row is not None and "id" in frame.columns
            else ""
        )
        value = str(case["failure_case"])[:80]
        lines.append(f"{case['column']}: {case['check']} fails for {value!r} (row {row}{named})")
    if len(cases) > show:
        lines.append(f"... and {len(cases) - show} more")
    return "\n    ".join(lines)
