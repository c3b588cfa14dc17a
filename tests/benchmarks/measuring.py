"""Run the works: methods in turn, again and again, and turn the runs into rows."""

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.benchmarks.goals import Verdict, exponents, verdicts
from tests.benchmarks.inputs import Missing
from tests.benchmarks.plan import GROWTH, OFF_NOTE, Method, Work
from tests.benchmarks.record import Identity, Lines, row_of
from tests.benchmarks.watch import Outcome, watched
from tests.benchmarks.worker import Spec

RUNS: Final = ((20.0, 5), (120.0, 3), (float("inf"), 1))  # seconds of a run below which: runs
START_S: Final = 4.0  # for the time left: a process, its imports and its small run
Row = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """Where results go, what a run may take, and what of earlier runs counts."""

    artifacts: Path
    threads: int
    memory_mb: int
    again: bool = False
    keep_peers: bool = False
    most_runs: int = 5


class Bench:
    """All works that were asked for, with what is known of them from earlier runs."""

    def __init__(self, works: list[Work], options: Options) -> None:
        self.works, self.options = works, options
        self.identity = Identity.here(options.threads, options.memory_mb)
        self.runs = Lines(options.artifacts / "bench-runs.jsonl")
        self.rows = Lines(options.artifacts / "bench.jsonl")
        self.old = 0 if not options.again else len(self.runs.rows)
        self.started, self.count = time.monotonic(), 0

    def run(self) -> list[Row]:
        """Measure what is not known yet; returns the rows of all works, earlier ones too."""
        found: list[Row] = []
        for work in self.works:
            try:
                data = work.data.made(self.options.artifacts / "bench-data")
            except Missing as error:
                found += [self._failed(work, method, str(error)) for method in work.methods]
                continue
            for method, turn in self._turns(work):
                self._measure(work, method, turn, data)
            measured = self.measured(work)
            found += measured + list(self.judged(work, measured))
        found += self._growth(found)
        for row in found:
            if row not in self.rows.rows:
                self.rows.add(row)
        return found

    def _turns(self, work: Work) -> Iterator[tuple[Method, int]]:
        """What is still to be run, one method after the other, until each has its runs."""
        for turn in range(self.options.most_runs):
            for method in work.methods:
                known = self.known(work, method)
                if turn == len(known) < self.wanted(known):
                    yield method, turn

    def known(self, work: Work, method: Method) -> list[Row]:
        """Runs of this method in this state of code and versions, in this comparison."""
        key, session = self.identity.key(work, method), self.session(work)
        apart = work.goal == 9 or (self.options.keep_peers and not method.ours)
        return [
            run
            for run in self.runs.rows[self.old :]
            if run["key"] == key and (apart or run["session"] == session)
        ]

    def wanted(self, known: list[Row]) -> int:
        """How many runs a method gets: fewer if they are long, one if it fails."""
        if not known:
            return self.options.most_runs
        if known[0]["reason"] or not known[0]["points"]:
            return 1
        seconds = sum(point["seconds"] for point in known[0]["points"])
        return min(self.options.most_runs, next(runs for most, runs in RUNS if seconds < most))

    def session(self, work: Work) -> str:
        """Names the state of everything compared in a work, so that all of it is run together."""
        keys = [self.identity.key(work, method) for method in work.methods]
        return sha256("".join(keys).encode()).hexdigest()[:12]

    def _measure(self, work: Work, method: Method, turn: int, data: Path) -> None:
        left = self._left()
        spec = Spec(
            method.call,
            method.settings,
            method.subject or work.subject,
            str(data.resolve()),
            work.k,
            self.options.threads,
            self.options.memory_mb,
        )
        outcome = watched(spec, method.limit_s, method.environment)
        self.count += 1
        self.runs.add(
            {
                "key": self.identity.key(work, method),
                "session": self.session(work),
                "at": round(time.time()),
                "work": work.key,
                "method": method.name,
                **asdict(outcome),
            }
        )
        sys.stderr.write(
            f"goal {work.goal} · {work.title} · {work.data.name} · {method.name}, run {turn + 1}: "
            f"{_said(outcome)} · {left}\n"
        )

    def _left(self) -> str:
        """The time that what is left will take, as far as it is known."""
        seconds = 0.0
        for work in self.works:
            for method in work.methods:
                known = self.known(work, method)
                points = known[0]["points"] if known else []
                each = sum(point["seconds"] for point in points) if points else guess(method)
                seconds += max(0, self.wanted(known) - len(known)) * (each + START_S)
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else "about a minute left"

    def measured(self, work: Work) -> list[Row]:
        """One row per method and setting: medians over its runs, and the most memory."""
        rows = []
        for method in work.methods:
            runs = self.known(work, method)
            labels = dict.fromkeys(point["label"] for run in runs for point in run["points"])
            rows += [self._row(work, method, runs, label) for label in labels]
            reason = next((run["reason"] for run in runs if run["reason"]), "")
            if reason:
                rows.append(self._failed(work, method, reason))
        return rows

    def _row(self, work: Work, method: Method, runs: list[Row], label: str) -> Row:
        points = [point for run in runs for point in run["points"] if point["label"] == label]
        facts = points[0]["facts"]
        return row_of(
            "measurement",
            work,
            self.identity,
            **self._about(work, method),
            label=label,
            seconds=round(median(point["seconds"] for point in points), 4),
            peak_mb=round(max(run["peak_mb"] for run in runs), 1),
            peak_rss_mb=round(max(run["peak_rss_mb"] for run in runs), 1),
            reps=len(points),
            versions=runs[0]["versions"],
            **{"objective": None, "recall": None, **facts},
        )

    def _about(self, work: Work, method: Method) -> Row:
        about = {"method": method.name, "ours": method.ours, "bf16": method.units}
        return {**about, "code": self.identity.code_of(method), "at": self._at(work)}

    def _at(self, work: Work) -> int:
        """When the last run of a work ended (Unix time): the rows of one comparison share it."""
        runs = [run for method in work.methods for run in self.known(work, method)]
        return max((run["at"] for run in runs), default=0)

    def _failed(self, work: Work, method: Method, reason: str) -> Row:
        about = self._about(work, method)
        return row_of("measurement", work, self.identity, **about, reason=reason, reps=0)

    def judged(self, work: Work, measured: list[Row]) -> Iterator[Row]:
        """Write shares of the best objective into the rows; yield a row per clause of the goal."""
        best = max((r["objective"] for r in measured if r["objective"] is not None), default=None)
        for row in measured:
            if best and row["objective"] is not None:
                row["share"] = round(row["objective"] / best, 6)
        for units, verdict in verdicts(work, measured):
            yield self._verdict(work, verdict, units, self._at(work))

    def _growth(self, rows: list[Row]) -> list[Row]:
        """Goal 9: exponents over the works of several sizes."""
        found = exponents(rows)
        parts = [work for work in self.works if work.goal == 9]
        at = max((self._at(work) for work in parts), default=0)
        return [self._verdict(replace(parts[-1], title=GROWTH), each, True, at) for each in found]

    def _verdict(self, work: Work, verdict: Verdict, units: bool, at: int) -> Row:
        ours, peer = verdict.row or {}, verdict.peer or {}
        pair = ours.get("seconds") and peer.get("seconds")
        same = ("label", "seconds", "peak_mb", "peak_rss_mb", "share", "objective", "recall")
        also = ("reps", "code", "versions")
        return row_of(
            "goal",
            work,
            self.identity,
            **{name: ours.get(name) for name in same + also},
            method=ours.get("method", "winnow" + ("" if units else OFF_NOTE)),
            ours=True,
            bf16=units,
            at=at,
            peer=peer.get("method"),
            peer_seconds=peer.get("seconds"),
            ratio=round(peer["seconds"] / ours["seconds"], 3) if pair else None,
            figure=None if verdict.figure is None else round(verdict.figure, 5),
            unit=verdict.unit or None,
            goal=verdict.goal,
            met=verdict.met,
            reason=verdict.reason or None,
        )


def guess(method: Method) -> float:
    """Seconds of a run that was never done: a tenth of what it is allowed."""
    return method.limit_s / 10


def _said(outcome: Outcome) -> str:
    done = ", ".join(
        f"{point['label']} {point['seconds']:.2f} s".strip() for point in outcome.points
    )
    memory = f", {outcome.peak_mb:,.0f} MB" if outcome.points else ""
    return "; ".join(part for part in (done + memory, outcome.reason) if part)
