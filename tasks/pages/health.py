"""The page's section on the embeddings: whether they are fit for distances, in plain words."""

from typing import Any

from tasks.pages.plot import Figure, axis, layout, spec
from tasks.pages.text import number

BARS = 60  # of the histogram, at most


def health_section(found: dict[str, Any]) -> dict[str, Any]:
    """What health.json says: a verdict, a table of measures and two pictures."""
    return {
        "health_warnings": found["warnings"],
        "health_verdict": _verdict(found),
        "health_advice": found["advice"]["words"],
        "health_cone": found["cone"],
        "health_table": _table(found),
        "health_figures": [_spectrum(found), _hubs(found)] if found["effective_rank"] else [],
    }


def _verdict(found: dict[str, Any]) -> str:
    count = len(found["warnings"])
    if count:
        named = "a limit is" if count == 1 else f"{count} limits are"
        return f"Read the distances on this page with care: {named} not held to."
    if len(found["gate"]) == 1:
        return f"{found['rows']:,} rows are too few to judge the embeddings by."
    return "The embeddings hold to every limit: distances between them can be read."


def _table(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(measure, value, in plain words), what could not be measured left out."""
    rank, hubs, whole = found["effective_rank"], found["hubness"], found["duplicates"]
    if rank is None:
        return []
    dimension, angles, length = found["intrinsic_dimension"], found["coherence"], found["length"]
    lines = [
        ("Effective rank, Vendi score", f"{number(rank['vendi_1'])} of {found['width']}",
         "directions that the rows use about equally; far fewer means that they all look alike"),
        ("… by participation ratio", number(rank["participation"]),
         "the same, with more weight on the commonest directions"),
        ("… by singular values (RankMe)", number(rank["singular_values"]),
         "the same, with more weight on rare directions"),
        ("… of centred rows, Vendi score", number(rank["centred_vendi_1"]),
         "the same, after taking away what all rows share"),
        ("Largest share of one direction", f"{rank['first_direction_share']:.1%}",
         "how much of every row is the same"),
        ("Mean cosine", number(found["mean_cosine"]), "of two random rows; above 0.3 rows crowd "
         "into a cone and every cosine is inflated"),
        ("Uniformity", f"{number(found['uniformity'])} (ideal {number(found['ideal_uniformity'])})",
         "0 if all rows lie in one place, lower the more evenly they are spread"),
        ("Lengths", f"{number(length['least'])} to {number(length['largest'])}",
         "of the stored vectors; 1 is what cosines need"),
        ("Hubness", f"{number(hubs['skewness'])} (skewness)",
         "above 1, a few rows are neighbours of very many others; here the largest hub is among "
         f"the {hubs['neighbours']} nearest of {hubs['largest']:,} rows, and "
         f"{hubs['never_share']:.1%} of rows are nobody's neighbour"),
        ("Duplicate vectors", f"{whole['rows']:,} ({whole['share']:.1%})",
         "rows whose vector another row has, bit for bit"),
    ]  # fmt: skip
    if (moved := found["alignment"]) is not None and moved["changed"] is not None:
        both = f"{number(moved['changed'])} (random pairs {number(moved['random_pairs'])})"
        lines.append(("Alignment", both, "mean squared distance between a text and itself without "
                      f"every tenth word, {moved['texts']} texts; near 0, small changes do not "
                      "matter"))  # fmt: skip
    if dimension is not None:
        lines.append(("Intrinsic dimension (TwoNN)", number(dimension),
                      "dimensions that the rows fill locally"))  # fmt: skip
    if angles is not None:
        both = f"{number(angles['largest'])} (least possible {number(angles['welch_bound'])})"
        words = f"largest cosine between two of {angles['centres']:,} cluster centres; near 1, two "
        lines.append(("Coherence of centres", both, f"{words}clusters are one"))
    return lines


def _spectrum(found: dict[str, Any]) -> Figure:
    import plotly.graph_objects as go

    shares = found["spectrum"]
    bars = go.Bar(
        x=list(range(1, len(shares) + 1)),
        y=shares,
        marker={"color": "var(--dropped)"},
        hovertemplate="direction %{x}: %{y:.2%}<extra></extra>",
    )
    frame = layout(
        xaxis=axis(title={"text": "direction"}, nticks=6),
        yaxis=axis(tickformat=".0%", rangemode="tozero", nticks=4),
        margin={"l": 44, "r": 8, "t": 8, "b": 44},
        showlegend=False,
    )
    return Figure(
        "health-spectrum",
        "Spectrum",
        f"Share of the rows' squared length in each of the {len(shares)} strongest directions. One "
        "tall bar is what all rows have in common.",
        210,
        spec(go.Figure([bars], frame)),
    )


def _hubs(found: dict[str, Any]) -> Figure:
    import plotly.graph_objects as go

    counts = found["hubness"]["histogram"][: BARS + 1]
    bars = go.Bar(
        x=list(range(len(counts))),
        y=counts,
        marker={"color": "var(--dropped)"},
        hovertemplate="%{y:,} rows are neighbours of %{x} others<extra></extra>",
    )
    frame = layout(
        xaxis=axis(title={"text": "times a neighbour"}, nticks=6),
        yaxis=axis(rangemode="tozero", nticks=4),
        margin={"l": 44, "r": 8, "t": 8, "b": 44},
        showlegend=False,
    )
    return Figure(
        "health-hubs",
        "Hubs",
        f"How many of {found['sampled_rows']:,} sampled rows are how often among the "
        f"{found['hubness']['neighbours']} nearest of another. A long tail to the right are hubs; "
        "the last bar holds all beyond it.",
        210,
        spec(go.Figure([bars], frame)),
    )
