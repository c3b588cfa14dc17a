"""What one run tells the next, and what changed between them."""

import pandera.polars as pa
import polars as pl

from schemas.tables.contract import SHA256, VERDICTS, Table


class PreviousRows(Table):
    """One row per id that the previous promoted run read. Key: id.

    `verdict`, `stage` and `rule` as in its ledger (of several records the one that fared best);
    `rank` and `content_sha256` of selected rows alone.
    """

    id: str = pa.Field(unique=True)
    verdict: str = pa.Field(isin=VERDICTS)
    stage: str
    rule: str
    source: str = pa.Field(nullable=True)
    rank: int = pa.Field(ge=1, nullable=True)
    content_sha256: str = pa.Field(str_matches=SHA256, nullable=True)

    @pa.dataframe_check(name="rank is unique among selected rows")
    def _ranks_are_unique(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col("rank").is_null() | pl.col("rank").is_unique())


class PreviousSelection(Table):
    """One row per document that the previous promoted run selected. Key: id.

    Empty where the settings do not let it count (choose.stability, choose.max_replacements).
    """

    id: str = pa.Field(unique=True)
    rank: int = pa.Field(unique=True, ge=1)
    source: str
    content_sha256: str = pa.Field(str_matches=SHA256)


class Changes(Table):
    """One row per document that entered or left the subset since the promoted run. Key: id, change.

    A row with another content is another row: it leaves, and enters if it is selected again. An
    entered row's `reason`: must_include, content_changed, arrived (its id is new), budget_grew (its
    rank lies beyond the size of the previous subset), coverage or gain. A left row's: vanished (no
    record has its id), content_changed, or the rule of the ledger by which it was dropped at
    `stage`. `was`: the rule of its verdict in the promoted run, null if it was not read. `rank` is
    the present one of an entered row, the previous one of a left row. `gain` is the row's own, when
    chosen or at the end. `other_id`: of an entered row the outranked one that it is the nearest
    selected row to; of a left one the row that stands for it (duplicate) or is nearest (outranked);
    with `similarity` to it and `other_gain`. Null where there is none.
    """

    id: str
    change: str = pa.Field(isin=["entered", "left"])
    reason: str
    stage: str
    was: str = pa.Field(nullable=True)
    source: str = pa.Field(nullable=True)
    rank: int = pa.Field(ge=1)
    gain: float = pa.Field(nullable=True)
    other_id: str = pa.Field(nullable=True)
    similarity: float = pa.Field(nullable=True)
    other_gain: float = pa.Field(nullable=True)

    @pa.dataframe_check(name="an id enters once and leaves once")
    def _key_is_unique(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.struct("id", "change").is_unique())


class Survival(Table):
    """One row per source, and one (null) for records without a source. Key: source.

    Records read, kept and quarantined; read is the whole.
    """

    source: str = pa.Field(nullable=True, unique=True)
    read: int = pa.Field(ge=1)
    kept: int = pa.Field(ge=0)
    quarantined: int = pa.Field(ge=0)

    @pa.dataframe_check(name="kept + quarantined <= read")
    def _parts_of_the_whole(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(pl.col("kept") + pl.col("quarantined") <= pl.col("read"))
