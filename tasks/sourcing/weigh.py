"""Weigh every source of the pool and every candidate file against a target."""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from schemas.params import Params
from tasks.comparing.shift import holm
from tasks.metrics.rows import blocks_of
from tasks.paths import Paths
from tasks.readers.files import SourceFile
from tasks.sourcing.compare import Against, compare
from tasks.sourcing.copies import near_copies
from tasks.sourcing.drawing import Drawn, draw_file
from tasks.sourcing.embedding import embed_drawn
from tasks.sourcing.findings import Findings
from tasks.sourcing.gain import Added
from tasks.sourcing.nearest import NOWHERE, closest_by_source, nearest_elsewhere
from tasks.sourcing.pool import Pool, Sample, load_pool
from tasks.sourcing.verdict import RULE, Rule, Verdict, judge

HELD_SHARE: Final = 0.2  # of the pool, at most, taken out to see what random rows bring
ANOTHER: Final = 2**31  # added to the seed where an order of its own is wanted


@dataclass(frozen=True)
class Settings:
    """`rows`: size of every sample; `seed`: which rows are drawn; `redundant_cosine`: how alike."""

    rows: int = 1000
    seed: int = 0
    redundant_cosine: float = 0.9


@dataclass(frozen=True)
class Weighed:
    """Findings and verdict of each source, those of the pool first; `target` names what for."""

    sources: list[tuple[Findings, Verdict]]
    target: str
    pool_rows: int
    unjudged: int
    settings: Settings
    rule: Rule


@dataclass(frozen=True)
class _Source:
    """A source to weigh: its sample, and the number of it in the pool (`NOWHERE`: a file)."""

    name: str
    code: int
    rows: int
    records: int
    refused: int
    sample: Sample
    shared: float


def weigh(
    candidates: list[SourceFile],
    target: SourceFile | None,
    params: Params,
    paths: Paths,
    settings: Settings = Settings(),  # frozen
) -> Weighed:
    """Judge each source of the pool (against the rest of it) and each candidate file.

    `target` is what the pool is to cover; without one, the rest of the pool. Raises `SourceError`
    for a file without documents or where there is no pool. Memory: the samples, and keys of the
    pool; O((sources + candidates) rows n d) time.
    """
    pool = load_pool(paths, settings.seed)
    files = [*candidates, *([target] if target else [])]
    drawn = [draw_file(each, params, paths, settings.rows, settings.seed) for each in files]
    samples = embed_drawn(drawn, params, paths)
    wanted = samples.pop() if target else None
    sources = [*_of_pool(pool, settings.rows), *map(_of_file, drawn, samples)]
    found = _findings(sources, wanted, pool, params, settings)
    judged = [
        (each, judge(each, len(pool.ids) - _rows_of(pool, source.code), target is not None))
        for each, source in zip(found, sources, strict=True)
    ]
    others = int((pool.source == len(pool.names)).sum())
    name = drawn[-1].name if target else "the rest of the pool"
    return Weighed(judged, name, len(pool.ids), others, settings, RULE)


def _of_pool(pool: Pool, rows: int) -> list[_Source]:
    found = []
    for code, name in enumerate(pool.names):
        places = pool.order[pool.source[pool.order] == code][:rows]
        total = pool.documents[name]
        shared = pool.shared.get(name, 0) / total
        found.append(_Source(name, code, total, total, 0, pool.draw(places), shared))
    return found


def _of_file(drawn: Drawn, sample: Sample) -> _Source:
    return _Source(drawn.name, NOWHERE, drawn.distinct, drawn.records, drawn.refused, sample, 0.0)


def _rows_of(pool: Pool, code: int) -> int:
    return int((pool.source == code).sum()) if code != NOWHERE else 0


def _findings(
    sources: list[_Source],
    wanted: Sample | None,
    pool: Pool,
    params: Params,
    settings: Settings,
) -> list[Findings]:
    held = _held(pool, settings.rows)
    homes = [_home(pool, source.code, held, settings.rows) for source in sources]
    targets = homes if wanted is None else [wanted] * len(sources)
    covered = _covered(targets, pool, held)
    cosine, known = _known(sources, pool, params)
    found = []
    for number, source in enumerate(sources):
        target, others = targets[number], np.arange(covered[number].shape[1]) != source.code
        random = pool.draw(held[pool.source[held] != source.code])
        already = known[number] | np.isin(source.sample.keys, target.keys)
        added = (_added(source.sample, ~already), _added(random, np.ones(len(random), dtype=bool)))
        base = covered[number][:, others].max(axis=1, initial=-1.0)
        measured = compare(
            source.sample,
            Against(target, homes[number], base),
            added,
            params.score.quality_weights,
            settings.seed,
        )
        found.append(
            Findings(
                name=source.name,
                kind="candidate" if source.code == NOWHERE else "pool",
                rows=source.rows,
                sampled=len(source.sample),
                records=source.records,
                refused=source.refused,
                target_rows=len(target),
                mmd_p_holm=1.0,
                gain_p_holm=1.0,
                redundant=_share(cosine[number] >= settings.redundant_cosine),
                known_share=max(source.shared, _share(known[number])),
                **measured,
            )
        )
    return _adjusted(found)


