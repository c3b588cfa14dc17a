"""Commands that answer questions about rows, runs and sources."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Json

app = typer.Typer()


@app.command()
def why(
    row: Annotated[str, typer.Argument(metavar="ID", help="Row id")], as_json: Json = False
) -> None:
    """Say every decision about one row, and what would have let it in."""
    from flows.reasons import tell

    print(tell(row, as_json))


@app.command()
def lineage(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A past run's name, or a git revision")
    ] = None,
    as_json: Json = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart")] = False,
) -> None:
    """Go from the selected subset back to the sources, stage by stage; default: the last run here.

    Row counts are shown where the run's artifacts are in the workspace or in DVC's cache.
    """
    from flows.lineage import tell

    if as_json and mermaid:
        raise typer.BadParameter("choose one of --json and --mermaid")
    print(tell(run, as_json, mermaid))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for")],
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Rows to show")] = 10,
    as_json: Json = False,
) -> None:
    """Find the rows nearest in meaning to a text, each with its verdict."""
    from flows.finding import find

    print(find(text, k, as_json))


@app.command()
def compare(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A run, git revision, folder of artifacts, or file")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="The same; `.` is the workspace")] = ".",
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Also write a page, FILE.html")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option("--rows", metavar="FILE", help="Also write every changed row, FILE.parquet"),
    ] = None,
    attribute: Annotated[
        bool,
        typer.Option("--attribute", help="Run mixtures of A and B to measure each cause's part"),
    ] = False,
    as_json: Json = False,
) -> None:
    """Say how two subsets differ, from A to B: rows, reasons, metrics, shares, and the cause.

    A file is Parquet or JSONL with a column `id`. --json holds every row.
    """
    from flows.compare import tell

    print(tell(a, b, as_json, page, rows, attribute))


@app.command()
def sources(
    candidate: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A file that could be added; may be repeated"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="What the pool is to cover; default: its other sources"),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Also write a page, FILE.html")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=100, max=20_000, help="Rows looked at per source")
    ] = 1000,
    redundant_cosine: Annotated[
        float, typer.Option(min=0, max=1, help="Cosine to the pool from which a row is redundant")
    ] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="Which rows are looked at")] = 0,
    as_json: Json = False,
) -> None:
    """Say of each source of the pool, and of candidate files, whether to add it and how much.

    Files are read with the settings of this checkout (ingest.text_key and so on). Shift from the
    target, coverage gained against random rows, redundancy, quality, mixture share, verdict.
    """
    from flows.weighing import tell
    from tasks.sourcing.weigh import Settings

    settings = Settings(rows, seed, redundant_cosine)
    print(tell(candidate or [], target, settings, as_json, page))
