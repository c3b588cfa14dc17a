"""Greedy search where gains may rise: the exact argmax at every step, found by upper bounds."""

import numpy as np

from tasks.engine.admission import Admission
from tasks.engine.greedy import SLACK, accept_given
from tasks.engine.picked import BATCH
from tasks.engine.picking import NO_KEY, Keys, Rising, Searched, best_rows, finish_stopped
from tasks.engine.watch import Arrays, Watch


def rising_greedy(
    objective: Rising,
    admission: Admission,
    watch: Watch | None = None,
    per_cost: bool = True,
    phase: str = "search",
) -> Searched:
    """Add the admissible row of largest gain until the budget is spent, ties by index.

    A row's bound is its gain when last looked at, plus what it may have risen by since; a row is
    taken when it was looked at in this very step and no bound is above its gain. Looks at BATCH
    rows at a time. Time O(n) per look beside the objective's own. Returns what `lazy_greedy` does.
    """
    watch = watch or Watch()
    saved = watch.resume(phase)
    gains, keys = accept_given(objective, admission), Keys(admission, per_cost)
    n = len(admission.cost)
    if "value" in saved.state:
        value, since, shortfall = (saved.state[name] for name in ("value", "since", "shortfall"))
    else:
        value, since = objective.first_bounds(), np.full(n, len(gains))
        value = value + SLACK * np.abs(value) + 1e-12
        shortfall = np.full(n, np.inf)
    saved.replay(admission, objective.accept)
    gains += saved.state.get("gains", np.zeros(0)).tolist()
    lowest = min(gains[admission.given :], default=np.inf)
    fresh = np.zeros(n, dtype=bool)  # looked at since the last pick

    def bounds() -> np.ndarray:
        return np.asarray(value + (len(gains) - since) * objective.rises)

    def state() -> Arrays:
        own = np.array(gains[admission.given :])
        return {"value": value, "since": since, "shortfall": shortfall, "gains": own}

    while admission.free.any() and not admission.full and not watch.stop():
        bound = bounds()
        key = np.where(admission.free, keys.of(bound), NO_KEY)
        index = int(key.argmax())
        if not fresh[index]:
            look = best_rows(np.where(fresh, NO_KEY, key), BATCH)
            objective.prepare(look.tolist())
            shortfall[look] = np.minimum(shortfall[look], lowest - bound[look])
            value[look] = [objective.gain(row) for row in look.tolist()]
            since[look], fresh[look] = len(gains), True
        elif rule := admission.refusal(index):
            admission.close(index, rule)
        else:
            gains.append(float(np.round(value[index], keys.digits)))
            lowest = min(lowest, gains[-1])
            admission.take(index)
            objective.accept(index)
            fresh[:] = False
            watch.tell(admission, gains[-1], state)
    finish_stopped(objective, admission, watch, keys.of(bounds()), gains)
    return gains, bounds(), np.minimum(shortfall, lowest - bounds())
