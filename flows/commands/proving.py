"""Commands that ask what a selection is worth."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Json

app = typer.Typer()


@app.command()
def prove(
    source: Annotated[
        list[str], typer.Option(metavar="FILE", help="File or glob; may be repeated")
    ],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Text; a,b joins several")] = "text",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Class to predict")] = "",
    rating: Annotated[str, typer.Option(metavar="COLUMN", help="Number to predict")] = "",
    against: Annotated[
        str,
        typer.Option(
            metavar="COLUMN", help="Text that --text is preferred to; --rating says by how much"
        ),
    ] = "",
    split: Annotated[
        str, typer.Option(metavar="COLUMN", help="Says train or test; default: held out by hash")
    ] = "",
    budgets: Annotated[str, typer.Option(help="Shares of the pool")] = "0.01,0.05,0.1,0.3",
    selectors: Annotated[
        str, typer.Option(metavar="A,B", help="Selectors to try beside `default` and the controls")
    ] = "",
    consumers: Annotated[
        str, typer.Option(metavar="A,B", help="Models to train; default: all that fit the columns")
    ] = "",
    seeds: Annotated[int, typer.Option(min=2, help="Paired repetitions")] = 10,
    first_seed: Annotated[int, typer.Option(min=0, help="Others repeat the proof afresh")] = 0,
    tokens: Annotated[bool, typer.Option("--tokens", help="Budgets in tokens, not rows")] = False,
    quantiles: Annotated[
        bool, typer.Option("--quantiles", help="Also learn from each tenth of the rows by quality")
    ] = False,
    embedder: Annotated[str, typer.Option(help="Model of the vectors; default: embed.model")] = "",
    holdout_share: Annotated[float, typer.Option(help="Share of rows held out")] = 0.2,
    guard: Annotated[
        int,
        typer.Option(
            metavar="BUDGET",
            min=0,
            help="Ask the held-out rows through a guard: so many answers, ever",
        ),
    ] = 0,
    name: Annotated[str, typer.Option(help="Name of the result; default: the file's")] = "",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Default: artifacts/proof")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train light models on subsets of a file and say which methods beat a random choice, if any.

    `default` (params.yaml's settings) and eight controls at every budget, against uniform, on rows
    held out. Scores are kept: a run that is stopped goes on where it was.
    """
    from flows.proving import tell

    listed = {"selectors": selectors, "consumers": consumers, "budgets": budgets}
    lists = {key: [part.strip() for part in value.split(",") if part.strip()]
             for key, value in listed.items()}  # fmt: skip
    columns = {"text": text, "label": label, "rating": rating, "split": split, "against": against}
    more = {"seeds": seeds, "first_seed": first_seed, "tokens": tokens, "embedder": embedder,
            "name": name, "quantiles": quantiles, "guard": guard,
            "holdout_share": holdout_share}  # fmt: skip
    asked = {"source": source, **columns, **lists, **more}
    print(tell(asked, out, as_json))


@app.command()
def pareto(
    weights: Annotated[
        str, typer.Option(metavar="A,B", help="Diversity weights to try")
    ] = "0,0.25,0.5,0.75,1",
    budgets: Annotated[
        str, typer.Option(metavar="A,B", help="Budgets to try; default: choose.budget")
    ] = "",
    diversity: Annotated[
        str, typer.Option(metavar="METRIC", help="Metric on the axis of diversity")
    ] = "coverage_mean",
    as_json: Json = False,
) -> None:
    """Draw quality against diversity of the configured selector, over weights and budgets.

    Only `choose` and later stages run. Each point is kept as a run, for `winnow checkout`; the
    workspace ends as it was. Page: artifacts/pareto.html.

    Where gate.holdout_file is set, the knee is confirmed on these rows through their guard: there
    is no option for it, as label, model and budget of answers stand in params.yaml beside the file.
    """
    from flows.pareto import tell

    print(tell(weights, budgets, diversity, as_json))


@app.command()
def holdout(as_json: Json = False) -> None:
    """Say what is left to ask of each held-out set, and (--json) every answer that was given."""
    from flows.holdout import tell

    print(tell(as_json))
