"""The chain of stages as a drawing: one line per stage, an arc for every file that is handed on."""

from dataclasses import dataclass
from typing import Any, Final

from schemas.manifest import Manifest
from tasks.chain import DOES, edges, flow

ROW_PX: Final = 68
GUTTER_PX: Final = 104  # where the arcs run, left of the names


@dataclass(frozen=True)
class Node:
    """A stage on its line: version, how many rows came in and went on, its outputs' digests."""

    stage: str
    version: str
    rows: str
    does: str
    outputs: str
    y: float


def graph(manifests: dict[str, Manifest]) -> dict[str, Any]:
    """Place stages under each other, the sources on top, and draw who reads what from whom."""
    stages = ["sources", *manifests]
    places = {stage: ROW_PX * (order + 0.5) for order, stage in enumerate(stages)}
    found = edges(
        {stage: each.inputs for stage, each in manifests.items()},
        {stage: each.outputs for stage, each in manifests.items()},
    )
    links = [("sources", "ingest"), *found]
    return {
        "nodes": [
            Node("sources", "", f"{_files(manifests):,}", DOES["sources"], "", places["sources"]),
            *(_node(manifest, places[stage]) for stage, manifest in manifests.items()),
        ],
        "arcs": [
            {"from": one, "to": other, "path": _arc(places[one], places[other])}
            for one, other in links
        ],
        "row": ROW_PX,
        "x": GUTTER_PX - 14,
        "width": GUTTER_PX,
        "height": ROW_PX * len(stages),
        "words": "; ".join(f"{other} reads from {one}" for one, other in links),
    }


def _files(manifests: dict[str, Manifest]) -> int:
    return len(manifests["ingest"].facts.get("files", {}))


def _node(manifest: Manifest, y: float) -> Node:
    counts = [f"{count:,}" for count in flow(manifest) if count is not None]
    outputs = ", ".join(f"{name} {digest[:8]}" for name, digest in manifest.outputs.items())
    return Node(
        manifest.stage,
        manifest.version,
        " → ".join(dict.fromkeys(counts)),
        DOES[manifest.stage],
        outputs,
        y,
    )


def _arc(top: float, bottom: float) -> str:
    """An arc from one stage to another, further left the further apart they are."""
    x = GUTTER_PX - 14
    span = (bottom - top) / ROW_PX
    if span == 1:
        return f"M{x} {top:g}L{x} {bottom:g}"
    reach = x - min(x - 4, 16 + 11 * (span - 1)) * 4 / 3
    return f"M{x} {top:g}C{reach:.1f} {top:g} {reach:.1f} {bottom:g} {x} {bottom:g}"
