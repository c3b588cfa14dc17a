"""Settings of what is read: the corpus, and the run it is compared with."""

import re
from typing import Any, Literal

from pydantic import Field, field_validator

from schemas.params.block import Block


class IngestParams(Block):
    """Which files to read and how a record becomes a document."""

    sources: list[str] = Field(
        default=["data/demo/open_docs.jsonl.gz"],
        min_length=1,
        description="Files or globs, local or s3://bucket/folder/*.jsonl.gz: .jsonl, .csv, .tsv, "
        ".parquet, plain or .gz or .zst",
    )
    shape: Literal["text", "instruction", "messages"] = Field(
        default="text",
        description="text: one text column; instruction: three columns and a template; "
        "messages: a list of {role, content}",
    )
    text_key: str = Field(default="text", min_length=1, description="Column of the text")
    instruction_key: str = Field(default="instruction", min_length=1, description="Column")
    input_key: str = Field(default="input", min_length=1, description="Column; may be empty")
    output_key: str = Field(default="output", min_length=1, description="Column")
    template: str = Field(
        default="{instruction}\n\n{input}\n\n{output}",
        description="How an instruction record becomes one text; blank parts leave no gap",
    )
    messages_key: str = Field(default="messages", min_length=1, description="Column of the list")
    id_key: str = Field(default="", description="Column of the row id; empty: id from the content")
    source_key: str = Field(
        default="source",
        description="Column naming a row's origin; a record without it takes its file's name",
    )
    max_chars: int = Field(default=100_000, ge=1, description="Longest text accepted, characters")
    max_record_bytes: int = Field(
        default=16 * 2**20, ge=1024, description="Longest record held in memory, bytes"
    )
    max_quarantine_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of refused records above which the run fails"
    )

    @field_validator("template")
    @classmethod
    def _template_names_its_fields(cls, value: str) -> str:
        names = set(re.findall(r"\{(\w*)\}", value))
        if unknown := sorted(names - {"instruction", "input", "output"}):
            raise ValueError(
                f"a template knows {{instruction}}, {{input}}, {{output}}; not {unknown}"
            )
        if missing := sorted({"instruction", "output"} - names):
            raise ValueError(
                f"a template must hold {{instruction}} and {{output}}; without {missing}"
            )
        return value

    @field_validator("id_key", "source_key", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return "" if value is None else value


class PreviousParams(Block):
    """The promoted run that this one is compared with."""

    follow: bool = Field(
        default=True,
        description="A run of the flow first sets `run` to what promoted/current names",
    )
    run: str = Field(
        default="", description="Name of a promoted run, a folder in promoted/; empty: none"
    )

    @field_validator("run", mode="before")
    @classmethod
    def _run_is_a_name(cls, value: Any) -> Any:
        text = "" if value is None else str(value)
        if text and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", text):
            raise ValueError(f"a run's name has letters, digits and _ . -; found {text[:80]!r}")
        return text
