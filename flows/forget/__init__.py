"""`winnow forget`: a row, or every row of a source, out of everything that a checkout holds.

Old runs cannot be made again without the row bit for bit, so what holds it is removed from them;
the record names them, and `winnow runs` and `winnow checkout` say why files are gone.
"""

import json
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final

import polars as pl

from flows import repro
from flows.forget.elsewhere import by_hand
from flows.forget.removal import remove, without_ids
from flows.forget.rows import gather
from flows.forget.search import Holders, files_here, search
from flows.forget.telling import words
from flows.lock import run_lock
from flows.record import keep
from flows.repro import objects
from flows.settings import save
from flows.takedowns import Takedown, read
from schemas.errors import SettingsError, WinnowError
from schemas.params import Params
from tasks.stage import Paths, load_params
from tasks.takedowns import NAME_CHARS, Forgotten, digests, new_salt, salted
from tasks.traces import MENTIONED_CHARS, Traces

BUILT: Final = "done"
FINISHED: Final = (BUILT, "nothing was built here")


def forget(row: str, source: str, dry_run: bool, remotes: bool, as_json: bool) -> tuple[str, bool]:
    """Find, remove, rebuild, search again: what happened, and whether all is well.

    Raises `SettingsError` if not exactly one of row and source is named, `WinnowError` where
    nothing here holds it.
    """
    if bool(row) == bool(source):
        raise SettingsError("name a row's id or --source NAME, and not both")
    paths = Paths()
    with run_lock("winnow forget"):
        params = load_params(paths.params)
        repro.ensure_free(paths.params)
        traces = _traces(paths, row, source)
        held = search(traces, params, paths)
        record = _record(row, source, traces, held, params)
        if not dry_run:
            record = _carry_out(record, held, traces, params, remotes)
    good = dry_run or not (record.remains or record.rebuilt.startswith("failed"))
    if as_json:
        return json.dumps({**asdict(record), "dry_run": dry_run}, indent=2), good
    return words(record, held, dry_run), good


def _traces(paths: Paths, row: str, source: str) -> Traces:
    files = [*files_here(paths), *objects.all_objects().values()]
    traces = gather(files, row, source)
    if traces:
        return traces
    name, _ = Forgotten.load(paths.takedowns).record_of(ids=row, sources=source)
    if name and read(paths.takedowns / f"{name}.json").rebuilt not in FINISHED:
        return Traces(frozenset({row} - {""}))  # stopped before: go on with what is left to do
    done = f"; takedowns/{name}.json says that it was taken down" if name else ""
    raise WinnowError(
        f"no artifact, run or cache here holds such a row{done}",
        where=f"--source {source}" if source else row,
        remedy="`winnow search` and artifacts/documents.parquet show ids and sources",
    )


def _record(row: str, source: str, traces: Traces, held: Holders, params: Params) -> Takedown:
    """The record before anything is removed, joined with that of an earlier try."""
    kind, value = ("ids", row) if row else ("sources", source)
    salt = min(Forgotten.load(Paths().takedowns).known, default=new_salt())
    lock = repro.lock_entries()
    paths_of = {out.md5: out.path for out in lock}
    record = Takedown(
        name=salted(salt, kind, value)[:NAME_CHARS],
        kind={"ids": "row", "sources": "source"}[kind],
        salt=salt,
        ids=digests(salt, "ids", traces.ids if row else ()),
        contents=digests(salt, "contents", traces.hashes),
        sources=digests(salt, "sources", [source] if source else ()),
        asked_at=_now(),
        found=[replace(each, what=_nameless(each.what, traces)) for each in held.found],
        objects={md5: paths_of.get(md5, "") for md5 in held.objects},
        digests_before={out.path: out.md5 for out in lock},
        elsewhere=by_hand(held, traces, params),
    )
    return _joined(read(record.path), record) if record.path.exists() else record


def _nameless(text: str, traces: Traces) -> str:
    """A path without an id in it: the record is to hold none."""
    for each in traces.ids:
        text = text.replace(each, "[id]") if len(each) >= MENTIONED_CHARS else text
    return text


def _joined(before: Takedown, now: Takedown) -> Takedown:
    """Both records as one: what was found by an interrupted try stays told."""
    known = {(each.where, each.what) for each in now.found}
    return replace(
        now,
        ids=sorted({*before.ids, *now.ids}),
        contents=sorted({*before.contents, *now.contents}),
        asked_at=before.asked_at,
        found=[*(f for f in before.found if (f.where, f.what) not in known), *now.found],
        objects={**before.objects, **now.objects},
        digests_before=before.digests_before,
    )


def _carry_out(
    record: Takedown, held: Holders, traces: Traces, params: Params, remotes: bool
) -> Takedown:
    """Write the record, which keeps the row out; remove, rebuild, and search again."""
    paths = Paths()
    record.write()
    save(left := without_ids(params, traces.ids), paths.params)
    built = repro.LOCK_FILE.exists() and paths.table("documents").exists()
    remove(held, traces, params, paths)
    record = replace(record, removed_at=_now())
    if remotes:
        count = objects.remove_remotely(list(record.objects))
        record.elsewhere.insert(0, f"{count} objects were removed from the default DVC remote")
    record.write()
    record = replace(record, rebuilt=_rebuild() if built else FINISHED[1])
    again = search(traces, left, paths)
    record = replace(
        record,
        digests_after={out.path: out.md5 for out in repro.lock_entries()},
        in_sources=_in_sources(paths, record.name),
        remains=[f"{f.where}: {_nameless(f.what, traces)}" for f in again.found
                 if f.where != "git history"],
    )  # fmt: skip
    record.write()
    if record.rebuilt == BUILT:
        keep(f"after-takedown-{record.name[:8]}", _tell)
    return record


def _rebuild() -> str:
    """Have DVC bring every stage up to date; `done`, or `failed: ` and the stage's own words."""
    for stage in repro.stage_names():
        try:
            if not repro.is_unchanged(stage):
                _tell(f"rebuilding {stage}")
                repro.reproduce(stage, _tell)
        except WinnowError as error:
            return f"failed: {error}"
    return BUILT


def _in_sources(paths: Paths, name: str) -> list[str]:
    """Places in the user's files that still hold what this record took down."""
    table = paths.table("quarantine")
    if not table.exists():
        return []
    places = (
        pl.scan_parquet(table)
        .filter((pl.col("rule") == "forgotten") & pl.col("hint").str.contains(name, literal=True))
        .sort("source_file", "row")
        .select("source_file", "line", "row")
        .collect()
    )
    return [f"{file}:{line}" if line else f"{file} row {row}" for file, line, row in places.rows()]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
