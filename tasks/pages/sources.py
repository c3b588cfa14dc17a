"""The page of weighed sources: verdicts, bars with intervals, and every number."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from tasks.pages.interval_figure import Difference, differences, height
from tasks.pages.plot import Figure
from tasks.pages.render import render_sources
from tasks.pages.text import cut, for_plot, number
from tasks.sourcing.findings import Findings
from tasks.sourcing.telling import notes
from tasks.sourcing.weigh import Weighed

NAME_CHARS: Final = 60
LABELS: Final = (
    "Rows", "Looked at", "AUC", "Discrepancy", "p by Holm", "New words (own)",
    "Word divergence, bits (own)", "Gain / random", "Near the pool", "In the pool already",
    "Quality", "Like the target, at most", "Of the target, at most", "Of the pool, at most",
)  # fmt: skip
Bar = Callable[[Findings], tuple[float, float, float] | None]  # value, low, high, around 0


def sources_page(found: Weighed) -> str:
    """Render the page; it loads nothing, and names of sources are made plain and escaped."""
    words = Counter(verdict.word for _, verdict in found.sources)
    return render_sources({
        "headline": "; ".join(f"{count} × {word}" for word, count in sorted(words.items())),
        "pool_rows": f"{found.pool_rows:,}",
        "target": cut(found.target, NAME_CHARS),
        "verdicts": [
            (_name(one), "" if one.kind == "pool" else one.kind, verdict.word,
             f"{verdict.take:,}", cut(verdict.why, 300))
            for one, verdict in found.sources
        ],
        "figures": [
            _figure("gain", "Coverage gained", "Largest cosine of a target row, mean rise by rows "
                    "of the source less that by as many random rows of the pool, times 1,000. "
                    "Right: the source brings more.", found, _gain),
            _figure("quality", "Quality", "Chance that a row is better than one of the pool, less "
                    "0.5. Right: better.", found, lambda one: _around_half(
                        one.quality, one.quality_low, one.quality_high)),
            _figure("shift", "Shift", "AUC of a classifier that tells source from target, less "
                    "0.5. Right: easier to tell apart.", found, lambda one: _around_half(
                        one.auc, one.auc_low, one.auc_high)),
        ],
        "labels": LABELS,
        "numbers": [(_name(one), _numbers(one)) for one, _ in found.sources],
        "notes": notes(found),
    })  # fmt: skip


def _name(one: Findings) -> str:
    return cut(one.name, NAME_CHARS)


def _figure(name: str, title: str, caption: str, found: Weighed, bar: Bar) -> Figure:
    drawn = [
        Difference(
            for_plot(_name(one)),
            value[0],
            (value[2] - value[1]) / 2,
            not value[1] <= 0 <= value[2],
            for_plot(f"{_name(one)}: {number(value[0])} "
                     f"({number(value[1])} to {number(value[2])})"),
        )
        for one, _ in found.sources
        if (value := bar(one)) is not None
    ]  # fmt: skip
    return Figure(name, title, caption, height(drawn), differences(drawn))


def _gain(one: Findings) -> tuple[float, float, float] | None:
    gain = one.gain
    return (gain.difference * 1000, gain.low * 1000, gain.high * 1000) if gain else None


def _around_half(value: float, low: float, high: float) -> tuple[float, float, float]:
    return value - 0.5, low - 0.5, high - 0.5


def _numbers(one: Findings) -> list[str]:
    words, ratio = one.vocabulary, one.gain and one.gain.ratio
    return [
        f"{one.rows:,}", f"{one.sampled:,}", f"{one.auc:.3f}", f"{one.mmd:.4f}",
        f"{one.mmd_p_holm:.3f}", f"{words.unseen:.1%} ({words.home_unseen:.1%})",
        f"{words.divergence:.3f} ({words.home_divergence:.3f})",
        "none" if ratio is None else f"{ratio:.2f}", f"{one.redundant:.1%}",
        f"{one.known_share:.1%}", f"{one.quality:.3f}", f"{one.like_target:.0%}",
        f"{one.of_target:.0%}", f"{one.of_pool:.0%}",
    ]  # fmt: skip
