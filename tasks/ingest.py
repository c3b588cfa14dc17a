"""Stage `ingest`: input files -> documents.parquet and quarantine.parquet, one row per record.

Records are read one by one and spooled to disk; ids, duplicates and order are worked out on key
columns alone. Memory: one record, one batch of 16 MiB, about 300 bytes per record while the keys
are sorted, then buckets of 64 MiB and a row group of 16,384 rows, however long, while the tables
are written. Disk: twice the text, for a while.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.errors import ContractError
from schemas.manifest import Manifest
from schemas.params import Params
from schemas.tables import Documents, Quarantine, Table, check
from tasks.readers import refusals
from tasks.readers.files import SourceFile
from tasks.readers.identity import KEYS, compact, judge
from tasks.readers.intake import Intake
from tasks.readers.layout import DOCUMENTS, QUARANTINE, per_file, with_names
from tasks.readers.spool import append, in_order, read_columns
from tasks.sources import read_sources
from tasks.stage import Paths, run_stage, write_manifest
from tasks.storage.rows import write_batches
from tasks.takedowns import Forgotten

VERSION: Final = "1.0.0"  # DVC reads this line; raise it when equal input may give other output


def run(params: Params, paths: Paths) -> Manifest:
    """Read every source, keep what is sound, refuse the rest with its reason.

    Raises `SourceError` if a file changed or there are no records at all, `QuarantineError` (after
    both tables and the manifest are written) if too many are refused or none is accepted.
    """
    settings = params.ingest
    files = read_sources(paths.json("sources"))
    documents, quarantine = paths.table("documents"), paths.table("quarantine")
    with _scratch(paths) as folder:
        intake = Intake(settings, folder, Forgotten.load(paths.takedowns))
        records = intake.read(files, paths.root)
        judged = _judge(intake.accepted_path)
        accepted = _write(documents, DOCUMENTS, Documents, intake.accepted_path, judged, files)
        conflicts = refusals.conflicts(intake.accepted_path, judged, settings.id_key)
        append(intake.refused_path, conflicts)
        order = refusals.order(intake.refused_path)
        refused = _write(quarantine, QUARANTINE, Quarantine, intake.refused_path, order, files)
    facts = _facts(files, records, accepted, refused) | {
        "exact_duplicates": judged["duplicate_of"].count(),
        "quarantined_by_rule": refusals.by_rule(quarantine),
    }
    rows = {"documents": facts["accepted"], "quarantine": facts["quarantined"]}
    manifest = Manifest("ingest", VERSION, settings.model_dump(), rows=rows, facts=facts)
    full = write_manifest(paths, manifest, (paths.json("sources"),), (documents, quarantine))
    if problem := refusals.too_many(facts, settings, quarantine):
        raise problem
    return full


@contextmanager
def _scratch(paths: Paths) -> Iterator[Path]:
    """Give an empty folder beside the artifacts, gone afterwards, also if a killed run left one."""
    folder = paths.artifacts / ".ingest.partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _judge(accepted: Path) -> pl.DataFrame:
    """Rank, keeper and conflicts of the spooled records, from their keys; see `identity.judge`."""
    keys = [compact(part) for part in read_columns(accepted, list(KEYS))]
    return judge(pl.concat(keys) if keys else None)


def _write(
    path: Path,
    schema: pa.Schema,
    contract: type[Table],
    spool: Path,
    order: pl.DataFrame,
    files: list[SourceFile],
) -> np.ndarray:
    """Write a spool's rows in order, each table checked; returns rows per file, shape (files,)."""
    names = [source.path for source in files]
    counts = np.zeros(len(files), dtype=np.int64)

    def tables() -> Iterator[pa.Table]:
        nonlocal counts
        for table in in_order(spool, order, spool.parent / "buckets"):
            final = with_names(table, names, schema)
            check(contract, pl.DataFrame(pl.from_arrow(final)))
            counts += per_file(table, len(files))
            yield final

    write_batches(path, schema, tables())
    return counts


def _facts(
    files: list[SourceFile], records: np.ndarray, accepted: np.ndarray, refused: np.ndarray
) -> dict[str, Any]:
    """Totals and counts per file; raises `ContractError` if a record was lost or doubled."""
    per_file = {
        source.path: {
            "records": int(records[number]),
            "accepted": int(accepted[number]),
            "quarantined": int(refused[number]),
        }
        for number, source in enumerate(files)
    }
    wrong = [
        path for path, n in per_file.items() if n["records"] != n["accepted"] + n["quarantined"]
    ]
    if wrong:
        raise ContractError(
            "records were lost or doubled in ingest",
            expected="accepted + quarantined = records read, for every file",
            where="; ".join(f"{path}: {per_file[path]}" for path in wrong[:5]),
        )
    return {
        "records_read": int(records.sum()),
        "accepted": int(accepted.sum()),
        "quarantined": int(refused.sum()),
        "files": per_file,
    }


if __name__ == "__main__":
    run_stage("ingest", run)
