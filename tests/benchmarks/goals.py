"""The issue's goals, each clause held against the measured rows of its work."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tests.benchmarks.plan import OFF_NOTE, Work

Row = dict[str, Any]
MINUTES: Final = 600.0  # "in minutes"
# Unit rows tie at the start; rows changed by 1e-7 give greedy values that differ by 3e-4.
LIKE: Final = 0.9995
FROM_ROWS: Final = 50_000  # sizes from which growth is fitted


@dataclass(frozen=True)
class Verdict:
    """One clause: its words, whether it is met (None: not to be said), the figures behind it."""

    goal: str
    met: bool | None
    row: Row | None = None  # ours
    peer: Row | None = None
    figure: float | None = None  # what the clause is about, where it is no ratio of seconds
    unit: str = ""
    reason: str = ""


class Measured:
    """The measured rows of one work, with or without low-precision units for ours."""

    def __init__(self, work: Work, rows: Iterable[Row], units: bool) -> None:
        self.work, self.units = work, units
        kept = [row for row in rows if not row["ours"] or row["bf16"] == units]
        self.rows = [row for row in kept if row["seconds"] is not None]
        self.failed = [row for row in kept if row["seconds"] is None]
        self.ours = [row for row in self.rows if row["ours"]]

    def named(self, name: str) -> Row | None:
        """The fastest row of a method, measured or (without seconds) failed."""
        found = [row for row in self.rows if row["method"].removesuffix(OFF_NOTE) == name]
        lost = [row for row in self.failed if row["method"].removesuffix(OFF_NOTE) == name]
        return min(found, key=lambda row: row["seconds"], default=next(iter(lost), None))

    def best_objective(self) -> float | None:
        """The best objective of all methods, ours and theirs."""
        return max((r["objective"] for r in self.rows if r["objective"] is not None), default=None)

    def exact_objective(self) -> float | None:
        """The objective of exact greedy: of ours or of a peer that is exact."""
        for name in ("winnow exact", "apricot lazy", "submodlib LazyGreedy"):
            row = self.named(name)
            if row and row["objective"] is not None:
                return float(row["objective"])
        return None

    def reaching(self, least: float, of: float | None, measure: str = "objective") -> Row | None:
        """The fastest of ours whose measure is at least this share of `of`."""
        good = [
            row for row in self.ours
            if of and row[measure] is not None and row[measure] >= least * of - 1e-12
        ]  # fmt: skip
        return min(good, key=lambda row: row["seconds"], default=None)


def verdicts(work: Work, rows: Iterable[Row]) -> list[tuple[bool, Verdict]]:
    """Every clause of the work's goal, with and (second) without low-precision units."""
    known = list(rows)
    found = []
    for units in (True, False):
        measured = Measured(work, known, units)
        if units or measured.ours or any(not row["bf16"] for row in known if row["ours"]):
            found += [(units, verdict) for verdict in CLAUSES[work.goal](measured)]
    return found


def faster(ours: Row | None, peer: Row | None, times: float, goal: str) -> Verdict:
    """Ours at least `times` as fast; open where one of them has no seconds."""
    if ours is None or ours["seconds"] is None:
        reason = ours["reason"] if ours else "no run of ours to compare"
        return Verdict(goal, None, ours, peer, reason=reason)
    if peer is None:
        return Verdict(goal, None, ours, reason="no run of the peer to compare")
    if peer["seconds"] is None:
        return Verdict(goal, None, ours, peer, reason=f"{peer['method']}: {peer['reason']}")
    return Verdict(goal, peer["seconds"] >= times * ours["seconds"], ours, peer)


def at_most(row: Row | None, figure: float | None, most: float, goal: str, unit: str) -> Verdict:
    """A figure of ours against an upper limit."""
    if row is None or figure is None:
        return Verdict(goal, None, row, reason=(row and row["reason"]) or "not measured")
    return Verdict(goal, figure <= most, row, figure=figure, unit=unit)


def at_least(row: Row | None, figure: float | None, least: float, goal: str, unit: str) -> Verdict:
    """A figure of ours against a lower limit."""
    if row is None or figure is None:
        return Verdict(goal, None, row, reason=(row and row["reason"]) or "not measured")
    return Verdict(goal, figure >= least, row, figure=figure, unit=unit)


