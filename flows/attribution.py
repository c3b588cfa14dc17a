"""Why two runs differ, as far as records tell: data, parameters, code version, model.

A difference in a stage that made equal outputs from equal inputs had no effect; so had one in a
stage that the subset does not come through.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import polars as pl

from flows.repro.experiments import flat
from flows.sides import Origin
from tasks import PIPELINE
from tasks.comparing.whole import Compared

SELECTING: Final = PIPELINE[: PIPELINE.index("choose") + 1]  # stages that the subset comes through
MODEL_KEYS: Final = ("embed.model", "embed.revision")
DATA_KEYS: Final = ("ingest.sources", "score.reference")
CAUSES: Final = ("data", "parameters", "code", "model")


@dataclass(frozen=True)
class Cause:
    """One of the four: what differs in it, and what differs but provably had no effect.

    `known` is False where a side does not record it.
    """

    name: str
    differs: list[str]
    without_effect: list[str]
    known: bool = True


@dataclass(frozen=True)
class Measured:
    """Churn that each cause accounts for: rows in or out of the selection against A's.

    `parts` add up to `total`. `interaction` is what all causes do together beyond the sum of what
    each does alone; None where not every cause was swapped alone. `churn` is that of each mixture
    that ran, by its causes from B; `again` the rows by which B is not B when it is run again from
    the same stage on.
    """

    method: str
    parts: dict[str, float]
    total: int
    interaction: int | None
    churn: dict[str, int]
    again: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Attribution:
    """The four causes, the answer that they allow, and the parts if they were measured."""

    causes: list[Cause]
    answer: str
    notes: list[str]
    measured: Measured | None = None

    @property
    def differing(self) -> list[str]:
        """Causes that may have changed the selection."""
        return [cause.name for cause in self.causes if cause.differs]

    def with_parts(self, measured: Measured | None) -> "Attribution":
        """The same with what was measured, and an answer that says it."""
        if measured is None:
            return self
        parts = ", ".join(f"{cause} {rows:,.1f}" for cause, rows in measured.parts.items())
        answer = (
            f"{' and '.join(self.differing)} differ together; of {measured.total:,} rows in or "
            f"out they account for {parts}"
        )
        return replace(self, answer=answer, measured=measured)

    def data(self) -> dict[str, Any]:
        """Plain values of everything."""
        return {**asdict(self), "differing": self.differing}


def attribute(a: Origin, b: Origin, compared: Compared) -> Attribution:
    """Sort what differs between two sides into the four causes, and say what follows."""
    idle = _without_effect(a, b)
    causes = [_data(a, b, idle), _parameters(a, b, idle), _code(a, b, idle), _model(a, b, idle)]
    notes = [_certain(compared)] if not compared.equal else []
    if not (a.stages and b.stages) and any(cause.known for cause in causes):
        notes.append("code is compared by its versions alone: one side has no dvc.lock")
    notes += [f"{name}: {each}" for name, each in (("A", _stopped(a)), ("B", _stopped(b))) if each]
    return Attribution(causes, _answer(causes, compared, notes), notes)


def _without_effect(a: Origin, b: Origin) -> set[str]:
    """Stages that made equal outputs from equal inputs, or that come after the subset."""
    left, right = a.stages or {}, b.stages or {}
    later = {stage for stage in {*left, *right} if stage not in SELECTING}
    shared = {stage for stage in left if stage in right}
    return later | {each for each in shared if _artifacts(left[each]) == _artifacts(right[each])}


def _artifacts(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Digests of the tables a stage read and wrote; its manifest repeats its settings."""
    files = [*entry.get("deps", []), *entry.get("outs", [])]
    return sorted(
        (file["path"], file.get("md5", ""))
        for file in files
        if file["path"].startswith("artifacts/")
        and (file["path"].endswith(".parquet") or file["path"] == "artifacts/sources.json")
    )


def _cause(name: str, found: Iterator[tuple[str, str]], idle: set[str], known: bool) -> Cause:
    """Sort (stage, difference) by whether the stage may have had an effect."""
    differs: list[str] = []
    without: list[str] = []
    for stage, words in found:
        (without if stage in idle else differs).append(words)
    once = list(dict.fromkeys(differs))
    return Cause(name, once, [each for each in dict.fromkeys(without) if each not in once], known)


def _data(a: Origin, b: Origin, idle: set[str]) -> Cause:
    left, right = ({f["path"]: f["sha256"] for f in one.side.source_files} for one in (a, b))
    known = bool(left and right)

    def found() -> Iterator[tuple[str, str]]:
        for path in sorted({*left, *right} if known else ()):
            if path not in right:
                yield "ingest", f"{path}: in A alone"
            elif path not in left:
                yield "ingest", f"{path}: in B alone"
            elif left[path] != right[path]:
                yield "ingest", f"{path}: {left[path][:12]} -> {right[path][:12]}"

    return _cause("data", found(), idle, known)


