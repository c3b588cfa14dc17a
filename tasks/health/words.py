"""Embedding health in words: the gate, its warnings, and what to make of whitening."""

from typing import Any, Final

from schemas.params import EmbedParams

LEAST_ROWS: Final = 50  # of fewer rows nothing is said
LEAST_FALL: Final = 0.2  # of hubness, as a share, that would be worth a change of space
CLOSE: Final = 0.3  # mean cosine from which rows crowd into a cone


def gate(found: dict[str, Any], params: EmbedParams) -> list[dict[str, Any]]:
    """Each condition of healthy vectors: name, value, limit, whether it holds, and words.

    The limits are ours, no paper's. Of fewer than LEAST_ROWS rows only finiteness is asked.
    """
    lines = [
        _line("finite", found["not_finite"], 0, found["not_finite"] == 0,
              "rows that hold a value that is no finite number"),
    ]  # fmt: skip
    if found["rows"] < LEAST_ROWS or found["effective_rank"] is None:
        return lines
    most = min(found["width"], found["rows"])
    rank, least = found["effective_rank"]["vendi_1"], params.least_effective_share * most
    even, limit = found["uniformity"], params.most_uniformity
    share, most_share = found["duplicates"]["share"], params.most_duplicate_share
    return [
        *lines,
        _line("effective rank", rank, least, rank >= least,
              f"directions that the rows use (Vendi score of order 1), of {most:,} possible"),
        _line("uniformity", even, limit, even <= limit,
              "how evenly rows are spread (0: all in one place)"),
        _line("duplicate vectors", share, most_share, share <= most_share,
              "share of rows whose vector another row has, bit for bit"),
    ]  # fmt: skip


def _line(name: str, value: float, limit: float, passed: bool, words: str) -> dict[str, Any]:
    return {"name": name, "value": value, "limit": round(limit, 6), "passed": passed,
            "words": words}  # fmt: skip


def warnings(lines: list[dict[str, Any]]) -> list[str]:
    """One sentence for each condition that does not hold."""
    return [
        f"{line['name']} is {line['value']:.4g}, the limit {line['limit']:.4g}: {line['words']}"
        for line in lines
        if not line["passed"]
    ]


def headline(found: dict[str, Any]) -> str:
    """The health of the vectors in one line."""
    rank = found["effective_rank"]
    if rank is None:
        return f"embedding health: no vectors of {found['rows']:,} rows to judge"
    dimension = found["intrinsic_dimension"]
    about = f", intrinsic dimension {dimension:.1f}" if dimension is not None else ""
    return (
        f"embedding health of {found['rows']:,} rows: effective rank {rank['vendi_1']:.1f} of "
        f"{found['width']}, mean cosine {found['mean_cosine']:.2f}, uniformity "
        f"{found['uniformity']:.2f}, hubness {found['hubness']['skewness']:.2f}, duplicates "
        f"{found['duplicates']['share']:.1%}{about}"
    )


def advice(found: dict[str, Any]) -> tuple[str, str]:
    """Whether to whiten ("whiten", "leave" or "unclear"), and why, from what was measured.

    Whitening is advised where hubness falls by LEAST_FALL or more and neighbours of the same
    source do not become fewer beyond chance; without two sources that cannot be told.
    """
    about = found["whitening"]
    if about is None:
        return "leave", "With a single row there is nothing to whiten."
    before, after, same = about["hubness_before"], about["hubness_after"], about["same_source"]
    told = (
        f"Measured on {found['sampled_rows']:,} rows: whitening would leave each row "
        f"{about['neighbours_kept']:.0%} of its 10 nearest, and take hubness from {before:.2f} to "
        f"{after:.2f}"
    )
    if same is not None:
        told += (
            f"; neighbours of the same source go from {same['before']:.1%} to {same['after']:.1%} "
            f"(± {same['reach']:.1%})"
        )
    if before <= 0 or after > (1 - LEAST_FALL) * before:
        return (
            "leave",
            f"{told}. Hubness hardly falls: leave the vectors as they are.",
        )
    if same is None:
        return "unclear", f"{told}. Whether the new neighbours are better cannot be told from this."
    if same["after"] < same["before"] - same["reach"]:
        return "leave", f"{told}. Fewer hubs, but worse neighbours: leave them as they are."
    return (
        "whiten",
        f"{told}. Fewer hubs and no worse neighbours: whitening is worth a trial.",
    )


def cone(found: dict[str, Any]) -> str:
    """A sentence where all rows point much the same way, else nothing."""
    if found["mean_cosine"] is None or found["mean_cosine"] <= CLOSE:
        return ""
    return (
        f"Two random rows have a cosine of {found['mean_cosine']:.2f} on average: read every "
        "cosine against that, not against 0."
    )
