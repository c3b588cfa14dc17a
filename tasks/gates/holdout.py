"""The gate of held-out rows: a light model trained on the selection, asked through the guard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from schemas.errors import SettingsError
from schemas.manifest import Manifest
from schemas.params import GateParams, Params
from schemas.proof import ProveParams
from tasks.documents import document_batches, metadata_values
from tasks.gates.outcome import HOLDOUT, Gate
from tasks.holdout import SpentError
from tasks.paths import Paths
from tasks.proving.building import embed
from tasks.proving.consumers import CONSUMERS
from tasks.proving.guarded import Guarded, guard_for
from tasks.proving.methods import PASSES
from tasks.proving.reading import read
from tasks.proving.task import Task
from tasks.storage.rows import read_rows

COLUMNS: Final = ["id", "text", "label", "content_sha256"]


@dataclass(frozen=True)
class Asked:
    """The gate, and what the next run is compared with: which rows, which consumer, what value."""

    gate: Gate
    answer: dict[str, Any] | None = None


def holdout_gate(params: Params, paths: Paths) -> Asked:
    """Ask how well a model trained on the selection does on the held-out rows.

    Raises `SettingsError` where the selection has no labels to learn from.
    """
    settings = params.gate
    if not settings.holdout_ask:
        return Asked(_gate(settings, None, None, True, "not asked: gate.holdout_ask is false"))
    held_out = held_out_rows(settings, paths)
    chosen = read_rows(paths.table("selection"), ["id"])["id"]
    selected = labelled_rows(chosen, settings.holdout_label_key, paths)
    if words := contaminated(selected, held_out):
        return Asked(_gate(settings, None, None, False, words))
    task = task_of(selected, held_out, params, paths)
    consumer = CONSUMERS[settings.holdout_consumer]
    about = f"gate: {len(selected):,} selected rows, {settings.holdout_consumer}"
    with guard_of(task, params, paths) as guarded:
        known = guarded.guard.held_out
        try:
            value = ask(guarded, about, task, params)
        except SpentError as error:
            passes = settings.holdout_when_spent == "pass"
            words = (
                f"{error.problem}: not asked; holdout_when_spent is {'pass' if passes else 'hold'}"
            )
            return Asked(_gate(settings, None, None, passes, f"{words}; {error.remedy}"))
    answer = {
        "held_out": known.digest,
        "consumer": f"{settings.holdout_consumer} {consumer.version}",
        "value": value,
    }
    return Asked(judged(settings, answer, _promoted(paths), known.warning), answer)


@contextmanager
def guard_of(task: Task, params: Params, paths: Paths) -> Iterator[Guarded]:
    """The guard of the held-out rows, with the budget and for the consumer of `gate`."""
    name, budget = params.gate.holdout_consumer, params.gate.holdout_budget
    with guard_for(task, budget, {name: CONSUMERS[name]()}, paths) as guarded:
        assert guarded is not None  # the budget is at least 1
        yield guarded


def ask(guarded: Guarded, about: str, task: Task, params: Params) -> float:
    """The guard's answer for the task's train rows; `SpentError` if it has none left."""
    consumer = CONSUMERS[params.gate.holdout_consumer]()
    return guarded(about, consumer, task, [task.train] * PASSES, params.seed).score


def judged(
    settings: GateParams, answer: dict[str, Any], before: dict[str, Any] | None, warning: str
) -> Gate:
    """Hold the answer against the least score and, if it was asked alike, the promoted run's."""
    alike = before and all(before[key] == answer[key] for key in ("held_out", "consumer"))
    fallen = before["value"] - settings.holdout_max_fall if before and alike else 0.0
    least = max(settings.holdout_min_score, fallen)
    told = f"accuracy {answer['value']:.4f} by the guard's answer; the least is {least:.4f}"
    if before and alike:
        told += f" (the promoted run's was {before['value']:.4f})"
    elif before:
        told += "; the promoted run was asked on other rows or by another model: not compared"
    passed = answer["value"] >= least
    words = "; ".join(part for part in (told, warning) if part)
    return _gate(settings, answer["value"], least, passed, words)


def held_out_rows(settings: GateParams, paths: Paths) -> pl.DataFrame:
    """The labelled held-out rows: id, text, label, content_sha256; each text once."""
    asked = ProveParams(
        source=[settings.holdout_file],
        text=settings.holdout_text_key,
        label=settings.holdout_label_key,
    )
    rows = read(asked, paths).rows.unique("content_sha256", keep="first", maintain_order=True)
    if len(rows) < 2:
        raise SettingsError(
            f"{len(rows)} labelled held-out rows", expected="at least 2", where="gate.holdout_file"
        )
    return rows.select(COLUMNS)


def labelled_rows(chosen: pl.Series, label_key: str, paths: Paths) -> pl.DataFrame:
    """The rows of these ids that have a label, in order of their ids.

    Raises `SettingsError` where fewer than two have one.
    """
    wanted = ["id", "text", "metadata", "content_sha256"]
    parts = [*document_batches(paths.table("documents"), wanted, chosen)]
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    rows = rows.with_columns(label=metadata_values(rows["metadata"], label_key))
    found = rows.filter(pl.col("label").is_not_null()).sort("id").select(COLUMNS)
    if len(found) < 2:
        raise SettingsError(
            f"{len(found)} of {len(rows):,} selected rows have a label {label_key!r}",
            expected="a metadata key of the corpus that holds the class",
            where="gate.holdout_label_key",
        )
    return found


def task_of(selected: pl.DataFrame, held_out: pl.DataFrame, params: Params, paths: Paths) -> Task:
    """Selected rows to train on, held-out rows to be asked; vectors only for who reads them."""
    rows = pl.concat(
        [
            selected.with_columns(id="a/" + pl.col("id")),
            held_out.with_columns(id="b/" + pl.col("id")),
        ]
    )
    _, codes = np.unique(rows["label"].to_numpy().astype(str), return_inverse=True)
    vectors = np.zeros((len(rows), 1), dtype=np.float32)
    if params.gate.holdout_consumer == "linear_probe":
        vectors, _ = embed(rows, params, paths)
    places = np.arange(len(rows))
    return Task(
        name=params.gate.holdout_file,
        ids=tuple(rows["id"]),
        texts=tuple(rows["text"]),
        vectors=vectors,
        tokens=np.ones(len(rows), dtype=np.int64),
        labels=codes.astype(np.int64),
        ratings=None,
        train=places[: len(selected)],
        test=places[len(selected) :],
    )


def _promoted(paths: Paths) -> dict[str, Any] | None:
    """What the promoted run was answered, as the stage `previous` copied it."""
    found: dict[str, Any] | None = Manifest.read(paths.json("previous")).facts.get("holdout")
    return found


def contaminated(selected: pl.DataFrame, held_out: pl.DataFrame) -> str:
    """Why these rows cannot be asked about: held-out texts are among them; empty if none is."""
    shared = len(set(held_out["text"]) & set(selected["text"]))
    if not shared:
        return ""
    return (
        f"{shared:,} of {len(held_out):,} held-out texts are in the selection: nothing was asked; "
        "name the file in decontaminate.evaluations too"
    )


def _gate(
    settings: GateParams, value: float | None, limit: float | None, passed: bool, words: str
) -> Gate:
    return Gate(HOLDOUT, settings.holdout_file, value, limit, passed, f"held-out rows: {words}")
