"""The verdict on a source: add, add a little or leave out, by a stated rule on its numbers."""

from dataclasses import dataclass
from typing import Final, Literal

from tasks.sourcing.findings import Findings

Word = Literal["add", "add a little", "leave out", "too few rows to call"]


@dataclass(frozen=True)
class Rule:
    """Thresholds of the verdict; the first clause that holds decides.

    1. Fewer than `least_rows` rows on either side: too few rows to call.
    2. A share of `redundant_share` or more of its rows is in the pool already: leave out.
    3. Chance below `poor_quality` that its row beats one of the pool (upper end), and a gain below
       `useless` times that of random rows: leave out. Poor by the scorers alone is not enough:
       their rules are those for web pages, and short or odd rows that are wanted break them too.
    4. It gains clearly more coverage than random rows of the pool (p by Holm below `alpha`): add.
       Also where it gains not clearly less and at least `as_good` times as much, unless the pool
       has as large a share of such rows as the target file already.
    5. With a target file, less than `useless` times what random rows gain: leave out.
    6. Otherwise: add a little, at most `little_share` of the pool's rows.
    """

    least_rows: int = 100
    redundant_share: float = 0.9
    poor_quality: float = 0.25
    alpha: float = 0.05
    as_good: float = 0.8
    useless: float = 0.25
    little_share: float = 0.1


RULE: Final = Rule()


@dataclass(frozen=True)
class Verdict:
    """What to do with a source, how many of its rows to take at most, and why."""

    word: Word
    take: int
    why: str


def judge(found: Findings, pool_rows: int, with_target: bool, rule: Rule = RULE) -> Verdict:
    """Apply the rule to one source; `pool_rows` is the size of the pool without it."""
    gain, new = found.gain, round(found.rows * (1 - found.known_share))
    if min(found.sampled, found.target_rows) < rule.least_rows or gain is None:
        few = (
            f"{min(found.sampled, found.target_rows):,} rows to go by, fewer than {rule.least_rows}"
        )
        return Verdict("too few rows to call", 0, few)
    if found.known_share >= rule.redundant_share:
        return Verdict(
            "leave out", 0, f"{found.known_share:.0%} of its rows are in the pool already"
        )
    worth = gain.ratio if gain.ratio is not None else 0.0
    if found.quality_high < rule.poor_quality and worth < rule.useless:
        poor = f"one of its rows beats one of the pool with chance {found.quality:.2f}"
        return Verdict("leave out", 0, f"poor, and of little use to the target: {poor}")
    words = f"{gain.rows:,} of its rows bring the target {worth:.2f} times as much as random rows"
    little = min(new, round(rule.little_share * pool_rows))
    most = max(little, min(new, _share_cap(found, pool_rows))) if with_target else new
    wanted = not with_target or found.of_target > found.of_pool
    clear = found.gain_p_holm < rule.alpha
    if clear and gain.difference > 0:
        return Verdict("add", most, f"{words}, clearly more")
    if not clear and worth >= rule.as_good and wanted:
        return Verdict("add", most, f"{words}: as good as more of the pool")
    if with_target and worth < rule.useless:
        return Verdict("leave out", 0, f"{words}: the target has little use for it")
    unsure = "" if with_target else "; whether that is wanted, only a --target can say"
    if not wanted:
        unsure = (f"; the pool has such rows already (at most {found.of_pool:.0%} of it, of the "
                  f"target {found.of_target:.0%})")  # fmt: skip
    return Verdict("add a little", little, f"{words}{unsure}")


def _share_cap(found: Findings, pool_rows: int) -> int:
    """Rows that give such rows the share of the pool that they have of the target, at most."""
    missing = found.of_target - found.of_pool
    return (
        found.rows if found.of_target >= 1 else round(missing / (1 - found.of_target) * pool_rows)
    )
