"""Stage `validate`: every table against its contract, the subset against its limits, the ledger.

A broken contract stops the run and says which rows; nothing is repaired in silence.
"""

from typing import Any, Final

import polars as pl

from schemas import tables as contracts
from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Budget, Params, ValidateParams
from schemas.tables import check
from tasks.catalog import publish_decisions
from tasks.changes import changes_of, counts_of_changes
from tasks.groups import Groups
from tasks.ledger import ZERO, build_ledger
from tasks.recount import (
    Sizes,
    check_clean,
    check_distance,
    check_replacements,
    check_subset,
    eligible_ids,
    group_sizes,
    selected_rows,
)
from tasks.stage import Paths, manifest_path, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.1.0"  # DVC reads this line; raise it when equal input may give other output
LIGHT: Final = {  # columns read of the tables that hold texts or vectors
    "documents": [c for c in contracts.Documents.to_schema().columns if c != "text"],
    "vectors": list(contracts.Vectors.to_schema().columns),
}
MODELS: Final = {
    "vectors": contracts.Vectors,
    "quarantine": contracts.Quarantine,
    "duplicates": contracts.Duplicates,
    "contaminated": contracts.Contaminated,
    "scores": contracts.RowScores,
    "selection": contracts.SelectionTable,
    "rejected": contracts.RejectedTable,
    "previous_rows": contracts.PreviousRows,
    "previous_selection": contracts.PreviousSelection,
}


def run(params: Params, paths: Paths) -> Manifest:
    """Check all tables, write decisions and changes, check that no record was lost."""
    names = ("documents", *MODELS)
    tables = {name: read_rows(paths.table(name), LIGHT.get(name)) for name in names}
    for name, model in MODELS.items():
        check(model, tables[name])
    check(contracts.Documents.to_schema().remove_columns(["text"]), tables["documents"])
    thresholds = params.deduplicate.threshold, params.score.semantic_threshold
    ledger = check(contracts.Decisions, build_ledger(tables, params.choose, *thresholds))
    records_read = Manifest.read(manifest_path(paths, "ingest")).facts["records_read"]
    check_conservation(ledger, records_read, tables["documents"])
    check_zero_vectors(ledger, Manifest.read(manifest_path(paths, "embed")).facts["zero_vectors"])
    chosen, among = selected_rows(tables), eligible_ids(tables, params.choose)
    columns = params.choose.group_columns
    sizes, eligible = (group_sizes(ids, tables, columns) for ids in (chosen["id"], among))
    budget = Budget.parse(params.choose.budget)
    chose = Manifest.read(manifest_path(paths, "choose")).facts
    resolved = chose["budget"]["limit"]
    limit = resolved if budget.unit == "share" else int(budget.amount)
    check_subset(chosen, params.choose, limit, sizes, eligible)
    check_clean(chosen, tables["contaminated"])
    check_distance(paths, chosen["id"], params.choose)
    check_replacements(tables, among, params.choose, chose.get("stability", {}))
    changes = check(contracts.Changes, changes_of(tables, ledger))
    missing = check_groups(len(chosen), sizes, eligible, params)
    write_rows(paths.table("decisions"), ledger)
    write_rows(paths.table("changes"), changes)
    manifest = Manifest(
        stage="validate",
        version=VERSION,
        params=params.validate.model_dump(),  # type: ignore[operator]
        rows={"decisions": len(ledger), "kept": len(chosen), "changes": len(changes)},
        facts={
            "records_read": records_read,
            "counts": counts(ledger),
            "missing_groups": missing,
            "changes": counts_of_changes(changes),
        },
    )
    inputs = tuple(paths.table(name) for name in names)
    outputs = (paths.table("decisions"), paths.table("changes"))
    manifest = write_manifest(paths, manifest, inputs, outputs)
    publish_decisions(params, paths)
    return manifest


def counts(ledger: pl.DataFrame) -> list[dict[str, Any]]:
    """Records by verdict, stage and rule."""
    return ledger.group_by("verdict", "stage", "rule").len("records").sort(pl.all()).to_dicts()


def check_conservation(ledger: pl.DataFrame, records_read: int, documents: pl.DataFrame) -> None:
    """Kept + dropped + quarantined = records read, and no record has two verdicts."""
    key = ["source_file", "row"]
    twice = ledger.filter(ledger.select(key).is_duplicated())
    if len(twice):
        raise ContractError(
            f"{len(twice)} verdicts fell on records that have another",
            expected="one verdict per record",
            where=str(twice.select("id", *key, "stage", "rule").head(5).to_dicts()),
        )
    lost = documents.join(ledger, on=key, how="anti")
    if len(ledger) != records_read or len(lost):
        raise ContractError(
            f"{len(ledger):,} verdicts for {records_read:,} records read",
            expected="kept + dropped + quarantined = records read",
            where=f"without a verdict: {lost.select('id', *key).head(5).to_dicts()}",
        )


def check_zero_vectors(ledger: pl.DataFrame, counted: int) -> None:
    """A document without a vector is one that `embed` found none for, not one that got lost."""
    without = ledger.filter(pl.col("rule") == ZERO)
    if len(without) != counted:
        raise ContractError(
            f"{len(without)} documents that are no duplicates have no vector",
            expected=f"{counted}, as many as `embed` could give none (embed.json, zero_vectors)",
            where=str(without.select("id", "source_file", "row").head(5).to_dicts()),
        )


def check_groups(chosen: int, sizes: Sizes, eligible: Sizes, params: Params) -> list[str]:
    """Rows enough, and not too many groups left without a selected row; returns those groups."""
    settings: ValidateParams = params.validate  # type: ignore[assignment]
    if chosen < settings.min_selected_rows:
        raise ContractError(
            f"{chosen} rows were selected",
            expected=f"at least {settings.min_selected_rows} (validate.min_selected_rows)",
        )
    empty = tuple(sorted(set(eligible) - set(sizes)))
    missing = list(Groups(params.choose.group_columns, empty).names)
    if 0 <= settings.max_missing_groups < len(missing):
        raise ContractError(
            f"{len(missing)} groups have eligible rows but no selected one: {missing[:10]}",
            expected=f"at most {settings.max_missing_groups} (validate.max_missing_groups)",
            remedy="set choose.group_floors, or allow more missing groups",
        )
    return missing


if __name__ == "__main__":
    run_stage("validate", run)
