"""Weighed sources in words, for a terminal."""

from schemas.plain import plain
from tasks.sourcing.findings import Findings
from tasks.sourcing.verdict import Verdict
from tasks.sourcing.weigh import Weighed


def in_words(found: Weighed) -> str:
    """Every source with its verdict and the numbers behind it, then how to read them."""
    lines = [f"{found.pool_rows:,} rows in the pool; target: {plain(found.target)}"]
    for findings, verdict in found.sources:
        lines += ["", *_told(findings, verdict, found.settings.redundant_cosine)]
    if found.unjudged:
        lines += ["", f"not judged: {found.unjudged:,} rows of smaller sources"]
    return "\n".join([*lines, "", *notes(found)])


def _told(one: Findings, verdict: Verdict, cosine: float) -> list[str]:
    take = f", at most {verdict.take:,} rows" if verdict.take else ""
    kind = "" if one.kind == "pool" else " (candidate)"
    words = one.vocabulary
    size = f"  rows {one.rows:,}, looked at {one.sampled:,}"
    size += f", {one.refused:,} of {one.records:,} records refused" if one.refused else ""
    lines = [
        f"{plain(one.name)}{kind}: {verdict.word}{take}",
        f"  why: {verdict.why}",
        size,
        f"  shift: AUC {one.auc:.3f} ({one.auc_low:.3f} to {one.auc_high:.3f}), discrepancy "
        f"{one.mmd:.4f} (p {one.mmd_p:.3f}, by Holm {one.mmd_p_holm:.3f}), new words "
        f"{words.unseen:.1%} (target's own {words.home_unseen:.1%}), word divergence "
        f"{words.divergence:.3f} bits (own {words.home_divergence:.3f})",
    ]
    if one.gain:
        gain = one.gain
        lines.append(
            f"  coverage: {gain.rows:,} rows gain {gain.source:.5f} in cosine, random rows of the "
            f"pool {gain.random:.5f}; difference {gain.difference:+.5f} ({gain.low:+.5f} to "
            f"{gain.high:+.5f}, p by Holm {one.gain_p_holm:.3f})"
        )
    return [
        *lines,
        f"  redundancy: {one.redundant:.1%} of rows at cosine {cosine:g} or closer to the pool, "
        f"{one.known_share:.1%} in it already, word for word or nearly",
        f"  quality: beats a row of the pool with chance {one.quality:.3f} "
        f"({one.quality_low:.3f} to {one.quality_high:.3f})",
        f"  share: at most {one.like_target:.0%} of it is like the target, at most "
        f"{one.of_target:.0%} of the target and {one.of_pool:.0%} of the pool are like it",
    ]


def notes(found: Weighed) -> list[str]:
    """How to read the numbers: samples, intervals, comparisons, the rule."""
    rule, settings = found.rule, found.settings
    return [
        f"Samples of at most {settings.rows:,} rows by hash of content, seed {settings.seed}. "
        f"Intervals are 95 % for each source by itself; p by Holm allows for all "
        f"{len(found.sources)} sources.",
        f"Rule: fewer than {rule.least_rows} rows: no call. Leave out from "
        f"{rule.redundant_share:.0%} known rows, or where a row beats one of the pool with chance "
        f"below {rule.poor_quality:g} and gains less than {rule.useless:g} times what random rows "
        f"do. Add where rows gain clearly more coverage than random rows of the pool (p by Holm < "
        f"{rule.alpha:g}), or not clearly less and at least {rule.as_good:g} times as much and the "
        f"target has a larger share of them. With --target, leave out below {rule.useless:g} "
        f"times. Else add a little: at most {rule.little_share:.0%} of the pool's rows.",
        "A prediction from distances, necessary and not sufficient: `winnow prove` trains on it.",
    ]