def _share(rows: Bool[np.ndarray, " n"]) -> float:
    return float(rows.mean()) if len(rows) else 0.0


def _held(pool: Pool, rows: int) -> np.ndarray:
    """Places of random rows of the pool that are taken out: what is added can be held to them."""
    wanted = min(rows, int(HELD_SHARE * len(pool.ids)))
    return np.random.default_rng([pool.seed, ANOTHER]).permutation(pool.order)[:wanted]


def _home(pool: Pool, code: int, held: np.ndarray, rows: int) -> Sample:
    """Rows of the pool that neither belong to a source nor are taken out."""
    out = np.zeros(len(pool.ids), dtype=bool)
    out[held] = True
    out |= pool.source == code
    return pool.draw(pool.order[~out[pool.order]][:rows])


def _covered(targets: list[Sample], pool: Pool, held: np.ndarray) -> list[Float[np.ndarray, "t s"]]:
    """Cosine of each target row to the closest row of each source, without the rows taken out."""
    left_out = np.zeros(len(pool.ids), dtype=bool)
    left_out[held] = True
    keys = np.array([key for each in targets for key in each.keys])
    first = np.unique(keys, return_index=True)[1]
    vectors = np.concatenate([each.vectors for each in targets])[first]
    place = np.concatenate([each.place for each in targets])[first]
    closest = closest_by_source(pool.paths.table("vectors"), vectors, place, pool.source, left_out)
    return [closest[np.searchsorted(keys[first], each.keys)] for each in targets]


def _known(
    sources: list[_Source], pool: Pool, params: Params
) -> tuple[list[Float[np.ndarray, " n"]], list[Bool[np.ndarray, " n"]]]:
    """Each sampled row's largest cosine elsewhere in the pool, and whether the pool has it."""
    vectors = np.concatenate([source.sample.vectors for source in sources])
    own = np.repeat([source.code for source in sources], [len(each.sample) for each in sources])
    cosine, place = nearest_elsewhere(pool.paths.table("vectors"), vectors, own, pool.source)
    texts = [text for source in sources for text in source.sample.texts]
    twins = pool.draw(np.maximum(place, 0)).texts
    settings = params.deduplicate
    alike = near_copies(texts, twins, settings.ngram_words, settings.threshold)
    alike &= place != NOWHERE
    there = set(pool.keys.to_list())
    exact = [
        source.code == NOWHERE and key in there for source in sources for key in source.sample.keys
    ]
    ends = np.cumsum([len(source.sample) for source in sources])[:-1]
    return np.split(cosine, ends), np.split(alike | np.array(exact, dtype=bool), ends)


def _added(sample: Sample, counts: Bool[np.ndarray, " n"]) -> Added:
    return Added(sample.vectors, blocks_of(sample.keys), counts)


def _adjusted(found: list[Findings]) -> list[Findings]:
    """Fill in Holm's p over all sources, of the discrepancy and of the gain."""
    mmd = holm(np.array([each.mmd_p for each in found]))
    gain = holm(np.array([each.gain.p if each.gain else np.nan for each in found]))
    return [
        replace(
            each, mmd_p_holm=float(mmd[at]), gain_p_holm=float(np.nan_to_num(gain[at], nan=1.0))
        )
        for at, each in enumerate(found)
    ]


def as_data(found: Weighed) -> dict[str, Any]:
    """Everything that was found and by which settings and rule."""
    return {
        "target": found.target,
        "pool_rows": found.pool_rows,
        "rows_of_unjudged_sources": found.unjudged,
        "settings": vars(found.settings),
        "rule": vars(found.rule),
        "sources": [{**findings.data(), "verdict": verdict.word, "take_rows": verdict.take,
                     "why": verdict.why} for findings, verdict in found.sources],
    }  # fmt: skip
