"""All settings of a run: they validate params.yaml, become the Prefect form, and say what they do.

One block per stage. Method names (selector, scorers) are checked against the registries by
`tasks.methods`, which this floor must not import; the form in flows/ offers them as choices.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

LARGEST_BUDGET: Final = 10**15  # whole numbers are exact in a float up to 9e15


class Block(BaseModel):
    """A group of settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        model_title_generator=lambda block: block.__name__.removesuffix("Params"),  # in the form
    )


@dataclass(frozen=True)
class Budget:
    """How much may be selected: `amount` rows, share of the eligible rows in (0, 1], or tokens."""

    unit: Literal["rows", "share", "tokens"]
    amount: float

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read `300`, `300 rows`, `20%`, `0.2` or `50000 tokens`; raises ValueError otherwise."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|rows?|tokens?)?\s*", str(text))
        if not found:
            raise ValueError(f"a budget is like 300, 20%, 0.2 or '50000 tokens'; found {text!r}")
        amount, unit = float(found[1]), found[2] or ""
        if unit == "%" or (not unit and "." in found[1]):
            share = amount / 100 if unit == "%" else amount
            if not 0 < share <= 1:
                raise ValueError(f"a share lies in (0, 1] or (0 %, 100 %]; found {text!r}")
            return cls("share", share)
        if not 1 <= amount <= LARGEST_BUDGET or amount != int(amount):
            raise ValueError(
                f"a budget in rows or tokens is a whole number in [1, 1e15]; found {text[:80]!r}"
            )
        return cls("tokens" if unit.startswith("token") else "rows", amount)


def split_names(text: str) -> tuple[str, ...]:
    """Read `source, language` or `["source", "language"]`; raises ValueError for anything else.

    A name with a comma in it, or with brackets around it, stands in double quotes.
    """
    try:
        if text.lstrip().startswith("["):
            names = [str(name) for name in yaml.safe_load(text)]
        else:
            (names,) = csv.reader([text], skipinitialspace=True)
    except (ValueError, csv.Error, yaml.YAMLError):
        names = []
    found = tuple(name.strip() for name in names)
    if not found or not all(found) or len(set(found)) < len(found):
        raise ValueError(f"columns are like source, or source, language; found {text[:80]!r}")
    return found


def join_names(names: Iterable[Any]) -> str:
    """Write names as `split_names` reads them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([str(name) for name in names])
    return text.getvalue()


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

    selector: str = Field(default="distribution_matching", description="A name in SELECTORS")
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
