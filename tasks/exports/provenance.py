"""prov.json: files, stages and software of a run as W3C PROV, in PROV-JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from schemas.manifest import Manifest
from tasks.exports.facts import software
from tasks.exports.subset import Subset

if TYPE_CHECKING:
    from tasks.exports.writing import Exported

SOFTWARE: Final = "software:winnow"
MODEL: Final = "software:model"
EXPORT: Final = "stage:export"


class Record:
    """A PROV document in the making; statements of one kind are numbered in order."""

    def __init__(self, prefixes: dict[str, str]):
        self._parts: dict[str, Any] = {"prefix": prefixes}

    def thing(self, kind: str, name: str, label: str, **known: Any) -> str:
        """Add an entity, activity or agent; returns its name."""
        told = {f"winnow:{key}": value for key, value in known.items() if value not in ("", None)}
        self._parts.setdefault(kind, {})[name] = {"prov:label": label, **told}
        return name

    def typed(self, kind: str, name: str, value: str) -> None:
        """Say what PROV type a thing has."""
        self._parts[kind][name]["prov:type"] = {"$": value, "type": "prov:QUALIFIED_NAME"}

    def says(self, relation: str, **ends: str) -> None:
        """Add a relation between things named by their roles in it."""
        known = self._parts.setdefault(relation, {})
        known[f"_:{relation}{len(known) + 1}"] = {f"prov:{role}": to for role, to in ends.items()}

    def to_json(self) -> str:
        """The document with a final newline."""
        return json.dumps(self._parts, indent=2, ensure_ascii=False) + "\n"


def provenance(subset: Subset, exported: Exported) -> str:
    """Tell what was made from what by which stage, from the sources to the export's data files."""
    base = f"urn:winnow:{subset.selection_sha256}"
    kinds = ("source", "artifact", "stage", "software", "export")
    record = Record({"winnow": "urn:winnow:terms:", **{kind: f"{base}:{kind}:" for kind in kinds}})
    _agents(record, subset)
    _sources(record, subset)
    _artifacts(record, subset)
    for stage, manifest in subset.manifests.items():
        _stage(record, stage, manifest)
    _export(record, subset, exported)
    return record.to_json()


def _agents(record: Record, subset: Subset) -> None:
    record.thing(
        "agent", SOFTWARE, f"Winnow {software()}", version=software(), commit=subset.commit
    )
    record.typed("agent", SOFTWARE, "prov:SoftwareAgent")
    if embed := subset.manifests.get("embed"):
        identity = embed.facts.get("model_identity")
        record.thing("agent", MODEL, str(embed.params.get("model", "")), identity=identity)
        record.typed("agent", MODEL, "prov:SoftwareAgent")


def _sources(record: Record, subset: Subset) -> None:
    """Input files, and the stage `sources`, which hashed them."""
    if not subset.sources:
        return
    listing = record.thing("entity", "artifact:sources.json", "sources.json")
    stage = record.thing(
        "activity", "stage:sources", "sources", version=subset.sources.get("version")
    )
    record.says("wasAssociatedWith", activity=stage, agent=SOFTWARE)
    record.says("wasGeneratedBy", entity=listing, activity=stage)
    for number, file in enumerate(subset.sources["files"], 1):
        source = record.thing(
            "entity", f"source:{number}", file["path"], sha256=file["sha256"], bytes=file["bytes"]
        )
        record.says("used", activity=stage, entity=source)
        record.says("wasDerivedFrom", generatedEntity=listing, usedEntity=source)


def _artifacts(record: Record, subset: Subset) -> None:
    """Everything that stages read and wrote, with its digest."""
    digests: dict[str, str] = {"selection.parquet": subset.selection_sha256}
    for manifest in subset.manifests.values():
        digests |= manifest.inputs | manifest.outputs
    for name in digests.keys() | {"documents.parquet"}:
        digests.setdefault(name, "")
    for name in sorted(digests):
        record.thing("entity", f"artifact:{name}", name, sha256=digests[name])


def _stage(record: Record, stage: str, manifest: Manifest) -> None:
    settings = json.dumps(manifest.params, sort_keys=True, ensure_ascii=False)
    activity = record.thing(
        "activity", f"stage:{stage}", stage, version=manifest.version, settings=settings
    )
    record.says("wasAssociatedWith", activity=activity, agent=SOFTWARE)
    if stage == "embed":
        record.says("wasAssociatedWith", activity=activity, agent=MODEL)
    for name in sorted(manifest.inputs):
        record.says("used", activity=activity, entity=f"artifact:{name}")
    for made in sorted(manifest.outputs):
        record.says("wasGeneratedBy", entity=f"artifact:{made}", activity=activity)
        for name in sorted(manifest.inputs):
            ends = {"generatedEntity": f"artifact:{made}", "usedEntity": f"artifact:{name}"}
            record.says("wasDerivedFrom", **ends)


def _export(record: Record, subset: Subset, exported: Exported) -> None:
    settings = exported.settings
    activity = record.thing(
        "activity", EXPORT, "export", format=settings.format.value, order=settings.order.value,
        run=subset.run,
    )  # fmt: skip
    record.says("wasAssociatedWith", activity=activity, agent=SOFTWARE)
    used = ("artifact:documents.parquet", "artifact:selection.parquet")
    for name in used:
        record.says("used", activity=activity, entity=name)
    for number, shard in enumerate(exported.shards, 1):
        file = record.thing(
            "entity", f"export:{number}", shard.path,
            sha256=shard.sha256, bytes=shard.bytes, rows=shard.rows,
        )  # fmt: skip
        record.says("wasGeneratedBy", entity=file, activity=activity)
        for name in used:
            record.says("wasDerivedFrom", generatedEntity=file, usedEntity=name)
