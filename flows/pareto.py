"""`winnow pareto`: diversity weight by budget, each point a kept run, the front between goals.

Every point is chosen by its own run. A run at the largest budget would hold every smaller one as
its beginning only if the objective did not change with the budget; the scale of quality does.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import polars as pl

from flows import repro
from flows.checkout import ensure_kept, put_back
from flows.console import columns
from flows.holdout import track_ledger
from flows.lock import run_lock
from flows.record import RUN_FILES, record
from flows.repro.experiments import kept_runs
from flows.runs import with_place
from flows.settings import apply_overrides, save
from schemas.errors import SettingsError, WinnowError
from schemas.params import Params
from schemas.plain import plain
from tasks import PIPELINE
from tasks.methods import selector_of
from tasks.pages.pareto import pareto_page
from tasks.paths import Paths
from tasks.proving.sweep import CONTROLS, SELECTED, Point, analyse, check_metric, point
from tasks.stage import load_params
from tasks.storage.rows import read_rows, write_text

AGAIN: Final = PIPELINE[PIPELINE.index("choose") :]  # what a point runs; all before it is shared


def tell(weights: str, budgets: str, diversity: str, as_data: bool) -> str:
    """Run the sweep, write artifacts/pareto.json and .html; returns a table, or the JSON."""
    found = sweep(_weights(weights), _parts(budgets), diversity)
    paths = Paths()
    write_text(paths.json("pareto"), json.dumps(found, indent=2) + "\n")
    write_text(paths.artifacts / "pareto.html", pareto_page(found))
    return json.dumps(found) if as_data else as_text(found)


def sweep(weights: Sequence[float], budgets: Sequence[str], diversity: str) -> dict[str, Any]:
    """Run every point, keep it as a run, and put the workspace back as it was.

    Raises `WinnowError` where the workspace holds what is kept nowhere, or is not up to date.
    """
    check_metric(diversity)
    with run_lock("winnow pareto"):
        paths = Paths()
        repro.ensure_free(paths.params)
        ensure_kept()
        _ensure_current()
        params = load_params(paths.params)
        grid = _grid(params, weights, budgets)
        if params.gate.holdout_file:
            from tasks.proving.confirming import ensure_askable  # numba, a model's loader

            ensure_askable(params, paths)
        chosen: dict[str, pl.Series] = {}
        with _workspace_kept():
            points = [
                each
                for number, settings in enumerate(grid, 1)
                for each in _points(settings, diversity, f"{number} of {len(grid)}", chosen)
            ]
        found = analyse(_controls_once(points), diversity)
        if params.gate.holdout_file:
            found["budgets"] = _confirmed(found["budgets"], chosen, grid, paths)
    return {"selector": params.choose.selector, **found}


def _confirmed(
    groups: Sequence[dict[str, Any]],
    chosen: Mapping[str, pl.Series],
    grid: Sequence[Params],
    paths: Paths,
) -> list[dict[str, Any]]:
    """Ask the guard of the held-out rows about every budget's knee."""
    from tasks.proving.confirming import confirm

    settings = {each.choose.budget: each for each in grid}
    try:
        return [confirm(group, chosen, settings[group["budget"]], paths) for group in groups]
    finally:
        track_ledger(paths)


def _grid(params: Params, weights: Sequence[float], budgets: Sequence[str]) -> list[Params]:
    """The settings of every point; raises `SettingsError` where the weight would change nothing.

    No point's gate asks held-out rows: the knee alone is worth an answer.
    """
    unasked = ["gate.holdout_ask=false"] if params.gate.holdout_file else []
    grid = [
        apply_overrides(
            params, [f"choose.budget={budget}", f"choose.diversity_weight={weight}", *unasked]
        )
        for budget in budgets or [params.choose.budget]
        for weight in weights
    ]
    if len(weights) > 1 and selector_of(grid[0].choose) == selector_of(grid[1].choose):
        raise SettingsError(
            f"choose.diversity_weight changes nothing for {params.choose.selector}",
            expected="a selector with a diversity_weight that choose.settings does not fix",
            where="params.yaml",
        )
    return grid


