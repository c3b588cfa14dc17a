"""What `winnow prove` and the flow `prove` are asked: the file, its columns, what to compare."""

from typing import Final

from pydantic import Field, ValidationInfo, field_validator

from schemas.params import Block, split_names

EVERY: Final = "every one that the columns allow"


class ProveParams(Block):
    """Which methods' subsets train better models, on a file of yours."""

    source: list[str] = Field(
        min_length=1,
        description="Files or globs, local or s3://: .jsonl, .csv, .tsv, .parquet, .gz, .zst",
    )
    text: str = Field(
        default="text",
        min_length=1,
        description="Column of the text; of several, with commas between, a blank line joins them",
    )
    label: str = Field(default="", description="Column of the class to predict; empty: none")
    rating: str = Field(default="", description="Column of a number to predict; empty: none")
    against: str = Field(
        default="",
        description="Column of another text that the text is preferred to (--rating says by how "
        "much: below 0 the other is better, 0 is a tie); several as for `text`; empty: none",
    )
    split: str = Field(
        default="",
        description="Column saying train or test; empty: rows are held out by hash of their text",
    )
    budgets: list[float] = Field(
        default=[0.01, 0.05, 0.1, 0.3], min_length=1, description="Shares of the pool, in (0, 1]"
    )
    selectors: list[str] = Field(
        default=[], description="Names in SELECTORS to try beside `default` and the controls"
    )
    consumers: list[str] = Field(default=[], description=f"Names in CONSUMERS; empty: {EVERY}")
    seeds: int = Field(default=10, ge=2, le=1000, description="Paired repetitions")
    first_seed: int = Field(
        default=0, ge=0, description="The first of the seeds: another one repeats the proof afresh"
    )
    tokens: bool = Field(default=False, description="Budgets in tokens instead of rows")
    quantiles: bool = Field(
        default=False, description="Also learn from each tenth of the rows by quality alone"
    )
    embedder: str = Field(default="", description="Model of the vectors; empty: embed.model")
    holdout_share: float = Field(
        default=0.2, gt=0, lt=1, description="Share of rows held out where no column says it"
    )
    name: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*)?$",
        description="Name of the result; empty: that of the first file",
    )
    guard: int = Field(
        default=0,
        ge=0,
        description="Answers that the held-out rows give at most, ever (HoldoutGuard); 0: no guard",
    )

    @field_validator("text", "against")
    @classmethod
    def _columns_are_readable(cls, value: str, info: ValidationInfo) -> str:
        if value or info.field_name == "text":
            split_names(value)
        return value

    @field_validator("against")
    @classmethod
    def _texts_differ(cls, value: str, info: ValidationInfo) -> str:
        """A pair needs a column on either side that the other has not."""
        if value and "text" in info.data:
            own, other = set(split_names(info.data["text"])), set(split_names(value))
            if own <= other or other <= own:
                raise ValueError("text and against must each name a column that the other does not")
        return value

    @property
    def kinds(self) -> frozenset[str]:
        """What the named columns give a consumer to learn from: labels, ratings or pairs."""
        named = {"labels": self.label, "pairs": self.against}
        named["ratings"] = "" if self.against else self.rating
        return frozenset(kind for kind, column in named.items() if column)

    @field_validator("budgets")
    @classmethod
    def _budgets_are_shares(cls, value: list[float]) -> list[float]:
        if wrong := [each for each in value if not 0 < each <= 1]:
            raise ValueError(f"a budget is a share of the pool in (0, 1]; found {wrong[0]}")
        return sorted(set(value))
