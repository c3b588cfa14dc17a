"""The rows of a benchmark as tables for people, and again for ours with units off."""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.plan import OFF_NOTE

Row = dict[str, Any]
WIDTH = 130  # where it is not a terminal's
MET = {True: "[green]met[/]", False: "[red]missed[/]", None: "[yellow]open[/]"}


def show(rows: list[Row], console: Console | None = None) -> None:
    """Print every work's measurements and clauses, first with low-precision units, then without."""
    out = console or Console(width=WIDTH if not sys.stdout.isatty() else None)
    for units, words in ((True, ""), (False, ", low-precision units off")):
        part = [row for row in rows if row["bf16"] == units]
        for (goal, title, data), some in groupby(part, key=_work):
            known = list(some)
            out.print(_measurements(known, f"goal {goal} · {title} · {data}{words}"))
            for line in _clauses(known):
                out.print(line, soft_wrap=True)
            out.print()


def _work(row: Row) -> tuple[int, str, str]:
    return row["goal_number"], row["work"], row["data"]


def _measurements(rows: Iterable[Row], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("method", "setting"):
        table.add_column(name, overflow="fold")
    for name in ("seconds", "runs", "MB", "objective", "share", "recall"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        if row["kind"] == "measurement":
            table.add_row(*cells(row))
    return table


def cells(row: Row) -> list[str]:
    """A measured row in words; a failed one gives its reason."""
    name = row["method"].removesuffix(OFF_NOTE)
    if row["seconds"] is None:
        return [name, row["reason"] or "", "–", "", "", "", "", ""]
    numbers = (("objective", ".5f"), ("share", ".4f"), ("recall", ".4f"))
    tail = ["" if row[key] is None else f"{row[key]:{form}}" for key, form in numbers]
    label, runs = str(row["label"] or ""), str(row["reps"])
    return [name, label, seconds(row["seconds"]), runs, f"{row['peak_mb']:,.0f}", *tail]


def seconds(value: float) -> str:
    """Seconds with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _clauses(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        if row["kind"] == "goal":
            yield f"  {MET[row['met']]} {row['goal']}: {told(row)}"


def told(row: Row) -> str:
    """The figure behind a clause."""
    method = (row["method"] or "winnow").removesuffix(OFF_NOTE)
    if row["ratio"] is not None:
        theirs = f"{row['peer']} {seconds(row['peer_seconds'])} s"
        return f"{method} {seconds(row['seconds'])} s, {theirs}, {row['ratio']:.3g}×"
    if row.get("figure") is not None:
        return f"{method}, {row['figure']:.4g} {row['unit']}"
    return row["reason"] or "not measured"
