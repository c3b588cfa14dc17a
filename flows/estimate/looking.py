"""What is known before a run: the sources at a glance, the cache, the past, and what is stale."""

import os
import time
from pathlib import Path
from typing import Any, Final

import polars as pl
import yaml

from flows import repro
from schemas.manifest import Manifest
from schemas.params import Params
from tasks import PIPELINE
from tasks.glance import Sample, glance, listed
from tasks.history import history_path, read_history
from tasks.outlook import Known, Outlook, outlook
from tasks.sources import read_sources
from tasks.stage import Paths, load_params, manifest_path
from tasks.storage.places import Places
from tasks.storage.vectors import VectorStore

PROBE_ROWS: Final = 32
TOKENIZER: Final = "tokenizer.json"


def look(params: Params, paths: Paths, thorough: bool) -> Outlook:
    """Estimate a run with these settings; raises `SourceError` if the sources name nothing.

    `thorough` asks the embedding cache itself, and tries the model on 32 rows if it was never
    measured here; both load libraries for seconds, so before a run it is done without.
    """
    sample = glance(params.ingest, paths.root)
    past = read_history(history_path(paths))
    embedded = _embedded(params, paths)
    identity = str(embedded.facts["model_identity"]) if embedded else ""
    variants = {"embed": identity, "choose": params.choose.selector}
    probe = None
    if thorough and not any(e.stage == "embed" and e.variant == identity for e in past):
        probe, identity = try_model(params, sample)
    share, basis = known_share(sample, params, paths, identity, thorough)
    known = Known(
        share=share,
        basis=basis,
        tokens_per_row=tokens_per_row(sample, params),
        probe=probe,
        variants=variants,
        cores=os.cpu_count() or 1,
        bytes_per_vector=_bytes_per_vector(params, paths, embedded),
    )
    return outlook(params, sample, past, known, first_stale(params, paths))


def _embedded(params: Params, paths: Paths) -> Manifest | None:
    """The manifest of `embed`, if it ran with the model and settings of now."""
    path = manifest_path(paths, "embed")
    if not path.exists():
        return None
    manifest = Manifest.read(path)
    return manifest if manifest.params == params.embed.model_dump() else None


def try_model(params: Params, sample: Sample) -> tuple[tuple[float, float] | None, str]:
    """Embed a few of the rows seen; returns (tokens, seconds), and the model's identity."""
    from tasks.encoders import load_encoder

    encoder = load_encoder(params.embed)
    texts = sample.texts[:: max(len(sample.texts) // PROBE_ROWS, 1)][:PROBE_ROWS]
    list(encoder.encode(texts[:1]))  # the first call of a model compiles and allocates
    started = time.monotonic()
    tokens = sum(int(part.tokens.clip(0, params.embed.max_tokens).sum())
                 for part in encoder.encode(texts))  # fmt: skip
    seconds = time.monotonic() - started
    return ((float(tokens), seconds) if tokens else None), encoder.identity


def known_share(
    sample: Sample, params: Params, paths: Paths, identity: str, thorough: bool
) -> tuple[float, str]:
    """Share of the rows seen whose vector need not be made, and how that was found out."""
    if not sample.hashes or not identity:
        return 0.0, "this model has made no vectors here"
    seen = pl.Series(sample.hashes)
    if thorough:
        held = VectorStore(paths.store(params.store)).known(identity)
        return _share(seen, held), "looked up in the embedding cache"
    held = pl.read_parquet(paths.table("vectors"), columns=["content_sha256"])["content_sha256"]
    return _share(seen, held), "looked up in the last run's vectors"


def _share(seen: pl.Series, held: pl.Series) -> float:
    return len(seen.filter(seen.is_in(held.implode()))) / len(seen)


def tokens_per_row(sample: Sample, params: Params) -> float | None:
    """Mean tokens by the model's own tokenizer; None where it is not a file of this machine."""
    from tasks.encoders.models import PACKAGED, model_folder

    packaged = params.embed.model in (PACKAGED, f"sentence-transformers/{PACKAGED}")
    if not sample.texts or not (packaged or Path(params.embed.model).expanduser().is_dir()):
        return None
    file = model_folder(params.embed) / TOKENIZER
    if not file.exists():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths = [len(tokenizer.encode(text[:20_000]).ids) for text in sample.texts[:100]]
    return sum(lengths) / len(lengths)


def _bytes_per_vector(params: Params, paths: Paths, embedded: Manifest | None) -> dict[str, float]:
    """Bytes that the last run left per vector, of artifacts and of a LanceDB that is a folder."""
    vectors = embedded.rows.get("vectors", 0) if embedded else 0
    if not vectors:
        return {}
    tracked = sum(out.size for out in repro.lock_entries())
    store = paths.store(params.store)
    lance = sum(file.stat().st_size for file in _files(store))
    found = {"artifacts": tracked / vectors, "lancedb": lance / vectors}
    return {name: size for name, size in found.items() if size}


def _files(store: Path | str) -> list[Path]:
    if not isinstance(store, Path) or not store.is_dir():
        return []
    return [file for file in store.rglob("*") if file.is_file()]


def first_stale(params: Params, paths: Paths) -> str | None:
    """The first stage a run with these settings would run, but for `sources`; None: none."""
    stale = set(repro.stale_stages())
    stale |= _with_other_settings(params, paths)
    if _sources_changed(params, paths):
        stale.add("ingest")
    return next((stage for stage in PIPELINE if stage in stale), None)


def _with_other_settings(params: Params, paths: Paths) -> set[str]:
    """Stages that read a setting which is not that of params.yaml."""
    before, after = load_params(paths.params).model_dump(), params.model_dump()
    stages: dict[str, Any] = yaml.safe_load((paths.root / "dvc.yaml").read_text("utf-8"))["stages"]
    return {
        name
        for name, entry in stages.items()
        for key in entry.get("params", [])
        if isinstance(key, str) and name != "sources" and _at(before, key) != _at(after, key)
    }


def _at(settings: dict[str, Any], key: str) -> Any:
    """What stands under a key of DVC's, like choose or choose.stability."""
    for name in key.split("."):
        settings = settings[name]
    return settings


def _sources_changed(params: Params, paths: Paths) -> bool:
    """Whether other files, or files of other sizes, lie where the last run read its own."""
    if not paths.json("sources").exists():
        return True
    here = {(file.path, file.bytes) for file in listed(params.ingest.sources, Places(paths.root))}
    return here != {(file.path, file.bytes) for file in read_sources(paths.json("sources"))}
