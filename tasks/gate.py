"""Stage `gate`: may this run be promoted? -> gates.json, and profile.parquet for the next run.

A gate that fails does not fail the stage: the run is finished and held. Compared is with the
promoted run that `previous.run` names, by what the stage `previous` copied of it.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.manifest import Manifest, file_digest
from schemas.params import GateParams, Params
from schemas.tables import Profile, Survival, check
from tasks.documents import document_batches
from tasks.gates import survival as shares
from tasks.gates.drift import MIN_ROWS, column_tests, embedding_test
from tasks.gates.outcome import Gate, Test, decided
from tasks.gates.profile import (
    NOT_COMPARED,
    first_half,
    measured_columns,
    new_rows,
    projected,
    sampled,
    survival,
    text_statistics,
)
from tasks.gates.survival import Share
from tasks.stage import Paths, manifest_path, run_stage, write_manifest
from tasks.storage.rows import read_rows, read_vectors_at, write_rows

VERSION: Final = "1.2.0"  # DVC reads this line; raise it when equal input may give other output
INPUTS: Final = ("documents", "vectors", "scores", "selection", "decisions")
COMPARED: Final = ("previous_profile", "previous_survival")
LISTED: Final = 30  # passed gates of one kind, those nearest to their limit; failed ones all
NOBODY: Final = "nothing to compare with: no promoted run is named (previous.run)"
log = logging.getLogger("winnow")


@dataclass(frozen=True)
class Profiles:
    """A run as gates compare it: its sampled rows, and its counts per source."""

    rows: pl.DataFrame
    survival: pl.DataFrame

    @property
    def refused(self) -> Share:
        """Refused records among all that were read."""
        return Share(int(self.survival["quarantined"].sum()), int(self.survival["read"].sum()))

    @property
    def by_source(self) -> dict[str, Share]:
        """Kept records among those read of each source."""
        known = self.survival.filter(pl.col("source").is_not_null())
        columns = known.select("source", "kept", "read").rows()
        return {source: Share(kept, read) for source, kept, read in columns}


def run(params: Params, paths: Paths) -> Manifest:
    """Write this run's profile, compare it with the promoted run's, and say which gates fail."""
    now = Profiles(profile(paths), survival(read_rows(paths.table("decisions"))))
    write_rows(paths.table("profile"), check(Profile, now.rows))
    write_rows(paths.table("survival"), check(Survival, now.survival))
    before = Profiles(*(read_rows(paths.table(name)) for name in COMPARED))
    gates = judge(now, before, params.gate, params.previous.run)
    gates = [contracts(paths), *gates]
    answer = None
    if params.gate.holdout_file:
        from tasks.gates.holdout import holdout_gate  # numba and a model's loader, if asked for

        asked = holdout_gate(params, paths)
        gates, answer = [*gates, asked.gate], asked.answer
    failed = [gate for gate in gates if not gate.passed]
    for gate in failed:
        log.info(f"held by {gate.name}: {gate.words}")
    listed = shown(gates)
    manifest = Manifest(
        "gate",
        VERSION,
        {"previous": params.previous.run, **_judging(params.gate)},
        rows={"profile": len(now.rows), "survival": len(now.survival)},
        facts={
            "held": bool(failed),
            "failed": [gate.words for gate in failed],
            "gates": [gate.record() for gate in listed],
            "not_listed": len(gates) - len(listed),
            **({"holdout": answer} if answer else {}),
        },
    )
    manifests = (manifest_path(paths, "validate"), manifest_path(paths, "previous"))
    read = (*map(paths.table, (*INPUTS, *COMPARED)), *manifests)
    return write_manifest(paths, manifest, read, tuple(map(paths.table, ("profile", "survival"))))


def _judging(settings: GateParams) -> dict[str, Any]:
    """The settings that the verdict depends on: who promotes is none of them."""
    return settings.model_dump(exclude={"promote"})


def profile(paths: Paths) -> pl.DataFrame:
    """A sample of the embedded rows with text statistics, scores, projected vector, kept or not."""
    known = read_rows(paths.table("vectors"), ["id"])["id"]
    ids = sampled(known)
    places = np.flatnonzero(known.is_in(ids.implode()).to_numpy())
    columns = ["id", "content_sha256", "source", "text"]
    texts = [*document_batches(paths.table("documents"), columns, ids)]
    rows = pl.concat(texts) if texts else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    kept = read_rows(paths.table("selection"), ["id"])["id"]
    scores = read_rows(paths.table("scores")).select("id", pl.col(pl.Float64).exclude(NOT_COMPARED))
    narrow = projected(read_vectors_at(paths.table("vectors"), places))
    vector = pl.Series(narrow, dtype=pl.Array(pl.Float32, narrow.shape[1]))
    rows = text_statistics(rows.sort("id")).with_columns(
        kept=pl.col("id").is_in(kept.implode()),
        encoder=pl.lit(Manifest.read(paths.json("embed")).facts["model_identity"]),
        vector=vector,
    )
    return rows.join(scores, on="id", how="left", maintain_order="left")


def contracts(paths: Paths) -> Gate:
    """The contracts hold if the stage `validate` said so of this very ledger."""
    manifest = Manifest.read(manifest_path(paths, "validate"))
    ledger = paths.table("decisions")
    is_its = manifest.outputs.get(ledger.name) == file_digest(ledger)
    read, verdicts = manifest.facts["records_read"], manifest.rows["decisions"]
    passed = is_its and read == verdicts
    words = f"{verdicts:,} verdicts on {read:,} records read, every table as its contract says"
    if not is_its:
        words = "decisions.parquet is not the table that `validate` checked"
    return Gate("contracts", "all tables", None, None, passed, words)


def judge(now: Profiles, before: Profiles, settings: GateParams, previous: str) -> list[Gate]:
    """Every gate but the contracts; without a promoted run those that need none."""
    kept = {source: share.part for source, share in now.by_source.items()}
    fixed = [
        shares.quarantine_share(now.refused, settings.max_quarantine_share),
        *shares.floor_gates(kept, settings.source_floors),
    ]
    if not previous:
        return [*fixed, _untested("comparison", "a promoted run", NOBODY)]
    tests, untested = comparisons(now, before, settings)
    return [*fixed, *decided(tests, settings.alpha), *untested]


def comparisons(
    now: Profiles, before: Profiles, settings: GateParams
) -> tuple[list[Test], list[Gate]]:
    """All tests against the promoted run, and what could not be tested with the reason."""
    tests = []
    if before.refused.whole and now.refused.whole:
        rise = settings.max_quarantine_rise
        tests.append(shares.quarantine_test(now.refused, before.refused, rise))
    survived = now.by_source
    tests += [
        shares.wipeout_test(
            source, survived.get(source, Share(0, 0)), earlier, settings.wipeout_share
        )
        for source, earlier in before.by_source.items()
        if earlier.whole
    ]
    untested = []
    fresh = new_rows(now.rows, before.rows) if len(before.rows) else now.rows.clear()
    for name, rows, limit in (
        ("drift_of_pool", now.rows, settings.max_drift),
        ("drift_of_new_rows", fresh, settings.max_drift_of_new_rows),
    ):
        found, reasons = drift(name, rows, before.rows, limit)
        tests += found
        untested += reasons
    return tests, untested


def drift(
    name: str, now: pl.DataFrame, before: pl.DataFrame, limit: float
) -> tuple[list[Test], list[Gate]]:
    """Compare two samples in every column they share, and in their vectors."""
    if min(len(now), len(before)) < MIN_ROWS:
        words = f"{len(now):,} rows against {len(before):,}: too few to test, {MIN_ROWS} are needed"
        return [], [_untested(name, "all columns", words)]
    tests = column_tests(name, now, before, measured_columns(now, before), limit)
    if _encoders(now) != _encoders(before):
        words = "embeddings are another model's: not compared"
        return tests, [_untested(name, "embeddings", words)]
    halves = first_half(now["id"]), first_half(before["id"])
    if min(min(half.sum(), (~half).sum()) for half in halves) < MIN_ROWS:
        words = f"fewer than {MIN_ROWS} rows in a half: not compared"
        return tests, [_untested(name, "embeddings", words)]
    vectors_now, vectors_before = now["vector"].to_numpy(), before["vector"].to_numpy()
    return [*tests, embedding_test(name, vectors_now, vectors_before, halves, limit)], []


def _encoders(rows: pl.DataFrame) -> set[str]:
    return set(rows["encoder"])


def _untested(name: str, of: str, words: str) -> Gate:
    return Gate(name, of, None, None, True, words)


def shown(gates: Sequence[Gate]) -> list[Gate]:
    """Failed gates first; of those that passed, per kind, the ones nearest to their limit."""
    by_kind: dict[str, list[Gate]] = {}
    for gate in gates:
        by_kind.setdefault(gate.name, []).append(gate)
    kinds = [_nearest(kind) for kind in by_kind.values()]
    listed = [gate for kind in kinds for gate in kind]
    return sorted(listed, key=lambda gate: gate.passed)


def _nearest(gates: list[Gate]) -> list[Gate]:
    order = sorted(gates, key=lambda gate: (gate.passed, -gate.share_of_limit, gate.of))
    failed = sum(not gate.passed for gate in gates)
    return order[: failed + LISTED]


if __name__ == "__main__":
    run_stage("gate", run)
