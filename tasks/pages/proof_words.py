"""A proof's numbers in plain words: differences, verdicts, traps."""

from typing import Any, Final

POINTS: Final = ("accuracy", "rank correlation")  # units told in hundredths, as points
NAMES: Final = {
    "default": "Winnow's default",
    "uniform": "Uniform",
    "rs2": "RS2 (fresh rows each pass)",
    "full": "Full pool",
    "stratified": "Stratified",
    "top_quality": "Top quality",
    "bottom_quality": "Bottom quality",
    "diversity_only": "Diversity only",
}


def method_name(method: str) -> str:
    """What the page calls a method."""
    return NAMES.get(method, method.replace("_", " ").capitalize())


def consumer_name(consumer: str) -> str:
    """What the page calls a consumer."""
    return consumer.replace("_", " ").capitalize()


def budget_name(share: float) -> str:
    """A share of the pool as a percentage."""
    return f"{100 * share:g} %"


def amount(value: float, unit: str) -> str:
    """A difference without its sign, in points where the unit is a share."""
    return f"{100 * value:.1f}" if unit in POINTS else f"{value:.3f}"


def signed(value: float, unit: str) -> str:
    """The same with its sign, a true minus; what rounds to nothing has none."""
    shown = amount(abs(value), unit)
    if not float(shown):
        return shown
    return f"{'−' if value < 0 else '+'}{shown}"


def unit_name(unit: str) -> str:
    """The unit of a difference."""
    return "points" if unit in POINTS else unit


def difference(row: dict[str, Any]) -> str:
    """A line of the table in words: `better than uniform by 2.1 points [1.3, 2.9]`.

    The interval is that of the gain, so that above 0 is better whatever the unit.
    """
    unit, sign = row["unit"], 1.0 if row["better"] == "higher" else -1.0
    gain, low, high = sign * row["delta"], *sorted((sign * row["low"], sign * row["high"]))
    if row["verdict"] in ("better", "worse"):
        ends = (low, high) if row["verdict"] == "better" else (-high, -low)
        between = ", ".join(signed(end, unit).removeprefix("+") for end in ends)
        by = f"{amount(abs(gain), unit)} {unit_name(unit)} [{between}]"
        return f"{row['verdict']} than uniform by {by}"
    between = f"[{signed(low, unit)}, {signed(high, unit)}]"
    told = f"gain {signed(gain, unit)} {unit_name(unit)} {between}"
    if row["verdict"] == "reference":
        return "the reference" if row["method"] == "uniform" else f"reference: {told}"
    return f"not told apart: {told}"


def answer(summaries: list[dict[str, Any]], method: str = "default") -> str:
    """How a method does against uniform over the whole table, counted by verdict."""
    verdicts = [row["verdict"] for row in summaries if row["method"] == method]
    if not verdicts:
        return f"{method_name(method)} was not among the methods."
    counted = ", ".join(
        f"{words} in {verdicts.count(verdict)}"
        for verdict, words in (
            ("better", "better than a uniform choice"),
            ("worse", "worse"),
            ("not told apart", "not told apart"),
        )
    )
    return f"{method_name(method)} is {counted} of {len(verdicts)} comparisons."


def trap(curve: dict[str, Any], bins: int) -> str:
    """What a curve over quality bins says of the quality score."""
    unit = curve["unit"]
    ends = ", ".join(signed(curve[end], unit) for end in ("gain_low", "gain_high"))
    by = f"{signed(curve['gain'], unit)} {unit_name(unit)} [{ends}]"
    if curve["trap"]:
        return (
            f"Not monotone: bin {curve['best'] + 1} of {bins} beats the top bin by {by}, "
            f"Holm-adjusted p = {curve['p_adjusted']:.2g} over the {bins - 1} lower bins."
        )
    return (
        f"No lower bin is told apart as better than the top one; the nearest, bin "
        f"{curve['best'] + 1} of {bins}: {by}."
    )
