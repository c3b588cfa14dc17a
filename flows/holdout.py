"""`winnow holdout`: what is left to ask of each held-out set, and what was answered."""

import json
from dataclasses import asdict, dataclass

from flows import repro
from flows.console import columns
from schemas.plain import plain
from tasks.holdout import Ledger
from tasks.holdout.checkout import ledger_of
from tasks.holdout.held_out import LEAST_ROWS, hoeffding_half_width
from tasks.paths import Paths
from tasks.stage import load_params


@dataclass(frozen=True)
class Budget:
    """A held-out set: its rows, questions answered, budget spent and left.

    `half_width` is Hoeffding's for so many questions asked in advance (`hoeffding_half_width`).
    """

    held_out: str
    name: str
    rows: int
    budget: int
    answered: int
    spent: int
    left: int
    half_width: float


def budgets(ledger: Ledger) -> list[Budget]:
    """Every set that was ever asked, in the order of the first question."""
    sets = {line.held_out: line for line in ledger.lines}
    found = []
    for digest, line in sets.items():
        budget = ledger.budget(digest) or 0
        answered, spent = ledger.given(digest), ledger.spent(digest)
        width = round(hoeffding_half_width(line.rows, answered), 4)
        left = max(0, budget - spent)
        found.append(Budget(digest, line.name, line.rows, budget, answered, spent, left, width))
    return found


def track_ledger(paths: Paths) -> None:
    """Hand the ledger to DVC, if there is one, and DVC knows this folder."""
    if paths.guard_ledger.exists() and (paths.root / ".dvc").is_dir():
        repro.track(paths.guard_ledger)


def tell(as_json: bool) -> str:
    """Unite the ledger's copies, have DVC track it, and tell what it holds."""
    paths = Paths()
    load_params(paths.params)  # no checkout? say so, and leave nothing here
    with ledger_of(paths) as ledger:
        known = budgets(ledger)
        lines = [asdict(line) for line in ledger.lines]
    track_ledger(paths)
    if as_json:
        sets = [asdict(one) for one in known]
        return json.dumps({"sets": sets, "answers": lines}, indent=2, ensure_ascii=False)
    return words(known)


def words(known: list[Budget]) -> str:
    """One line per set; what the figures mean below."""
    if not known:
        return "no held-out set was asked through a guard yet"
    table = [("set", "rows", "budget", "spent", "left", "answered", "±", "name")]
    table += [
        (one.held_out[:12], f"{one.rows:,}", f"{one.budget:,}", f"{one.spent:,}",
         f"{one.left:,}", f"{one.answered:,}", f"{one.half_width:.3f}", plain(one.name))
        for one in known
    ]  # fmt: skip
    text = [
        columns(table),
        "±: Hoeffding's half width (95 %) for as many questions, had none depended on an answer",
    ]
    small = [plain(one.name) for one in known if one.rows < LEAST_ROWS]
    if small:
        text.append(f"fewer than {LEAST_ROWS:,} rows, too few for a guard: {', '.join(small)}")
    return "\n".join(text)
