"""What may be chosen from: the train rows with quality, clusters and copies, found without labels.

Everything here is made of train rows' ids, texts and vectors alone: a selector cannot see a label,
a rating or a test row, because none is handed on.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from schemas.params import Params
from tasks.deduplicate import near_duplicates
from tasks.engine.draws import uniform_keys
from tasks.engine.pool import Pool
from tasks.engine.semantic import drop_near
from tasks.paths import Paths
from tasks.proving.task import Task
from tasks.reference import local_reference, read_reference
from tasks.scorers import COLUMNS, SCORERS
from tasks.scorers.contract import score_in_chunks
from tasks.scorers.geometry import cluster_rows
from tasks.scorers.quality import check_weights, combine

REPLICATE_SHARE: Final = 0.9  # of the pool, in each seed's replicate
CHUNK_ROWS: Final = 4_096
DECIMALS: Final = 6  # as stage `score` rounds


@dataclass(frozen=True)
class Candidates:
    """A pool, the place of each of its rows in the task, and the better twin of rows that have one.

    `twins` maps a row of the pool to the one that stands for it. Only the method `default` heeds
    it: the pipeline sets such rows aside before it chooses.
    """

    pool: Pool
    rows: Int[np.ndarray, " n"]
    twins: dict[int, int]

    def replicate(self, seed: int) -> "Candidates":
        """A seeded 90 % of the rows, by hash of id: the pool that all methods see at this seed."""
        keys = uniform_keys(self.pool.ids, seed, "prove.replicate")
        size = max(1, int(np.ceil(REPLICATE_SHARE * len(keys) - 1e-9)))
        return self.taken(np.sort(np.argsort(keys, kind="stable")[:size]))

    def taken(self, here: Int[np.ndarray, " m"]) -> "Candidates":
        """Some of the rows, at rising positions."""
        place = {int(row): new for new, row in enumerate(here)}
        pairs = ((place.get(row), place.get(twin)) for row, twin in self.twins.items())
        both = {row: twin for row, twin in pairs if row is not None and twin is not None}
        return Candidates(self.pool.taken(here), self.rows[here], both)


def candidates_of(task: Task, params: Params, paths: Paths) -> Candidates:
    """Score and cluster the train rows as the pipeline does, with the settings of `params`."""
    rows = task.train
    texts = [task.texts[row] for row in rows]
    quality = quality_of(texts, params, paths)
    vectors = task.vectors[rows]
    pool = Pool(
        ids=np.array([task.ids[row] for row in rows], dtype=object),
        vectors=vectors,
        quality=quality,
        cost=np.maximum(task.tokens[rows], 1),
        group=np.zeros((len(rows), 1), dtype=np.int64),
        group_names=(task.name,),
        stratum=cluster_rows(vectors, params.score.clusters, params.seed).labels,
    )
    return Candidates(pool, rows, _twins(pool, texts, params))


def quality_of(texts: list[str], params: Params, paths: Paths) -> Float[np.ndarray, " n"]:
    """The project's own quality of each text, by its rank among these texts."""
    check_weights(params.score.quality_weights, COLUMNS)

    def chunks() -> list[list[str]]:
        return [texts[start : start + CHUNK_ROWS] for start in range(0, len(texts), CHUNK_ROWS)]

    with local_reference(params.score.reference, paths) as reference:
        scored = score_in_chunks(
            {name: scorer() for name, scorer in SCORERS.items()},
            chunks,
            (lambda: read_reference(reference)) if reference else None,
        )
    columns = {
        name: np.round(values, DECIMALS) + 0.0
        for scores in scored.values()
        for name, values in scores.columns.items()
    }
    return combine(columns, params.score.quality_weights, COLUMNS, len(texts)).values


def _twins(pool: Pool, texts: list[str], params: Params) -> dict[int, int]:
    """Rows that the pipeline drops, and for whom: equal texts, near copies, close vectors if asked.

    Who stands for a row is not itself dropped.
    """
    frame = pl.DataFrame({"id": pool.ids.tolist(), "text": texts})
    frame = frame.with_columns(row=pl.int_range(pl.len()), source_file=pl.lit(""))
    first = frame.unique("text", keep="first", maintain_order=True)
    equal = frame.join(first.select("text", twin="row"), on="text").filter(
        pl.col("row") != pl.col("twin")
    )
    near = near_duplicates(first, params.deduplicate, params.seed)
    near = near.join(first.select(keeper_id="id", twin="row"), on="keeper_id")
    found = dict(equal.select("row", "twin").rows()) | dict(near.select("row", "twin").rows())
    if params.score.semantic_threshold:
        kept = np.array([row for row in range(len(pool)) if row not in found], dtype=np.int64)
        rank = np.empty(len(kept), dtype=np.int64)
        rank[np.argsort(-pool.quality[kept], kind="stable")] = np.arange(len(kept))
        keeper = drop_near(pool.vectors[kept], rank, params.score.semantic_threshold).keeper
        dropped = np.flatnonzero(keeper >= 0)
        found |= dict(zip(kept[dropped].tolist(), kept[keeper[dropped]].tolist(), strict=True))
    return {row: _last(found, row) for row in sorted(found)}


def _last(twins: dict[int, int], row: int) -> int:
    """Follow a row to the one that stays."""
    while row in twins:
        row = twins[row]
    return row
