"""An estimate in words or as data, and what of it lies above the limits."""

import json
from typing import Any, Final

from flows.console import columns
from flows.estimate.limits import Limits
from schemas.errors import WinnowError
from tasks.forecast import Range
from tasks.outlook import Outlook

GIB: Final = 2**30
MIB_OF_GIB: Final = 1024


def above(found: Outlook, limits: Limits) -> list[str]:
    """The limits that the estimate's middle lies above, in words."""
    pairs = [
        ("time", "minutes", found.seconds, 60.0, limits.max_minutes, "--max-minutes"),
        ("memory", "GB", found.peak_mb, MIB_OF_GIB, limits.max_memory_gb, "--max-memory-gb"),
        ("disk", "GB", found.disk_bytes, GIB, limits.max_disk_gb, "--max-disk-gb"),
    ]
    return [
        f"{what}: about {value.middle / unit:.3g} {name} "
        f"({value.low / unit:.3g} to {value.high / unit:.3g}), allowed {limit:g} ({option})"
        for what, name, value, unit, limit, option in pairs
        if limit and value.middle > limit * unit
    ]


def refuse_above(found: Outlook, limits: Limits) -> None:
    """Raise `WinnowError` naming every limit that the run would break, and what takes most."""
    broken = above(found, limits)
    if not broken:
        return
    longest = max((s for s in found.stages if s.runs), key=lambda s: s.seconds.middle, default=None)
    where = (
        f"most time goes to {longest.stage}: about {duration(longest.seconds.middle)} "
        f"({longest.basis})" if longest else ""
    )  # fmt: skip
    raise WinnowError(
        "the run would take more than is allowed:\n    " + "\n    ".join(broken),
        where=where,
        remedy="raise the limit, or give the run less to do: fewer sources, a faster embed.model, "
        "choose.time_limit_seconds; `winnow estimate` shows every stage",
    )


def as_text(found: Outlook, errors: str = "") -> str:
    """Sizes, a line per stage, totals and how sure they are."""
    size = {name: amount(value) for name, value in found.sizes.items()}
    lines = [("stage", "runs", "seconds", "90 % interval", "peak MB", "on", "from")]
    for s in found.stages:
        on = f"{s.units:,.0f} {s.unit.replace('_', ' ')}"
        lines.append(
            (s.stage, "yes" if s.runs else "no", f"{s.seconds.middle:,.1f}",
             f"{s.seconds.low:,.1f} to {s.seconds.high:,.1f}", f"{s.peak_mb.middle:,.0f}", on,
             s.basis)
        )  # fmt: skip
    held = found.known
    probed = f"; the model was tried on {held.probe[0]:,.0f} tokens" if held.probe else ""
    total = found.seconds
    return "\n".join(
        [
            f"records {size['records']}, documents {size['documents']}, tokens {size['tokens']}",
            f"to embed: {size['encoded_rows']} rows ({held.basis}: {held.share:.0%} known{probed})",
            "",
            columns(lines),
            "",
            f"time: about {duration(total.middle)} "
            f"({duration(total.low)} to {duration(total.high)}); stages marked `no` are unchanged",
            f"memory: about {_size(found.peak_mb, MIB_OF_GIB)}",
            f"disk: about {_size(found.disk_bytes, GIB)}: "
            + ", ".join(f"{name} {value.middle / GIB:.3g}" for name, value in found.disk.items()),
            *([errors] if errors else []),
        ]
    )


def as_json(found: Outlook, limits: Limits, errors: list[dict[str, Any]]) -> str:
    """The same as one JSON object."""
    data = {
        "sizes": {name: value.__dict__ for name, value in found.sizes.items()},
        "stages": [
            {"stage": s.stage, "runs": s.runs, "units": s.units, "unit": s.unit, "basis": s.basis,
             "seconds": s.seconds.__dict__, "peak_mb": s.peak_mb.__dict__}
            for s in found.stages
        ],
        "disk_bytes": {name: value.__dict__ for name, value in found.disk.items()},
        "total": {"seconds": found.seconds.__dict__, "peak_mb": found.peak_mb.__dict__,
                  "disk_bytes": found.disk_bytes.__dict__},
        "known_share": found.known.share,
        "known_basis": found.known.basis,
        "above_limits": above(found, limits),
        "past_errors": errors,
    }  # fmt: skip
    return json.dumps(data, indent=2)


def amount(value: Range) -> str:
    """A size, with its interval unless it was counted."""
    if value.high <= value.low * 1.005:
        return f"{value.middle:,.0f}"
    return f"about {value.middle:,.0f} ({value.low:,.0f} to {value.high:,.0f})"


def duration(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(value: Range, unit: float) -> str:
    return f"{value.middle / unit:.3g} GB ({value.low / unit:.3g} to {value.high / unit:.3g})"