def _share(row: Row | None, of: float | None) -> float | None:
    return None if row is None or not of or row["objective"] is None else row["objective"] / of


def _over(row: Row | None, other: Row | None, field: str) -> float | None:
    if row is None or other is None or not other[field] or row[field] is None:
        return None
    return float(row[field] / other[field])


def _cover_small(found: Measured) -> list[Verdict]:
    exact = found.exact_objective()
    close, fast = found.reaching(0.999, exact), found.reaching(0.995, exact)
    apricot, submodlib = found.named("apricot lazy"), found.named("submodlib LazyGreedy")
    memory = _over(close, apricot, "peak_mb")
    return [
        faster(close, apricot, 8, "≥ 8× apricot at ≥ 0.999 of exact greedy"),
        faster(close, submodlib, 40, "≥ 40× submodlib at ≥ 0.999 of exact greedy"),
        at_most(close, memory, 0.25, "≤ ¼ of apricot's memory", "of its memory"),
        faster(fast, apricot, 40, "fast: ≥ 40× apricot at ≥ 0.995 of exact greedy"),
    ]


def _cover_middle(found: Measured) -> list[Verdict]:
    exact = found.exact_objective()
    row, passed = found.reaching(0.999, exact), found.named("one pass over all pairs")
    return [
        at_least(row, _share(row, exact), 0.999, "≥ 0.999 of exact greedy", "of exact greedy"),
        at_most(
            row, _over(row, passed, "seconds"), 4, "≤ 4 passes over all pairs at ≥ 0.999", "passes"
        ),
        at_most(row, row and row["peak_mb"], 1536, "≤ 1.5 GB", "MB"),
    ]


def _cover_large(found: Measured) -> list[Verdict]:
    best = found.best_objective()
    row, passed = found.reaching(0.995, best), found.named("float32 pass, computed")
    return [
        at_least(row, _share(row, best), 0.995, "≥ 0.995 of the best known", "of the best known"),
        at_most(
            row,
            _over(row, passed, "seconds"),
            0.02,
            "≤ 0.02 of a float32 pass at ≥ 0.995",
            "of a pass",
        ),
        at_most(row, row and row["peak_mb"], 5120, "≤ 5 GB", "MB"),
    ]


def seconds_at(rows: list[Row], recall: float) -> float | None:
    """Seconds at which a method's curve, straight in log seconds between points, reaches a recall.

    None where no point reaches it; the fastest point that does where none lies below.
    """
    points = sorted((row["recall"], row["seconds"]) for row in rows if row["recall"] is not None)
    above = [point for point in points if point[0] >= recall]
    below = [point for point in points if point[0] < recall]
    if not above:
        return None
    fastest = min(seconds for _, seconds in above)
    if not below:
        return fastest
    (low, slow), (high, quick) = below[-1], above[0]
    place = (recall - low) / (high - low)
    between = float(np.exp(np.log(slow) * (1 - place) + np.log(quick) * place))
    return min(fastest, between)


def _graph(found: Measured) -> list[Verdict]:
    goal = "≥ 3× the best of the peers at recall 0.95"
    ours = seconds_at(found.ours, 0.95)
    if ours is None:
        return [Verdict(goal, None, reason="no setting of ours reaches recall 0.95")]
    peers = {}
    for name in {row["method"] for row in found.rows if not row["ours"]}:
        rows = [row for row in found.rows if row["method"] == name]
        if (seconds := seconds_at(rows, 0.95)) is not None:
            peers[name] = {**rows[0], "seconds": seconds, "label": "recall 0.95"}
    best = min(peers.values(), key=lambda row: row["seconds"], default=None)
    return [faster({**found.ours[0], "seconds": ours, "label": "recall 0.95"}, best, 3, goal)]


