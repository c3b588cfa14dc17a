"""All settings of a run: they validate params.yaml, become the Prefect form, and say what they do.

One block per stage. Method names (selector, scorers) are checked against the registries by
`tasks.methods`, which this floor must not import; the form in flows/ offers them as choices.
"""

import re
import warnings
from typing import Any

from pydantic import Field, field_validator

from schemas.params.block import Block
from schemas.params.choosing import ChooseParams, ScoreParams
from schemas.params.content import DecontaminateParams, DeduplicateParams, EmbedParams
from schemas.params.judging import GateParams, MeasureParams, ReportParams, ValidateParams
from schemas.params.reading import IngestParams, PreviousParams
from schemas.params.values import LARGEST_BUDGET, Budget, join_names, split_names

__all__ = [
    "LARGEST_BUDGET",
    "Block",
    "Budget",
    "ChooseParams",
    "DecontaminateParams",
    "DeduplicateParams",
    "EmbedParams",
    "GateParams",
    "IngestParams",
    "MeasureParams",
    "Params",
    "PreviousParams",
    "ReportParams",
    "ScoreParams",
    "ValidateParams",
    "join_names",
    "split_names",
]

with (
    warnings.catch_warnings()
):  # a block is named after its stage; BaseModel.validate is deprecated
    warnings.filterwarnings("ignore", message='Field name "validate"')

    class Params(Block):
        """Every setting of a curation run, one block per stage."""

        seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of every random stream")
        store: str = Field(
            default="",
            description="LanceDB's place, derived from the artifacts: a folder (empty: "
            "artifacts/lancedb) or s3://bucket/prefix; AWS_* variables or profile say how",
        )
        previous: PreviousParams = PreviousParams()
        ingest: IngestParams = IngestParams()
        deduplicate: DeduplicateParams = DeduplicateParams()
        embed: EmbedParams = EmbedParams()
        decontaminate: DecontaminateParams = DecontaminateParams()
        score: ScoreParams = ScoreParams()
        choose: ChooseParams = ChooseParams()
        validate: ValidateParams = ValidateParams()  # type: ignore[assignment]
        measure: MeasureParams = MeasureParams()
        gate: GateParams = GateParams()
        report: ReportParams = ReportParams()

        @field_validator("store", mode="before")
        @classmethod
        def _store_is_a_place(cls, value: Any) -> Any:
            if isinstance(value, str) and "://" in value:
                if not re.fullmatch(r"s3://[A-Za-z0-9._-]+(/.*)?", value):
                    raise ValueError("a store is a folder, or an address like s3://bucket/prefix")
                return value.rstrip("/")
            return "" if value is None else value
