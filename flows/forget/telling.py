"""A takedown in words."""

from collections import Counter

from flows.forget.search import Holders
from flows.takedowns import Takedown

SHOWN = 10


def words(record: Takedown, held: Holders, dry_run: bool) -> str:
    """What was found, removed, rebuilt; what is left to do by hand; what remains."""
    counts = Counter(each.where for each in held.found)
    lines = ["would be removed:" if dry_run else "removed:"]
    del counts["git history"]  # told below, with what to do
    lines += [f"  {count:>5} x {where}" for where, count in counts.items()]
    if record.runs:
        lines.append(f"runs and commits that lose files: {_some(record.runs)}")
    if not dry_run:
        lines.append(f"current artifacts rebuilt: {record.rebuilt}")
        lines.append(f"record, for git: {record.path} (commit it with params.yaml and dvc.lock)")
    if record.in_sources:
        lines.append(f"your files still hold it: {_some(record.in_sources)}")
    lines += ["to do by hand:", *(f"  {line}" for line in record.elsewhere)]
    if not dry_run:
        found = _some(record.remains) if record.remains else "nothing"
        lines.append(f"searched again, found: {found}")
    return "\n".join(lines)


def _some(values: list[str]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more
