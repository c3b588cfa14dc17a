"""Rows as they were read: documents, what was refused, copies, overlaps, vectors."""

import pandera.polars as pa
import polars as pl

from schemas.tables.contract import SHA256, Table

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
