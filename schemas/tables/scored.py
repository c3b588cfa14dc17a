"""What was measured: scores of rows, profiles, metrics of subsets."""

import pandera.polars as pa

from schemas.tables.contract import SHA256, Table


class RowScores(pa.DataFrameModel):
    """One row per embedded document. Key: id. One more float column per scorer output.

    `quality` in [0, 1], higher is better. `nearest_id` and `nearest_similarity` (cosine): the
    closest other row; `density`: mean cosine to the nearest neighbours; `cluster`: from 0.
    `semantic_keeper_id`, `semantic_similarity` (cosine): the better row that stands for this one
    too, null if none does.
    """

    id: str = pa.Field(unique=True)
    quality: float = pa.Field(ge=0, le=1)
    nearest_id: str = pa.Field(nullable=True)
    nearest_similarity: float = pa.Field(ge=-1.001, le=1.001, nullable=True)
    density: float = pa.Field(ge=-1.001, le=1.001, nullable=True)
    cluster: int = pa.Field(ge=0)
    semantic_keeper_id: str = pa.Field(nullable=True)
    semantic_similarity: float = pa.Field(ge=-1.001, le=1.001, nullable=True)


class Profile(pa.DataFrameModel):
    """One row per sampled document. Key: id. One more float column per statistic and score.

    `kept`: selected by its run; `encoder`: the model that made the vectors; `vector`: the
    document's vector on fixed random directions, float32.
    """

    id: str = pa.Field(unique=True)
    content_sha256: str = pa.Field(str_matches=SHA256)
    source: str
    kept: bool
    encoder: str
    quality: float = pa.Field(ge=0, le=1)


class Comparison(Table):
    """One row per (subset, metric): the selection, a control, or the pool. Key: both names.

    `low` and `high` bound a 95 % interval; `interval` says how: seeds (over the draws of a random
    control) or jackknife (over groups of rows); null where the metric has none.
    """

    subset: str
    metric: str
    value: float
    low: float = pa.Field(nullable=True)
    high: float = pa.Field(nullable=True)
    interval: str
    draws: int = pa.Field(ge=1)
    better: str = pa.Field(isin=["higher", "lower", "neither"])
