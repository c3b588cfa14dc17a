"""From the sources to the subset: what each stage read and wrote, and how many rows.

Works on manifests alone, so that the page (from files) and `winnow lineage` (from a past run's
cache) count alike. Imports nothing heavy.
"""

from collections.abc import Mapping
from typing import Any, Final

from schemas.manifest import Manifest

FLOW: Final = {  # stage -> where its manifest counts the rows that came in and went on
    "ingest": (("facts", "records_read"), ("rows", "documents")),
    "deduplicate": (("rows", "documents"), ("facts", "kept")),
    "embed": (("rows", "documents"), ("rows", "vectors")),
    "decontaminate": (("rows", "documents"), ("facts", "kept")),
    "score": (("rows", "scores"), ("rows", "scores")),
    "choose": (("facts", "eligible"), ("rows", "selection")),
    "validate": (("facts", "records_read"), ("rows", "kept")),
    "measure": (("rows", "eligible"), ("rows", "selected")),
    "gate": (("rows", "profile"), ("rows", "profile")),
    "report": (("rows", "records"), ("rows", "kept")),
}
DOES: Final = {  # stage -> what became of the rows, for a label
    "sources": "source files",
    "previous": "rows of the promoted run",
    "ingest": "records read → documents",
    "deduplicate": "documents → distinct",
    "embed": "distinct → with a vector",
    "decontaminate": "with a vector → apart from evaluations",
    "score": "scored",
    "choose": "eligible → selected",
    "validate": "records accounted for → kept",
    "measure": "eligible → compared",
    "gate": "rows compared with the promoted run",
    "report": "records → kept",
}


def flow(manifest: Manifest) -> tuple[int | None, int | None]:
    """How many rows came into a stage and went on from it, None where its manifest does not say."""
    if manifest.stage not in FLOW:
        return None, None
    came, went = (_count(manifest, place) for place in FLOW[manifest.stage])
    return came, went


def _count(manifest: Manifest, place: tuple[str, str]) -> int | None:
    part: dict[str, Any] = getattr(manifest, place[0])
    found = part.get(place[1])
    return None if found is None else int(found)


def table_rows(manifests: Mapping[str, Manifest]) -> dict[str, int]:
    """Rows of each table by its file's name, as the stage that wrote it counted them."""
    counts = {}
    for manifest in manifests.values():
        for name in manifest.outputs:
            stem, dot, kind = name.rpartition(".")
            if dot and kind == "parquet" and stem in manifest.rows:
                counts[name] = manifest.rows[stem]
    if "deduplicate" in manifests:
        rows = manifests["deduplicate"].rows
        counts["duplicates.parquet"] = rows["exact"] + rows["near"]
    return counts


def edges(
    reads: Mapping[str, Mapping[str, str]], writes: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, str]]:
    """Pairs (writer, reader) of stages that share a file of equal name and digest, in order."""
    found = []
    for reader, inputs in reads.items():
        for writer, outputs in writes.items():
            if writer != reader and any(outputs.get(name) == it for name, it in inputs.items()):
                found.append((writer, reader))
    return found
