"""Settings of scores and of the choice by them."""

from typing import Any

from pydantic import Field, field_validator

from schemas.params.block import Block
from schemas.params.values import Budget, join_names, split_names


class ScoreParams(Block):
    """Quality and geometry of every row."""

    quality_weights: dict[str, float] = Field(
        default={"rules_passed": 1.0, "repetition_free": 1.0, "typicality": 1.0},
        min_length=1,
        description="Score columns combined into `quality` by mean rank, with their weights",
    )
    reference: str = Field(
        default="",
        description="File the n-gram language model learns from, local or s3://; empty: the pool",
    )
    neighbours: int = Field(default=10, ge=1, le=1000, description="Neighbours in local density")
    clusters: int = Field(default=0, ge=0, le=100_000, description="k-means clusters; 0: sqrt(n)")
    semantic_threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Cosine from which the better of two rows stands for both (0.95, say); 0: off",
    )
    semantic_source_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of every source's rows that semantic duplicates leave in any case",
    )


class ChooseParams(Block):
    """How the subset is chosen."""

    selector: str = Field(default="cover_then_match", description="A name in SELECTORS")
    budget: str = Field(
        default="20%",
        description="Rows (300), share of the eligible rows (20% or 0.2) or '50000 tokens'",
    )
    diversity_weight: float = Field(
        default=0.97, ge=0, le=1, description="Lambda: 0 = quality alone, 1 = diversity alone"
    )
    min_quality: float = Field(
        default=0.0, ge=0, le=1, description="Rows of lower quality are not eligible"
    )
    group_by: str = Field(
        default="source",
        description="Columns for floors and caps, with commas between: source, cluster or a "
        "metadata key",
    )
    group_floors: dict[str, int] = Field(
        default={},
        description="Least rows per group; * = any; with several columns source:web, language:*",
    )
    group_caps: dict[str, int] = Field(
        default={}, description="Most rows per group; * = any; names as for floors"
    )
    must_include: list[str] = Field(default=[], description="Row ids selected in any case")
    must_exclude: list[str] = Field(default=[], description="Row ids never selected")
    preselected: list[str] = Field(
        default=[],
        description="Row ids chosen elsewhere: what they cover counts, they are not selected again",
    )
    min_distance: float = Field(
        default=0.0,
        ge=0,
        le=2,
        description="Least 1 - cosine between any two selected rows, and to preselected ones; "
        "0: none",
    )
    stability: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of the previous run's rows, of those still eligible and unchanged, that "
        "stays at least; 0: from scratch, 1: all that the limits allow",
    )
    max_replacements: int = Field(
        default=-1,
        ge=-1,
        description="Most of these rows that may be replaced by others; -1: any number",
    )
    time_limit_seconds: float = Field(
        default=0.0,
        ge=0,
        description="The search stops after so long with the best so far, and says so; 0: never",
    )
    settings: dict[str, Any] = Field(default={}, description="The selector's own settings")

    @field_validator("budget", mode="before")
    @classmethod
    def _budget_is_readable(cls, value: Any) -> str:
        text = str(value)
        Budget.parse(text)
        return text

    @field_validator("group_by", mode="before")
    @classmethod
    def _columns_are_readable(cls, value: Any) -> str:
        text = join_names(value) if isinstance(value, list | tuple) else str(value)
        split_names(text)
        return text

    @property
    def heeds_previous(self) -> bool:
        """Whether what the previous run selected has a say in what this one selects."""
        return self.stability > 0 or self.max_replacements >= 0

    @property
    def group_columns(self) -> tuple[str, ...]:
        """The columns of `group_by`."""
        return split_names(self.group_by)