def _points(
    settings: Params, diversity: str, place: str, chosen: dict[str, pl.Series]
) -> Iterator[Point]:
    """Run one point; read its place, those of its controls, and, if asked for, its ids."""
    from flows.curate import bring_up_to_date

    paths, choose = Paths(), settings.choose
    _tell(f"{place}: budget {choose.budget}, diversity weight {choose.diversity_weight:g}")
    save(settings, paths.params)
    for stage in AGAIN:
        bring_up_to_date(stage, _quiet)
    run = _kept(f"pareto-{choose.selector}-{choose.budget}-w{choose.diversity_weight:g}")
    table = read_rows(paths.table("comparison"))
    if settings.gate.holdout_file:
        chosen[run] = read_rows(paths.table("selection"), ["id"])["id"]
    about = {"budget": choose.budget, "run": run}
    yield point(table, SELECTED, diversity, weight=choose.diversity_weight, **about)
    for name in CONTROLS:
        yield point(table, name, diversity, weight=None, **about)


def _kept(wanted: str) -> str:
    """The name of the run that is here: of one kept already, or of a new one."""
    here = [run.name for run, is_here in with_place(kept_runs()) if is_here]
    return min(here) if here else record(wanted).name


def _controls_once(points: Sequence[Point]) -> list[Point]:
    """Controls depend on the budget alone: keep the first of each."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for each in points:
        key = (each.budget, each.method)
        if each.weight is None and key in seen:
            continue
        seen.add(key)
        kept.append(each)
    return kept


def _ensure_current() -> None:
    stale = repro.stale_stages()
    if stale:
        raise WinnowError(
            f"the pipeline is not up to date here: {', '.join(stale)}",
            expected="a finished run, whose stages before `choose` every point shares",
            remedy="`winnow run`, then again",
        )


@contextmanager
def _workspace_kept() -> Iterator[None]:
    """Put params.yaml, dvc.lock and the artifacts back at the end, however it comes."""
    before = {name: Path(name).read_bytes() for name in RUN_FILES}
    try:
        yield
    finally:
        put_back(before)


def as_text(found: dict[str, Any]) -> str:
    """One table: budgets in order, the knee marked, controls last."""
    lines: list[Sequence[str]] = [("", "budget", "weight", "quality", found["diversity"], "run")]
    for group in found["budgets"]:
        for each in group["points"]:
            control = each["weight"] is None
            knee = not control and each["run"] == group["knee"]["run"]
            lines.append((
                "*" if knee else ("+" if each["on_front"] else ""),
                each["budget"],
                each["method"] if control else f"{each['weight']:g}",
                f"{each['quality']:.4f}",
                f"{each['diversity']:.4f}",
                "" if control else each["run"],
            ))  # fmt: skip
    rules = [f"{group['budget']}: hypervolume {group['hypervolume']:.4f}, with the controls "
             f"{group['hypervolume_with_controls']:.4f}; knee: {group['knee_rule']}"
             for group in found["budgets"]]  # fmt: skip
    knees = [f"{group['budget']}: knee at weight {group['knee']['weight']:g}, "
             f"{group['confirmation']['words']}" for group in found["budgets"]]  # fmt: skip
    corner = ", ".join(f"{value:g}" for value in found["reference"])
    notes = [f"* knee, + on the front; hypervolume above ({corner})", *rules, *knees,
             "`winnow checkout RUN` brings a point back; page: artifacts/pareto.html"]  # fmt: skip
    return "\n".join([plain(columns(lines)), *map(plain, notes)])


def _weights(text: str) -> list[float]:
    try:
        found = sorted({float(part) for part in _parts(text)})
    except ValueError:
        found = []
    if not found or not all(0 <= each <= 1 for each in found):
        raise SettingsError(
            f"no list of diversity weights: {text!r}",
            expected="numbers in [0, 1] with commas between, such as 0,0.5,1",
            where="--weights",
        )
    return found


def _parts(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _tell(text: str) -> None:
    print(plain(text), file=sys.stderr, flush=True)


def _quiet(_line: str) -> None:
    """A point's stages say what every run's say: not told here; their failures are."""
