"""How the rows of a pool and of its subsets are spread over groups."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from tasks.metrics.compare import DECIMALS, Subset
from tasks.metrics.rows import Rows

MOST_GROUPS: Final = 30  # groups listed one by one; the others are added up


def group_facts(
    rows: Rows, names: Sequence[str], subsets: Sequence[Subset]
) -> dict[str, list[dict[str, Any]] | int]:
    """Rows and shares per group: pool, selection and the mean share over each control's draws.

    Largest groups first; beyond `MOST_GROUPS` they are added up in a last line.
    """
    counts = {
        subset.name: np.mean(
            [np.bincount(rows.group[draw], minlength=rows.groups) for draw in subset.draws], axis=0
        )
        for subset in subsets
    }
    order = [int(group) for group in np.lexsort((np.arange(rows.groups), -counts["pool"]))]
    order = [group for group in order if counts["pool"][group]]
    lines = [([group], names[group]) for group in order[:MOST_GROUPS]]
    rest = order[MOST_GROUPS:]
    if rest:
        lines.append((rest, f"{len(rest)} other groups"))
    return {
        "group_shares": [_group_line(label, members, counts) for members, label in lines],
        "groups_joined": len(rest),
    }


def _group_line(label: str, members: list[int], counts: dict[str, np.ndarray]) -> dict[str, Any]:
    shares = {
        name: round(float(count[members].sum() / count.sum()), DECIMALS)
        for name, count in counts.items()
    }
    return {
        "group": label,
        "pool_rows": int(counts["pool"][members].sum()),
        "kept_rows": int(counts["selected"][members].sum()),
        "pool_share": shares.pop("pool"),
        **shares,
    }
