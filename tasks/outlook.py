"""What a run will take: the glance at the data put through each stage's law.

sizes    records from the glance; documents by the share it accepted; the rows that stay and have
         a vector in the last run's proportion; to embed: those whose content no cache holds
seconds  start + scale * units ^ exponent per stage (`tasks.forecast`); embed: tokens to encode
memory   the same form; the run's is the largest stage's, since stages run one by one
disk     bytes per vector of the last run, else 4 * width * 1.1 and the text
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from schemas.params import Params
from tasks import PIPELINE
from tasks.forecast import Z_90, Law, Range, forecast
from tasks.glance import Sample
from tasks.history import Entry, unit

# Seconds: start (imports, mostly), seconds for a million units, exponent. Shipped guesses, from
# runs of the demo and of a million rows on two cores; the first own run replaces most of them.
SECONDS: Final = {
    "sources": Law(0.2, 0.002),  # bytes
    "ingest": Law(1.5, 80.0),
    "deduplicate": Law(2.0, 150.0, 1.05),
    "embed": Law(15.0, 200.0),  # tokens
    "score": Law(6.0, 4000.0, 1.7),
    "choose": Law(4.0, 150.0, 1.2),
    "validate": Law(2.0, 30.0),
    "measure": Law(6.0, 20_000.0, 1.9),
    "report": Law(4.0, 40.0),
}
OTHER_SECONDS: Final = Law(2.0, 60.0)
PEAK_MB: Final = {
    "sources": Law(60, 0.001),
    "ingest": Law(220, 700),
    "deduplicate": Law(200, 2500),
    "embed": Law(900, 1.0),
    "score": Law(500, 4500),
    "choose": Law(300, 4700),
    "measure": Law(500, 4700),
}
OTHER_PEAK_MB: Final = Law(250, 2000)
CHARS_PER_TOKEN: Final = 4.4  # English prose under MiniLM's tokenizer
WIDTH: Final = 384
GIB: Final = 2**30


@dataclass(frozen=True)
class StageOutlook:
    """One stage: whether it will run, on how much, and what that takes."""

    stage: str
    runs: bool
    units: float
    unit: str
    seconds: Range
    peak_mb: Range
    tried: bool = False

    @property
    def basis(self) -> str:
        """Where the figures come from."""
        runs = self.seconds.measured
        if runs:
            return f"{runs} past run{'s' * (runs != 1)}"
        return "a try of the model" if self.tried else "shipped default"


@dataclass(frozen=True)
class Known:
    """What else is known before the run: rows in the embedding cache, tokens, speed of the model.

    `share` of the documents has a vector already; `basis` says how that was found out. `probe` is
    (tokens, seconds) of a try of the model.
    """

    share: float = 0.0
    basis: str = "no cache looked at"
    tokens_per_row: float | None = None
    probe: tuple[float, float] | None = None
    variants: dict[str, str] = field(default_factory=dict)
    cores: int = 1
    bytes_per_vector: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outlook:
    """The whole estimate. Disk in bytes by place; sizes by name, see `tasks.history`."""

    sizes: dict[str, Range]
    stages: list[StageOutlook]
    disk: dict[str, Range]
    known: Known

    @property
    def seconds(self) -> Range:
        """Time of all stages that will run."""
        return sum((s.seconds for s in self.stages if s.runs), Range(0, 0, 0, 10**6))

    @property
    def peak_mb(self) -> Range:
        """Memory of the largest stage that will run."""
        found = [s.peak_mb for s in self.stages if s.runs] or [Range(0, 0, 0)]
        return Range(*(max(getattr(r, e) for r in found) for e in ("low", "middle", "high")))

    @property
    def disk_bytes(self) -> Range:
        """All places together."""
        return sum(self.disk.values(), Range(0, 0, 0, 10**6))


def outlook(
    params: Params, sample: Sample, past: list[Entry], known: Known, first_stage: str | None
) -> Outlook:
    """Put it together; the stages from `first_stage` on will run, none where it is None."""
    sizes = _sizes(params, sample, past, known)
    runs = False
    stages = []
    for stage in PIPELINE:
        runs = runs or stage == first_stage
        mine = comparable(past, stage, known)
        units = sizes.get(unit(stage), 0.0)
        took: list[tuple[float, float]] = [(entry.units, entry.seconds) for entry in mine]
        law = SECONDS.get(stage, OTHER_SECONDS)
        tried = bool(stage == "embed" and known.probe and not took)
        if tried and known.probe:
            law = Law(law.start, known.probe[1] / known.probe[0] * 1e6)
        held = [(entry.units, entry.peak_mb) for entry in mine if entry.peak_mb]
        seconds = forecast(law, units, took, sample.spread)
        peak = forecast(PEAK_MB.get(stage, OTHER_PEAK_MB), units, held, sample.spread)
        starts = runs or stage == PIPELINE[0]  # which looks at the sources in any case
        stages.append(StageOutlook(stage, starts, units, unit(stage), seconds, peak, tried))
    around = {name: spread(size, sample.spread) for name, size in sizes.items()}
    return Outlook(around, stages, _disk(sizes, sample, known), known)


def comparable(past: list[Entry], stage: str, known: Known) -> list[Entry]:
    """Past runs of a stage with the same model or selector, on as many cores where there are any.

    Unknown variants (a model never used) compare with none.
    """
    mine = [entry for entry in past if entry.stage == stage]
    if stage in known.variants:
        mine = [entry for entry in mine if entry.variant == known.variants[stage]]
    same = [entry for entry in mine if entry.cores == known.cores]
    return same or mine


def spread(value: float, deviation: float) -> Range:
    """The interval of a size whose logarithm has this standard deviation."""
    wide = float(np.exp(Z_90 * deviation))
    return Range(value / wide, value, value * wide)


def _sizes(params: Params, sample: Sample, past: list[Entry], known: Known) -> dict[str, float]:
    last = next((entry.sizes for entry in reversed(past) if "vectors" in entry.sizes), {})
    records = sample.total_records
    documents = records * sample.accepted_share
    vectors = documents * last.get("vectors", 1.0) / max(last.get("documents", 1.0), 1.0)
    if "vectors" not in last:
        vectors = documents
    tokens = known.tokens_per_row
    if tokens is None:
        tokens = sample.chars / max(sample.accepted, 1) / CHARS_PER_TOKEN
    encoded = max(vectors - known.share * documents, 0.0)  # duplicates are known or not needed
    return {
        "bytes": float(sample.bytes),
        "records": records,
        "documents": documents,
        "vectors": vectors,
        "tokens": tokens * vectors,
        "encoded_rows": encoded,
        "encoded_tokens": min(tokens, params.embed.max_tokens) * encoded,
    }


def _disk(sizes: dict[str, float], sample: Sample, known: Known) -> dict[str, Range]:
    """Bytes of artifacts, of DVC's cache (a second copy) and of LanceDB."""
    text = sample.chars / max(sample.accepted, 1)
    default = {"artifacts": WIDTH * 4 * 1.1 + text, "lancedb": 2 * WIDTH * 4 * 1.1 + text}
    measured = known.bytes_per_vector
    wide = 0.15 if measured else 0.5
    each = {name: measured.get(name, value) for name, value in default.items()}
    each["cache"] = each["artifacts"]
    deviation = float(np.hypot(wide, sample.spread))
    return {name: spread(value * sizes["vectors"], deviation) for name, value in each.items()}