def _volume(found: Measured) -> list[Verdict]:
    ours, chen = found.named("winnow log_determinant"), found.named("Chen et al., numpy")
    if found.work.data.n >= 1_000_000:
        seconds = ours and ours["seconds"]
        return [at_most(ours, seconds, MINUTES, f"finishes in {MINUTES / 60:.0f} minutes", "s")]
    times = 7 if found.work.data.n <= 10_000 else 20
    share = _over(ours, chen, "objective")
    return [
        faster(ours, chen, times, f"≥ {times}× Chen et al.'s numpy form"),
        at_least(ours, share, LIKE, f"equal log-determinant (≥ {LIKE}, see LIKE)", "of its value"),
    ]


def _centres(found: Measured) -> list[Verdict]:
    ours, loop = found.named("winnow k_center"), found.named("plain loop, pairwise distances")
    if found.work.data.n >= 1_000_000:
        seconds = ours and ours["seconds"]
        return [at_most(ours, seconds, MINUTES, f"finishes in {MINUTES / 60:.0f} minutes", "s")]
    plain = found.named("plain loop, products")
    known = bool(ours and plain and ours.get("picks") and plain.get("picks"))
    same = float(ours["picks"] == plain["picks"]) if ours and plain and known else None
    return [
        faster(ours, loop, 20, "≥ 20× the plain loop"),
        at_least(ours, same, 1.0, "identical picks to the plain loop", "identical"),
    ]


def _near(found: Measured) -> list[Verdict]:
    ours = found.named("winnow pairs")
    semdedup = [row for row in found.rows if row["method"] == "SemDeDup's method"]
    lower = [row for row in semdedup if ours and (row["recall"] or 0) < (ours["recall"] or 0)]
    peer = max(lower, key=lambda row: row["recall"], default=None)
    ranges = [row for row in found.rows if row["method"] == "faiss IVF range"]
    good = [row for row in ranges if (row["recall"] or 0) >= 0.98]
    fastest = min(good, key=lambda row: row["seconds"], default=found.named("faiss IVF range"))
    return [
        at_least(ours, ours and ours["recall"], 0.98, "recall ≥ 0.98", "recall"),
        faster(ours, peer, 1, "no more time than SemDeDup's method at lower recall"),
        faster(ours, fastest, 7, "≥ 7× faiss IVF at recall ≥ 0.98"),
    ]


def _texts(found: Measured) -> list[Verdict]:
    ours, peer = found.named("winnow deduplicate"), found.named("datasketch")
    equal = None if not (ours and peer and peer["recall"]) else ours["recall"] - peer["recall"]
    return [
        faster(ours, peer, 1 / 1.2, "≤ 1.2 times datasketch's time"),
        at_least(ours, equal, -0.001, "equal recall (within 0.001)", "more recall"),
    ]


def _growth(found: Measured) -> list[Verdict]:
    return []  # over several works: see `exponents`


CLAUSES: Final[dict[int, Callable[[Measured], list[Verdict]]]] = {
    1: _cover_small, 2: _cover_middle, 3: _cover_large, 4: _graph, 5: _volume, 6: _centres,
    7: _near, 8: _texts, 9: _growth,
}  # fmt: skip


def exponent(points: list[tuple[int, float]]) -> float | None:
    """Least-squares slope of log seconds over log n."""
    if len({n for n, _ in points}) < 2:
        return None
    size, seconds = np.log(np.array(points, dtype=np.float64)).T
    return float(np.polyfit(size, seconds, 1)[0])


def exponents(rows: Iterable[Row]) -> list[Verdict]:
    """Goal 9: growth of time in n from 50 k on, for each of our methods measured at several n."""
    found = []
    known = [row for row in rows if row["goal_number"] == 9 and row["seconds"] and row["ours"]]
    for method in sorted({row["method"] for row in known}):
        large = sorted(
            (row for row in known if row["method"] == method and row["n"] >= FROM_ROWS),
            key=lambda row: row["n"],
        )
        slope = exponent([(row["n"], row["seconds"]) for row in large])
        if slope is not None:
            most = 2.0 if "exact" in method else 1.4
            goal = f"time grows as n^{most} at most, {large[0]['n']:,} to {large[-1]['n']:,} rows"
            found.append(at_most(large[-1], slope, most, goal, "exponent"))
    return found
