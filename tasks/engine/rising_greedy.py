"""Greedy search where gains may rise: the exact argmax at every step, found by upper bounds."""

import numpy as np

from tasks.engine.columns import BATCH
from tasks.engine.constraints import Admission
from tasks.engine.greedy import SLACK, Progress
from tasks.engine.picking import Found, Keys, Rising, best_rows, take_included


def rising_greedy(objective: Rising, admission: Admission) -> Found:
    """Add the admissible row of largest gain until the budget is spent, ties by index.

    A row's bound is its gain when last looked at, plus what it may have risen by since; a row is
    taken when it was looked at in this very step and no bound is above its gain. Looks at BATCH
    rows at a time. Time O(n) per look beside the objective's own; in tokens by gain per token.
    """
    gains, progress = take_included(objective, admission), Progress(admission)
    keys = Keys(admission)
    value = objective.first_bounds()
    value += SLACK * np.abs(value) + 1e-12
    rises = np.broadcast_to(objective.rises, value.shape)
    since = np.full(len(value), len(gains))  # picks when the value was found
    fresh = np.zeros(len(value), dtype=bool)
    lowest, shortfall = np.inf, np.full(len(value), np.inf)
    while not admission.full and admission.free.any():
        bound = value + (len(gains) - since) * rises
        key = np.where(admission.free, keys.of(bound, slice(None)), -np.inf)
        index = int(key.argmax())
        rule = admission.refusal(index)
        if rule:
            admission.close(index, rule)
        elif fresh[index]:
            gains.append(float(np.round(value[index], keys.digits)))
            lowest = min(lowest, gains[-1])
            admission.take(index)
            objective.accept(index)
            fresh[:] = False
            progress.tell(gains[-1])
        else:
            look = best_rows(np.where(fresh, -np.inf, key), BATCH)
            objective.prepare(look.tolist())
            shortfall[look] = np.minimum(shortfall[look], lowest - bound[look])
            value[look] = [objective.gain(int(row)) for row in look]
            since[look], fresh[look] = len(gains), True
    admission.close_rest()
    final = value + (len(gains) - since) * rises
    return Found(gains, final, True, np.minimum(shortfall, lowest - final))
