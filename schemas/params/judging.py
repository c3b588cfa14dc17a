"""Settings of what becomes of a finished selection: contracts, measures, gates, the page."""

from typing import Literal

from pydantic import Field, field_validator

from schemas.params.block import Block
from schemas.params.values import split_names


class ValidateParams(Block):
    """Contracts on the finished subset."""

    min_selected_rows: int = Field(default=1, ge=0, description="Fewer selected rows fail the run")
    max_missing_groups: int = Field(
        default=-1,
        ge=-1,
        description="Groups with eligible rows that may end without a selected one; -1: any number",
    )


class MeasureParams(Block):
    """How the subset is compared with its controls."""

    control_seeds: int = Field(default=5, ge=2, le=100, description="Draws per random control")
    target: list[str] = Field(
        default=[],
        description="Files or globs, of the kinds and places of ingest.sources, whose rows the "
        "selection should be like: distances from them are measured; none: not measured",
    )
    target_text_key: str = Field(
        default="text",
        min_length=1,
        description="Column of a target row's text; of several, with commas between, the first "
        "that a row has",
    )

    @field_validator("target_text_key")
    @classmethod
    def _columns_are_readable(cls, value: str) -> str:
        split_names(value)
        return value


class GateParams(Block):
    """What a run must hold to before it may be promoted; compared is with `previous.run`."""

    promote: Literal["manual", "auto"] = Field(
        default="manual",
        description="auto: a run of the flow whose gates all pass is promoted at its end",
    )
    alpha: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="Chance of a false alarm in any of a run's tests; they also need their effect",
    )
    max_quarantine_share: float = Field(
        default=0.03, ge=0, le=1, description="Share of refused records above which a run is held"
    )
    max_quarantine_rise: float = Field(
        default=0.01, ge=0, le=1, description="Rise of that share, in absolute terms"
    )
    wipeout_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a source's survival rate (kept / read) that may be lost",
    )
    source_floors: dict[str, int] = Field(
        default={}, description="Least kept rows per source; * = any source read"
    )
    max_drift: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Largest gap between two distribution functions (Kolmogorov-Smirnov), all rows",
    )
    max_drift_of_new_rows: float = Field(
        default=0.3, gt=0, le=1, description="The same, of the new rows alone"
    )
    holdout_file: str = Field(
        default="",
        description="Labelled held-out rows, file or glob: a model trained on the selection is "
        "asked there, through a guard; empty: off",
    )
    holdout_ask: bool = Field(
        default=True,
        description="Ask them for this run; `winnow pareto` asks for its knee alone, and keeps "
        "its points with `false`",
    )
    holdout_text_key: str = Field(
        default="text", min_length=1, description="Column of a held-out row's text"
    )
    holdout_label_key: str = Field(
        default="label",
        min_length=1,
        description="Column of the class, there and in the corpus",
    )
    holdout_consumer: Literal["hashed_ngrams", "linear_probe"] = Field(
        default="hashed_ngrams", description="Model that is trained, as in `winnow prove`"
    )
    holdout_min_score: float = Field(
        default=0.0, ge=0, le=1, description="Least accuracy of a run that is not held"
    )
    holdout_max_fall: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Largest fall of it against the promoted run's; in "
        "`winnow pareto` of the knee's against uniform's",
    )
    holdout_budget: int = Field(
        default=20, ge=1, description="Answers that the held-out rows give at most, ever"
    )
    holdout_when_spent: Literal["hold", "pass"] = Field(
        default="hold", description="What becomes of a run that can no longer be asked"
    )


class ReportParams(Block):
    """What the page shows."""

    max_points: int = Field(default=5000, ge=100, le=50_000, description="Points on the map")
    examples: int = Field(default=8, ge=1, le=100, description="Example rows per verdict")
    max_stories: int = Field(
        default=50_000, ge=100, le=200_000, description="Rows whose story lineage.html can tell"
    )
