"""`winnow lineage`: from the selected subset back to the sources, of this checkout or a past run.

What ran on what, dvc.lock says; how many rows, the stages' manifests say, where they are at hand.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import yaml

from flows.repro.cached import output
from flows.revisions import Revision, revision
from schemas.errors import WinnowError
from schemas.manifest import Manifest
from tasks.chain import flow, table_rows

SUBSET: Final = "artifacts/selection.parquet"


@dataclass(frozen=True)
class File:
    """A file that a stage read or wrote: MD5 as in dvc.lock, its rows if it is a counted table."""

    path: str
    md5: str
    rows: int | None


@dataclass(frozen=True)
class Step:
    """A stage of the run; `upstream` says that the subset came through it."""

    stage: str
    version: str
    params: dict[str, Any]
    reads: list[File]
    writes: list[File]
    rows_in: int | None
    rows_out: int | None
    upstream: bool


@dataclass(frozen=True)
class Lineage:
    """A run: its names and commit, the model, the files it started from, its stages in order."""

    runs: list[str]
    commit: str
    changed: bool
    model: str
    model_identity: str | None
    sources: list[dict[str, Any]]
    steps: list[Step]


def tell(run: str | None, as_json: bool, mermaid: bool) -> str:
    """The lineage of a run, None for the workspace: in words, as JSON or as a Mermaid flowchart."""
    from flows.drawing import as_mermaid, in_words

    found = trace(revision(run))
    if as_json:
        return json.dumps(asdict(found), indent=2, ensure_ascii=False)
    return as_mermaid(found) if mermaid else in_words(found)


def trace(source: Revision) -> Lineage:
    """Read a revision's dvc.lock and its manifests; raises `WinnowError` where no subset is."""
    text = source.text("dvc.lock")
    stages: dict[str, Any] = (yaml.safe_load(text) or {}).get("stages", {}) if text else {}
    if not any(out["path"] == SUBSET for each in stages.values() for out in each.get("outs", [])):
        raise WinnowError(
            "no subset was selected there" if source.sha else "no run has finished here",
            where=f"dvc.lock{f' at {source.sha[:12]}' if source.sha else ''}",
            expected=f"an entry for {SUBSET}",
            remedy="run `winnow run`, or name a run that has one",
        )
    manifests = _manifests(stages)
    rows, upstream = table_rows(manifests), _upstream(stages)
    embed = manifests.get("embed")
    settings = stages.get("embed", {}).get("params", {}).get("params.yaml", {}).get("embed", {})
    return Lineage(
        list(source.runs),
        source.commit,
        source.changed,
        str(settings.get("model", "")),
        embed.facts.get("model_identity") if embed else None,
        _sources(stages),
        [_step(name, stages[name], manifests, rows, name in upstream) for name in stages],
    )


def _manifests(stages: dict[str, Any]) -> dict[str, Manifest]:
    """The manifests of the stages, as far as they are at hand; the table's counts rest on them."""
    found = {}
    for name, entry in stages.items():
        for out in entry.get("outs", []):
            if out["path"] != f"artifacts/{'validation' if name == 'validate' else name}.json":
                continue
            content = output(out["path"], out["md5"])
            if content is not None and name != "sources":  # whose file lists files, no rows
                found[name] = Manifest(**json.loads(content))
    return found


def _sources(stages: dict[str, Any]) -> list[dict[str, Any]]:
    for out in stages.get("sources", {}).get("outs", []):
        content = output(out["path"], out["md5"])
        if content is not None:
            listed: list[dict[str, Any]] = json.loads(content)["files"]
            return listed
    return []


def _upstream(stages: dict[str, Any]) -> set[str]:
    """Stages on a way from the sources to the subset."""
    writer = {out["path"]: name for name, each in stages.items() for out in each.get("outs", [])}
    found: set[str] = set()
    waiting = [writer[SUBSET]]
    while waiting:
        name = waiting.pop()
        found.add(name)
        reads = (writer.get(dep["path"]) for dep in stages[name].get("deps", []))
        waiting += [each for each in reads if each and each not in found]
    return found


def _step(
    name: str,
    entry: dict[str, Any],
    manifests: dict[str, Manifest],
    rows: dict[str, int],
    upstream: bool,
) -> Step:
    params = dict(entry.get("params", {}).get("params.yaml", {}))
    version = entry.get("params", {}).get(f"tasks/{name}.py", {}).get("VERSION", "")
    came, went = flow(manifests[name]) if name in manifests else (None, None)
    reads, writes = (
        [File(each["path"], each["md5"], rows.get(each["path"].rpartition("/")[2]))
         for each in entry.get(part, [])]
        for part in ("deps", "outs")
    )  # fmt: skip
    return Step(name, version, params, reads, writes, came, went, upstream)
