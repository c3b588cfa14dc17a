"""Stage `validate`: every table against its contract, the subset against its limits, the ledger.

A broken contract stops the run and says which rows; nothing is repaired in silence.
"""

from typing import Any, Final

import polars as pl

from schemas import tables as contracts
from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Budget, ChooseParams, Params, ValidateParams
from schemas.tables import check
from tasks.catalog import publish_decisions
from tasks.documents import metadata_values
from tasks.ledger import ZERO, build_ledger
from tasks.stage import Paths, manifest_path, run_stage, write_manifest
from tasks.storage.rows import read_rows, write_rows

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output
LIGHT: Final = {  # columns read of the tables that hold texts or vectors
    "documents": [c for c in contracts.Documents.to_schema().columns if c != "text"],
    "vectors": list(contracts.Vectors.to_schema().columns),
}
MODELS: Final = {
    "vectors": contracts.Vectors,
    "quarantine": contracts.Quarantine,
    "duplicates": contracts.Duplicates,
    "scores": contracts.RowScores,
    "selection": contracts.SelectionTable,
    "rejected": contracts.RejectedTable,
}


def run(params: Params, paths: Paths) -> Manifest:
    """Check all tables, write decisions.parquet, check that no record was lost."""
    names = ("documents", *MODELS)
    tables = {name: read_rows(paths.table(name), LIGHT.get(name)) for name in names}
    for name, model in MODELS.items():
        check(model, tables[name])
    check(contracts.Documents.to_schema().remove_columns(["text"]), tables["documents"])
    ledger = check(
        contracts.Decisions, build_ledger(tables, params.choose, params.deduplicate.threshold)
    )
    records_read = Manifest.read(manifest_path(paths, "ingest")).facts["records_read"]
    check_conservation(ledger, records_read, tables["documents"])
    check_zero_vectors(ledger, Manifest.read(manifest_path(paths, "embed")).facts["zero_vectors"])
    chosen = selected_rows(tables, params.choose)
    groups = eligible_groups(tables, params.choose)
    budget = Budget.parse(params.choose.budget)
    resolved = Manifest.read(manifest_path(paths, "choose")).facts["budget"]["limit"]
    limit = resolved if budget.unit == "share" else int(budget.amount)
    check_subset(chosen, params.choose, limit, groups)
    missing = check_groups(chosen, groups, params)
    write_rows(paths.table("decisions"), ledger)
    manifest = Manifest(
        stage="validate",
        version=VERSION,
        params=params.validate.model_dump(),  # type: ignore[operator]
        rows={"decisions": len(ledger), "kept": len(chosen)},
        facts={"records_read": records_read, "counts": counts(ledger), "missing_groups": missing},
    )
    inputs = tuple(paths.table(name) for name in names)
    manifest = write_manifest(paths, manifest, inputs, (paths.table("decisions"),))
    publish_decisions(paths)
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


def with_group(rows: pl.DataFrame, tables: dict[str, pl.DataFrame], column: str) -> pl.DataFrame:
    """Add each row's group: its source, cluster or a metadata key."""
    if column == "cluster":
        found = tables["scores"].select("id", group=pl.col("cluster").cast(pl.String))
    else:
        first = tables["documents"].filter(pl.col("duplicate_of").is_null())
        values = (
            first["source"] if column == "source" else metadata_values(first["metadata"], column)
        )
        found = pl.DataFrame({"id": first["id"], "group": values.fill_null("(none)")})
    return rows.join(found, on="id", how="left")


def selected_rows(tables: dict[str, pl.DataFrame], choose: ChooseParams) -> pl.DataFrame:
    """The subset with each row's quality, group and cost in tokens as the embedder counted it."""
    cost = tables["vectors"].select("id", cost=pl.col("tokens").clip(1))
    quality = tables["scores"].select("id", "quality")
    chosen = tables["selection"].join(cost, on="id", how="left").join(quality, on="id", how="left")
    return with_group(chosen, tables, choose.group_by)


def eligible_groups(tables: dict[str, pl.DataFrame], choose: ChooseParams) -> list[str]:
    """Groups that have at least one row that could have been selected."""
    allowed = (
        tables["vectors"]
        .filter(~pl.col("id").is_in(choose.must_exclude))
        .join(tables["scores"].filter(pl.col("quality") >= choose.min_quality), on="id", how="semi")
    )
    return sorted(with_group(allowed.select("id"), tables, choose.group_by)["group"].unique())


def check_subset(chosen: pl.DataFrame, choose: ChooseParams, limit: int, groups: list[str]) -> None:
    """Budget, caps, floors, lists and ranks of the subset, recounted from the tables."""
    in_tokens = Budget.parse(choose.budget).unit == "tokens"
    spent = int(chosen["cost"].sum()) if in_tokens else len(chosen)
    problems = []
    if without := chosen.filter(pl.col("cost").is_null())["id"].to_list():
        problems.append(f"selected rows have no vector: {without[:5]}")
    if spent > limit:
        problems.append(f"the subset costs {spent:,}, the budget is {limit:,}")
    if sorted(chosen["rank"]) != list(range(1, len(chosen) + 1)):
        problems.append("ranks do not run from 1 to the number of rows")
    if absent := sorted(set(choose.must_include) - set(chosen["id"])):
        problems.append(f"must-include rows are missing: {absent[:5]}")
    if present := sorted(set(choose.must_exclude) & set(chosen["id"])):
        problems.append(f"must-exclude rows are there: {present[:5]}")
    poor = set(chosen.filter(pl.col("quality") < choose.min_quality)["id"])
    if poor := poor - set(choose.must_include):
        problems.append(f"rows below choose.min_quality are there: {sorted(poor)[:5]}")
    problems += group_problems(chosen, choose, groups)
    if problems:
        raise ContractError("the subset breaks its limits", where="\n    ".join(problems))


def group_problems(chosen: pl.DataFrame, choose: ChooseParams, groups: list[str]) -> list[str]:
    """Caps exceeded and floors not reached; `*` bounds every group that is not named."""
    size = dict(chosen.group_by("group").len().iter_rows())
    problems = []
    for group in sorted({*groups, *size, *choose.group_floors} - {"*", None}):
        found = size.get(group, 0)
        cap = choose.group_caps.get(group, choose.group_caps.get("*", found))
        floor = choose.group_floors.get(group, choose.group_floors.get("*", 0))
        if found > cap:
            problems.append(f"group {group!r} has {found} rows, its cap is {cap}")
        if found < floor:
            problems.append(f"group {group!r} has {found} rows, its floor is {floor}")
    return problems


def check_groups(chosen: pl.DataFrame, eligible: list[str], params: Params) -> list[str]:
    """Rows enough, and not too many groups left without a selected row; returns those groups."""
    settings: ValidateParams = params.validate  # type: ignore[assignment]
    if len(chosen) < settings.min_selected_rows:
        raise ContractError(
            f"{len(chosen)} rows were selected",
            expected=f"at least {settings.min_selected_rows} (validate.min_selected_rows)",
        )
    missing = sorted(set(eligible) - set(chosen["group"]))
    if 0 <= settings.max_missing_groups < len(missing):
        raise ContractError(
            f"{len(missing)} groups have eligible rows but no selected one: {missing[:10]}",
            expected=f"at most {settings.max_missing_groups} (validate.max_missing_groups)",
            remedy="set choose.group_floors, or allow more missing groups",
        )
    return missing


if __name__ == "__main__":
    run_stage("validate", run)