def _parameters(a: Origin, b: Origin, idle: set[str]) -> Cause:
    left, right = settings(a, b), settings(b, a)

    def found() -> Iterator[tuple[str, str]]:
        for stage, key in sorted({*left, *right}):
            one, other = left.get((stage, key), "none"), right.get((stage, key), "none")
            if one != other and key not in (*MODEL_KEYS, *DATA_KEYS):
                yield stage, f"{key}: {one} -> {other}"

    return _cause("parameters", found(), idle, bool(left and right))


def settings(one: Origin, other: Origin) -> dict[tuple[str, str], Any]:
    """(stage, dotted key) -> value: by dvc.lock where both sides have one, else by manifests."""
    found: dict[tuple[str, str], Any] = {}
    for stage in PIPELINE:
        if one.stages and other.stages:
            tree = one.stages.get(stage, {}).get("params", {}).get("params.yaml", {})
        else:
            manifest = one.side.manifest(stage) if stage != "sources" else None
            tree = {stage: manifest.params} if manifest else {}
        found |= {(stage, key): value for key, value in flat(tree)}
    return found


def _code(a: Origin, b: Origin, idle: set[str]) -> Cause:
    left, right = code(a, b), code(b, a)

    def found() -> Iterator[tuple[str, str]]:
        for stage, name in sorted({*left, *right}):
            one, other = left.get((stage, name), "none"), right.get((stage, name), "none")
            if one != other:
                yield stage, f"{name}: {one[:12]} -> {other[:12]}"

    return _cause("code", found(), idle, bool(left and right))


def code(one: Origin, other: Origin) -> dict[tuple[str, str], str]:
    """(stage, version or file) -> version or MD5; versions alone where a side has no dvc.lock."""
    if one.stages and other.stages:
        return dict(_locked_code(one.stages))
    found = {}
    for stage in SELECTING:
        manifest = one.side.manifest(stage) if stage != "sources" else None
        if manifest:
            found[stage, f"{stage} VERSION"] = manifest.version
            if method := manifest.facts.get("selector"):
                found[stage, str(method["name"])] = method["version"]
    return found


def _locked_code(stages: dict[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    for stage, entry in stages.items():
        for file, constants in entry.get("params", {}).items():
            if file != "params.yaml":
                yield from (((stage, f"{file} {name}"), v) for name, v in constants.items())
        for dep in entry.get("deps", []):
            if not dep["path"].startswith("artifacts/"):
                yield (stage, dep["path"]), dep.get("md5", "")


def _model(a: Origin, b: Origin, idle: set[str]) -> Cause:
    """The model by its identity; an identity that changed with max_tokens and the like is not."""
    identities = [m.facts.get("model_identity") if (m := one.side.manifest("embed")) else None
                  for one in (a, b)]  # fmt: skip
    left, right = settings(a, b), settings(b, a)
    changed = {key for key in {*left, *right} if left.get(key) != right.get(key)}
    embed = {key for stage, key in changed if stage == "embed"}
    named = embed & set(MODEL_KEYS)
    known = all(identities)

    def found() -> Iterator[tuple[str, str]]:
        if not known or identities[0] == identities[1] or (embed and not named):
            return
        for key in sorted(named):
            place = ("embed", key)
            yield "embed", f"{key}: {left.get(place, 'none')} -> {right.get(place, 'none')}"
        yield "embed", f"identity: {identities[0][:12]} -> {identities[1][:12]}"  # type: ignore

    return _cause("model", found(), idle, known)


def _certain(compared: Compared) -> str:
    """What the ledgers alone prove: a row that is not in a run's sources cannot be chosen there."""
    of = {
        row["reason"]: row["rows"]
        for row in compared.counts.group_by("reason").agg(pl.col("rows").sum()).to_dicts()
    }
    arrived, vanished, edits = (of.get(name, 0) for name in ("arrived", "vanished", "changed"))
    return (
        f"for certain by data: {arrived:,} rows came in that had arrived, {vanished:,} went out "
        f"that had vanished, {edits:,} changed their content"
    )


def _stopped(one: Origin) -> str:
    manifest = one.side.manifest("choose")
    stopped = manifest.facts.get("totals", {}).get("stopped") if manifest else None
    if not stopped:
        return ""
    return f"the search was stopped by its {stopped}: how far it came depends on the machine"


def _answer(causes: list[Cause], compared: Compared, notes: list[str]) -> str:
    differing = [cause.name for cause in causes if cause.differs]
    unknown = [cause.name for cause in causes if not cause.known]
    if compared.equal:
        return "the selections are equal: there is nothing to attribute"
    if unknown:
        return f"not known: a side does not record its {', '.join(unknown)}"
    if not differing:
        why = "; see the notes" if any("stopped" in note for note in notes) else ""
        return (
            "none of the four differs, yet the selections do: something that is not recorded, such "
            f"as another processor or library{why}"
        )
    if len(differing) == 1:
        return f"all of it is due to {differing[0]}: nothing else differs"
    return (
        f"{' and '.join(differing)} differ together: the records cannot tell their parts "
        "(--attribute measures them by running again)"
    )
