"""The contract of every table: grain, key and units in the docstring, checks in the columns.

Validate collected frames only: pandera checks nothing but the schema of a LazyFrame.
"""

import pandera.polars as pa
import polars as pl

from schemas.errors import ContractError

SHA256 = r"^[0-9a-f]{64}$"
VERDICTS = ["kept", "dropped", "quarantined"]
QUARANTINE_RULES = [
    "bad_id",  # no string or integer, too long, or with control characters
    "blank_text",
    "broken_csv",  # quoting against RFC 4180
    "broken_json",
    "conflicting_id",  # one id, different contents: all its records
    "forgotten",  # taken down (`winnow forget`): only its place in the source is told
    "invalid_unicode",  # half of a surrogate pair
    "invalid_utf8",
    "missing_column",
    "missing_id",  # absent, null or blank
    "missing_text",  # null
    "not_an_object",
    "record_too_large",
    "too_long",
    "truncated_file",  # stands for the unread rest of a file
    "unreadable_file",  # row 0: stands for the whole file
    "wrong_field_count",
    "wrong_type",
]


class Table(pa.DataFrameModel):
    """A table whose columns are all declared."""

    class Config:
        strict = True
        ordered = False


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


class Documents(Table):
    """One row per accepted record. Key: (source_file, row); `id` where duplicate_of is null.

    `text` is normalised (NFC, line ends, control characters); `raw_sha256` hashes the text as
    found, `content_sha256` as normalised. `row` counts the file's records from 1, `line` its
    lines from 1 (null in Parquet). `metadata` is the record's other fields as canonical JSON.
    `duplicate_of` names the keeper where the content occurs twice (it may be an equal id).
    Sorted by (id, keeper first, a digest of (raw_sha256, metadata, source), source_file, row), so
    that the order of the input's rows shows in `row` and `line` alone.
    """

    id: str = pa.Field(str_length={"min_value": 1, "max_value": 512})
    text: str = pa.Field(str_length={"min_value": 1})
    source: str
    metadata: str
    content_sha256: str = pa.Field(str_matches=SHA256)
    raw_sha256: str = pa.Field(str_matches=SHA256)
    source_file: str
    row: int = pa.Field(ge=1)
    line: int = pa.Field(ge=1, nullable=True)
    duplicate_of: str = pa.Field(nullable=True)

    @pa.dataframe_check(name="id is unique where duplicate_of is null")
    def _keepers_are_unique(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        kept = pl.col("duplicate_of").is_null()
        alone = pl.struct("id", kept.alias("kept")).is_unique()
        frame: pl.LazyFrame = data.lazyframe
        return frame.select(~kept | alone)


class Quarantine(Table):
    """One row per refused record. Key: (source_file, row); row 0 = the file as a whole.

    `id` is the record's own id where one could be read, else `sha256:` and the hash of its bytes.
    `rule` is a short name, `column` the field at fault, `found` is cut to 200 characters.
    Of a record that was taken down neither id nor text nor a plain hash is told: both `id` and
    `raw_sha256` are made of its salted digest.
    """

    id: str = pa.Field(str_length={"min_value": 1})
    source_file: str
    row: int = pa.Field(ge=0)
    line: int = pa.Field(ge=1, nullable=True)
    rule: str = pa.Field(isin=QUARANTINE_RULES)
    column: str
    expected: str
    found: str
    hint: str
    raw_sha256: str = pa.Field(str_matches=SHA256)


class Duplicates(Table):
    """One row per document set aside for a better twin. Key: (source_file, row).

    `kind` is exact or near; `similarity` is the Jaccard of word n-grams with the keeper, in (0, 1].
    """

    id: str
    keeper_id: str
    kind: str = pa.Field(isin=["exact", "near"])
    similarity: float = pa.Field(gt=0, le=1)
    source_file: str
    row: int = pa.Field(ge=1)


class Vectors(pa.DataFrameModel):
    """One row per document that was embedded. Key: id. `vector` has unit length, float32.

    `tokens` counts the text's tokens by the model's tokenizer, before it is cut to the limit.
    """

    id: str = pa.Field(unique=True)
    tokens: int = pa.Field(ge=0)
    content_sha256: str = pa.Field(str_matches=SHA256)

    @pa.dataframe_check(name="vector has unit length (1e-4)")
    def _unit_length(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
        frame: pl.LazyFrame = data.lazyframe
        if "vector" not in frame.collect_schema():  # the keys alone, read without the vectors
            return frame.select(pl.lit(True))
        squares = (pl.col("vector") * pl.col("vector")).arr.sum()
        return frame.select((squares - 1).abs() <= 2e-4)


class Contaminated(Table):
    """One row per embedded document that overlaps with an evaluation item. Key: id. Sorted by id.

    `kind`: ngram, embedding or both. `evaluation_file`, `item_row` (from 1), `item_line` and
    `item_id` name the item: of those that share n-grams the one of highest `share`, else the
    nearest. `matched`: the first shared n-gram, its words in lower case, cut to 200 characters;
    `shared_ngrams` of the item's `item_ngrams` distinct ones (their ratio is `share`); `items`
    share enough. These are null for kind embedding. `similarity`: the highest cosine to any item,
    null where none was asked for.
    """

    id: str = pa.Field(unique=True)
    kind: str = pa.Field(isin=["ngram", "embedding", "both"])
    evaluation_file: str
    item_row: int = pa.Field(ge=1)
    item_line: int = pa.Field(ge=1, nullable=True)
    item_id: str = pa.Field(nullable=True)
    matched: str = pa.Field(str_length={"min_value": 1, "max_value": 200}, nullable=True)
    shared_ngrams: int = pa.Field(ge=1, nullable=True)
    item_ngrams: int = pa.Field(ge=1, nullable=True)
    share: float = pa.Field(gt=0, le=1, nullable=True)
    items: int = pa.Field(ge=1, nullable=True)
    similarity: float = pa.Field(ge=-1.001, le=1.001, nullable=True)


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


class SelectionTable(Table):
    """One row per selected document. Key: id; also rank, from 1 in order of choice.

    `gain`: marginal gain when chosen, in the selector's own unit; `weight`: 1 unless the draw is
    importance-weighted; `reason`: must_include, gain, or stability (a row of the previous run that
    only the bound on replacements keeps); `covers`: pool rows whose nearest row,
    among the selected and the preselected ones, this is.
    """

    id: str = pa.Field(unique=True)
    rank: int = pa.Field(unique=True, ge=1)
    gain: float
    weight: float = pa.Field(gt=0)
    reason: str
    covers: int = pa.Field(ge=0)
    tokens: int = pa.Field(ge=0)


class RejectedTable(Table):
    """One row per embedded document that was not selected. Key: id.

    `rule`: see schemas.results. `final_gain` against the last accepted `gain` of the selection; an
    upper bound where `is_bound`. `nearest_kept_id`: the selected or preselected row closest to it
    (cosine), null for a preselected row itself.
    `needed_quality`, `needed_budget_rows`: what would have let it in, null where not computable
    (no quality in [0, 1] would do, or the method gives no answer); lower bounds where `is_bound`.
    """

    id: str = pa.Field(unique=True)
    rule: str
    final_gain: float = pa.Field(nullable=True)
    is_bound: bool
    nearest_kept_id: str = pa.Field(nullable=True)
    nearest_kept_similarity: float = pa.Field(nullable=True)
    needed_quality: float = pa.Field(nullable=True)
    needed_budget_rows: float = pa.Field(nullable=True)


class Decisions(Table):
    """The ledger: one row per input record. Key: (source_file, row).

    `stage` and `rule` say where and by what the verdict fell; `keeper_id` is the row that took its
    place (duplicate) or covers it best (outranked), `similarity` to it. Sorted by id and verdict.
    """

    id: str
    verdict: str = pa.Field(isin=VERDICTS)
    stage: str
    rule: str
    detail: str
    source: str = pa.Field(nullable=True)
    source_file: str
    row: int = pa.Field(ge=0)
    line: int = pa.Field(ge=1, nullable=True)
    raw_sha256: str
    quality: float = pa.Field(nullable=True)
    rank: int = pa.Field(nullable=True)
    gain: float = pa.Field(nullable=True)
    threshold: float = pa.Field(nullable=True)
    is_bound: bool = pa.Field(nullable=True)
    keeper_id: str = pa.Field(nullable=True)
    similarity: float = pa.Field(nullable=True)
    needed_quality: float = pa.Field(nullable=True)
    needed_budget_rows: float = pa.Field(nullable=True)


class Changes(Table):
    """One row per document that entered or left the subset since the promoted run. Key: id, change.

    A row with another content is another row: it leaves, and enters if it is selected again. An
    entered row's `reason`: must_include, content_changed, arrived (its id is new), budget_grew (its
    rank lies beyond the size of the previous subset) or gain. A left row's: vanished (no record has
    its id), content_changed, or the rule of the ledger by which it was dropped at `stage`.
    `was`: the rule of its verdict in the promoted run, null if it was not read. `rank` is the
    present one of an entered row, the previous one of a left row. `gain` is the row's own, when
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


class StandsFor(Table):
    """One row per record that another row stands for. Key: none. Sorted by id, so found by it.

    `id` is the row that stands: a duplicate's keeper, or the kept row nearest to a dropped one.
    `for_id`, `stage` and `rule` are the other's, with its `similarity`, from high to low.
    """

    id: str
    for_id: str
    stage: str
    rule: str
    similarity: float = pa.Field(nullable=True)


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


class Selected(Table):
    """One row per selected document of a promoted run, with its text. Key: id; also rank."""

    id: str = pa.Field(unique=True)
    rank: int = pa.Field(unique=True, ge=1)
    weight: float = pa.Field(gt=0)
    source: str
    content_sha256: str = pa.Field(str_matches=SHA256)
    text: str
    metadata: str


def check(model: type[pa.DataFrameModel] | pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Validate a collected frame; raises `ContractError` naming checks, columns and first rows."""
    try:
        model.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        name = model.name if isinstance(model, pa.DataFrameSchema) else model.__name__
        raise ContractError(
            f"table {name} breaks its contract",
            expected=(globals().get(name, model).__doc__ or "").strip().split("\n")[0],
            where=_failures(error.failure_cases, frame),
            remedy="the rows are listed by table position; see schemas/tables.py for the checks",
        ) from None
    return frame


def _failures(cases: pl.DataFrame, frame: pl.DataFrame, show: int = 5) -> str:
    lines = []
    for case in cases.head(show).iter_rows(named=True):
        row = case.get("index")
        named = (
            f" id={str(frame['id'][row])[:80]!r}"
            if row is not None and "id" in frame.columns
            else ""
        )
        value = str(case["failure_case"])[:80]
        lines.append(f"{case['column']}: {case['check']} fails for {value!r} (row {row}{named})")
    if len(cases) > show:
        lines.append(f"... and {len(cases) - show} more")
    return "\n    ".join(lines)
