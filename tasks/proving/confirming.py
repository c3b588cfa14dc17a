"""The knee of a sweep, asked about on the held-out rows of the gate, through their guard."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from schemas.params import Params
from tasks.choose import load_pool
from tasks.gates.holdout import (
    ask,
    contaminated,
    guard_of,
    held_out_rows,
    labelled_rows,
    task_of,
)
from tasks.holdout.knee import Confirmed, confirmed
from tasks.measure import control_seed, draw_control
from tasks.paths import Paths
from tasks.proving.guarded import Guarded
from tasks.proving.methods import UNIFORM
from tasks.proving.sweep import Confirmation
from tasks.proving.task import Task
from tasks.storage.rows import read_rows


def ensure_askable(params: Params, paths: Paths) -> None:
    """Raise `SettingsError` for what would stop the questions after a long sweep.

    Held-out rows or labels that are not there, a budget larger than the one first stated.
    """
    held_out = held_out_rows(params.gate, paths)
    chosen = read_rows(paths.table("selection"), ["id"])["id"]
    selected = labelled_rows(chosen, params.gate.holdout_label_key, paths)
    with guard_of(task_of(selected, held_out, params, paths), params, paths):
        pass


def confirm(
    group: dict[str, Any], chosen: Mapping[str, pl.Series], params: Params, paths: Paths
) -> dict[str, Any]:
    """One budget of a sweep (`sweep.analyse`) with the knee that holds up, and why it does.

    Asked are a uniform draw of the same limits, then the knee, then what the rule ranks after it,
    until one is not further below the draw than `gate.holdout_max_fall`. `chosen` are the ids
    selected by each run; `params` the settings of that budget.
    """
    subsets = {UNIFORM: uniform_ids(params, paths), **{run: chosen[run] for run in group["ranked"]}}
    held_out = held_out_rows(params.gate, paths)

    def rows_of(subset: str) -> pl.DataFrame:
        return labelled_rows(subsets[subset], params.gate.holdout_label_key, paths)

    def asked(subset: str) -> Task:
        return task_of(rows_of(subset), held_out, params, paths)

    for subset in subsets:
        if words := contaminated(rows_of(subset), held_out):
            told = Confirmation(f"not confirmed: {plainly(subset, group)}: {words}")
            return {**group, "confirmation": asdict(told)}
    with guard_of(asked(UNIFORM), params, paths) as guarded:
        left = guarded.guard.left

        def score(subset: str) -> float:
            about = f"pareto: budget {group['budget']}, {subset}, {params.gate.holdout_consumer}"
            return ask(guarded, about, asked(subset), params)

        found = confirmed(group["ranked"], UNIFORM, score, params.gate.holdout_max_fall)
        told = _told(found, group, guarded, left - guarded.guard.left, params)
    knee = next(each for each in group["points"] if each["run"] == found.choice and _own(each))
    knee = {name: value for name, value in knee.items() if name != "on_front"}
    return {**group, "knee": knee, "confirmation": asdict(told)}


def uniform_ids(params: Params, paths: Paths) -> pl.Series:
    """The ids of the first uniform control that `measure` draws under these settings."""
    pool, limits = load_pool(params, paths)
    draw = draw_control(pool, limits, UNIFORM, control_seed(params.seed, UNIFORM, 0))
    return pl.Series(pool.ids[draw].tolist(), dtype=pl.String)


def plainly(subset: str, group: dict[str, Any]) -> str:
    """A subset by its weight, as people know it."""
    weights = [each["weight"] for each in group["points"] if each["run"] == subset and _own(each)]
    return f"weight {weights[0]:g}" if weights else subset


def _own(each: dict[str, Any]) -> bool:
    return each["weight"] is not None


def _told(
    found: Confirmed[str], group: dict[str, Any], guarded: Guarded, spent: int, params: Params
) -> Confirmation:
    answers = [(of or UNIFORM, score) for of, score in found.answers]
    asked = ", ".join(f"{plainly(of, group)} {score:.4f}" for of, score in answers)
    guard = guarded.guard
    words = [
        _verdict(found, group),
        f"{params.gate.holdout_consumer}, answered {asked}" if asked else "nothing was answered",
        f"answers spent: {spent:,}, left: {guard.left:,} of {guard.budget:,}",
        guard.held_out.warning,
    ]
    return Confirmation(
        "; ".join(part for part in words if part),
        found.holds,
        params.gate.holdout_consumer,
        tuple({"of": of, "score": score} for of, score in answers),
        spent,
        guard.left,
        guard.budget,
    )


def _verdict(found: Confirmed[str], group: dict[str, Any]) -> str:
    first = group["ranked"][0]
    if not found.holds:
        return found.words
    if found.choice == first:
        return "confirmed on held-out rows"
    here, there = plainly(found.choice, group), plainly(first, group)
    return f"held-out rows confirm {here}, not {there}, the knee by quality and diversity"
