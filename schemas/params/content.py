"""Settings of what is found in the texts: copies, vectors, evaluation items."""

from typing import Any, Literal

from pydantic import Field, field_validator

from schemas.params.block import Block
from schemas.params.values import split_names


class DeduplicateParams(Block):
    """Near duplicates: MinHash/LSH candidates, verified by the true Jaccard of word n-grams."""

    threshold: float = Field(
        default=0.7, gt=0, le=1, description="Jaccard similarity from which two rows are duplicates"
    )
    ngram_words: int = Field(default=5, ge=1, le=20, description="Words per n-gram")
    permutations: int = Field(default=128, ge=16, le=1024, description="MinHash length")
    keeper: Literal["longest", "smallest_id"] = Field(
        default="longest", description="Which row of a pair of duplicates stays; ties by id"
    )


class EmbedParams(Block):
    """The model that turns a text into a vector."""

    model: str = Field(
        default="all-MiniLM-L6-v2",
        min_length=1,
        description="all-MiniLM-L6-v2 (packaged, offline), a local folder, or a hub id",
    )
    revision: str = Field(default="", description="Full commit id of a hub model; empty: newest")
    batch_rows: int = Field(default=16, ge=1, le=4096, description="Rows per forward pass")
    max_tokens: int = Field(
        default=256, ge=8, le=8192, description="Tokens read per row, at most the model's own limit"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where the model runs; auto: a GPU if torch finds one"
    )
    unhealthy: Literal["warn", "fail"] = Field(
        default="warn", description="What follows if the vectors do not hold to the limits below"
    )
    least_effective_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Least effective rank (Vendi score of order 1), as a share of the width, or of "
        "the rows if fewer",
    )
    most_uniformity: float = Field(
        default=-1.0,
        ge=-8,
        le=0,
        description="Largest uniformity (Wang and Isola 2020); 0: all rows in one place",
    )
    most_duplicate_share: float = Field(
        default=0.05, ge=0, le=1, description="Largest share of rows whose vector another row has"
    )


class DecontaminateParams(Block):
    """Rows that overlap with evaluation files are not selected; the matching item is named."""

    evaluations: list[str] = Field(
        default=[],
        description="Evaluation files or globs, of the kinds and places of ingest.sources; none: "
        "no row is compared",
    )
    text_key: str = Field(
        default="text",
        min_length=1,
        description="Column of an item's text; of several, with commas between, the first that an "
        "item has",
    )
    id_key: str = Field(default="id", description="Column of an item's id, where it has one")
    ngram_words: int = Field(
        default=13, ge=1, le=50, description="Words per n-gram: 13 as for GPT-3 (Brown et al. 2020)"
    )
    min_item_words: int = Field(
        default=8,
        ge=1,
        le=50,
        description="An item shorter than an n-gram is matched as a whole if it has so many words "
        "(GPT-3: 8); a shorter one by similarity alone",
    )
    overlap_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of an item's n-grams from which a row holds too many of them; 0: one is "
        "too many",
    )
    similarity: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Cosine to an item from which a row is too near (0.9, say); 0: off",
    )

    @field_validator("text_key")
    @classmethod
    def _columns_are_readable(cls, value: str) -> str:
        split_names(value)
        return value

    @field_validator("id_key", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value
