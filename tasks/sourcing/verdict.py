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
    3. Chance below `poor_quality` that its row beats one of the pool (upper end): leave out.
    4. It gains clearly more coverage than random rows of the pool (p by Holm below `alpha`), or
       not clearly less and at least `as_good` times as much: add.
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
    if found.quality_high < rule.poor_quality:
        poor = f"one of its rows beats one of the pool with chance {found.quality:.2f}"
        return Verdict("leave out", 0, f"poor: {poor}, at most {found.quality_high:.2f}")
    worth = gain.ratio if gain.ratio is not None else 0.0
    words = f"{gain.rows:,} of its rows bring the target {worth:.2f} times as much as random rows"
    most = min(new, _share_cap(found, pool_rows)) if with_target else new
    clear = found.gain_p_holm < rule.alpha
    if clear and gain.difference > 0:
        return Verdict("add", most, f"{words}, clearly more")
    if not clear and worth >= rule.as_good:
        return Verdict("add", most, f"{words}: as good as more of the pool")
    if with_target and worth < rule.useless:
        return Verdict("leave out", 0, f"{words}: the target has little use for it")
    little = min(most, round(rule.little_share * pool_rows))
    unsure = "" if with_target else "; whether that is wanted, only a --target can say"
    return Verdict("add a little", little, f"{words}{unsure}")


def _share_cap(found: Findings, pool_rows: int) -> int:
    """Rows at which the source has the share of the pool that it has of the target, at most."""
    share = found.of_target
    return found.rows if share >= 1 else round(share / (1 - share) * pool_rows)
