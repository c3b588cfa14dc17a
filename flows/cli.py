"""The command `winnow`: pick the rows worth training on, and ask why.

Exit status: 0 done, 1 a problem was found, 2 wrong use. Each command imports what it needs itself,
so that `winnow --help` is instant.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from flows.start import main as main
from tasks.exports.choices import SHARD_ROWS, Compression, Format, Order

app = typer.Typer(
    name="winnow",
    help="Picks the rows worth training on, and says why each one is in or out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print data instead of words")]
MaxMinutes = Annotated[
    float,
    typer.Option("--max-minutes", min=0, envvar="WINNOW_MAX_MINUTES",
                 help="Refuse a run estimated to take longer; 0: none"),
]  # fmt: skip
MaxMemory = Annotated[
    float,
    typer.Option("--max-memory-gb", min=0, envvar="WINNOW_MAX_MEMORY_GB",
                 help="Refuse a run estimated to need more memory; 0: none"),
]  # fmt: skip
MaxDisk = Annotated[
    float,
    typer.Option("--max-disk-gb", min=0, envvar="WINNOW_MAX_DISK_GB",
                 help="Refuse a run estimated to need more disk; 0: none"),
]  # fmt: skip


class _WithKeys(TyperCommand):
    """A command whose help ends with every key of params.yaml, its meaning and bounds."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # typer's
        from flows.settings import describe, known_keys

        with formatter.section("Keys"):
            formatter.write_dl([(key, describe(field)) for key, field in known_keys()])


@app.command(cls=_WithKeys)
def run(
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; may be repeated"),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            metavar="SECONDS",
            min=0,
            help="Stop the search of `choose` after so long, with the best so far; 0: never",
        ),
    ] = None,
    max_minutes: MaxMinutes = 0.0,
    max_memory_gb: MaxMemory = 0.0,
    max_disk_gb: MaxDisk = 0.0,
    as_json: Json = False,
) -> None:
    """Run the pipeline as a Prefect flow; stages that nothing has changed are skipped.

    --set and --time-limit (choose.time_limit_seconds) write to params.yaml, so the next run starts
    from there. Prefect: the API that PREFECT_API_URL or the profile names, else a temporary server.
    Without Prefect: dvc repro.
    """
    from flows.console import run as run_flow
    from flows.estimate.limits import Limits

    Limits(max_minutes, max_memory_gb, max_disk_gb).set()
    limits = [] if time_limit is None else [f"choose.time_limit_seconds={time_limit:g}"]
    run_flow([*(overrides or []), *limits], as_json)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond loopback with a password")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port, if free; else another one")] = 4200,
) -> None:
    """Serve the flow, so that the form on Prefect's page starts a run; Ctrl-C stops.

    Beyond loopback PREFECT_SERVER_API_AUTH_STRING (user:password) must be set, or the variable
    PREFECT_SERVER_API_AUTH_STRING_FILE name a file that holds it.
    """
    from flows.serving import serve as serve_flow

    serve_flow(host, port)


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
def verify(as_json: Json = False) -> None:
    """Run everything again in a clean copy without caches and compare every digest."""
    from flows.verify import verify as compare

    text, equal = compare(as_json)
    print(text)
    if not equal:
        raise typer.Exit(1)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check everything that a run needs; say what is wrong and the command that mends it.

    Exit status 1 if anything fails. What nobody has set up is no failure.
    """
    from flows.doctor import examine

    found = examine.examine()
    print(examine.as_json(found) if as_json else examine.as_text(found))
    if examine.failed(found):
        raise typer.Exit(1)


@app.command()
def runs(as_json: Json = False) -> None:
    """List the runs that were kept, newest first, with the parameters that differ."""
    from flows.runs import runs as list_runs

    print(list_runs(as_json))


@app.command()
def checkout(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, from `winnow runs`")],
    force: Annotated[bool, typer.Option("--force", help="Drop what is kept nowhere else")] = False,
    as_json: Json = False,
) -> None:
    """Bring a kept run back: its params.yaml, dvc.lock and artifacts."""
    from flows.checkout import checkout as bring_back

    print(bring_back(name, force, as_json))


@app.command()
def init_remote(
    url: Annotated[str, typer.Argument(metavar="PLACE", help="s3://bucket/prefix, or a path")],
    endpoint: Annotated[
        str, typer.Option(metavar="URL", help="Address of an S3 service that is not Amazon's")
    ] = "",
) -> None:
    """Say where artifacts are stored beyond this machine: DVC's default remote, and test it."""
    from flows.remote import init_remote as init

    print(init(url, endpoint))


@app.command()
def push(
    git_remote: Annotated[str, typer.Argument(help="Git remote for the runs")] = "origin",
) -> None:
    """Send the artifacts of all kept runs to DVC's remote, and the runs to a git remote."""
    from flows.push import push as send

    print(send(git_remote))


@app.command()
def deploy(
    replace: Annotated[
        bool, typer.Option("--replace", help="Take over deployments of another checkout")
    ] = False,
) -> None:
    """Make or update the deployments `curate` and `nightly`; safe to repeat.

    Reads infra/prefect.yaml; the form's defaults are params.yaml's values of now. Needs a Prefect
    server (PREFECT_API_URL or the profile); a worker runs what is started there.
    """
    from flows.deploying import deploy as make

    print(make(replace))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New or empty folder")],
    format_: Annotated[Format, typer.Option("--format", help="datasets: Hugging Face")] = (
        Format.PARQUET
    ),
    compression: Annotated[
        Compression, typer.Option(help="How lines of JSON are packed")
    ] = Compression.NONE,
    order: Annotated[Order, typer.Option(help="By which column rows are sorted")] = Order.RANK,
    shard_rows: Annotated[int, typer.Option(min=1, help="Most rows of a file")] = SHARD_ROWS,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="A kept or promoted run, or a run's folder"),
    ] = None,
    licence: Annotated[
        str,
        typer.Option("--license", metavar="TEXT", help="Licence of rows that name none themselves"),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export")] = False,
    as_json: Json = False,
) -> None:
    """Write the selected rows for other tools, with a dataset card, Croissant and PROV files.

    Equal subsets give equal bytes. Default: what is selected in this checkout.
    """
    from flows.exporting import export as write
    from tasks.exports.settings import ExportSettings

    settings = ExportSettings(format_, compression, shard_rows, order, licence)
    print(write(folder, run, settings, force, as_json))


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
def forget(
    row: Annotated[str, typer.Argument(metavar="[ID]", help="Row id")] = "",
    source: Annotated[str, typer.Option(metavar="NAME", help="Every row of a source instead")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go")] = False,
    remotes: Annotated[
        bool, typer.Option("--remotes", help="Remove it from the default DVC remote as well")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a row, and every copy of its text, out of everything here; old runs lose what holds it.

    Current artifacts are made again without it, and no later run lets it back in:
    takedowns/<name>.json, for git, says so with salted digests. Exit status 1 if anything remains.
    """
    from flows.forget import forget as take_down

    text, good = take_down(row, source, dry_run, remotes, as_json)
    print(text)
    if not good:
        raise typer.Exit(1)


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go")] = False,
    keep_runs: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Newest runs to keep, beside promoted ones"),
    ] = None,
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="Also vectors of contents that no run has")
    ] = False,
    grace_minutes: Annotated[
        float, typer.Option(metavar="M", min=0, help="Orphaned files younger than this stay")
    ] = 60,
    as_json: Json = False,
) -> None:
    """Free the disk of what no kept or promoted run, branch, tag or the workspace needs.

    Without --keep-runs no run is removed, promoted ones never.
    """
    from flows.collecting import collect

    print(collect(dry_run, keep_runs, embeddings, grace_minutes, as_json))


@app.command()
def estimate(
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="As if set for a run; nothing is written"),
    ] = None,
    max_minutes: MaxMinutes = 0.0,
    max_memory_gb: MaxMemory = 0.0,
    max_disk_gb: MaxDisk = 0.0,
    as_json: Json = False,
) -> None:
    """Say what a run would take: rows, tokens, time per stage, memory and disk, with intervals.

    From a look at the sources and the past runs here; what was never measured is tried (the model
    on 32 rows) or a shipped default, and marked. Exit status 1 above a limit.
    """
    from flows.estimate.command import estimate as make
    from flows.estimate.limits import Limits

    Limits(max_minutes, max_memory_gb, max_disk_gb).set()
    text, within = make(overrides or [], as_json)
    print(text)
    if not within:
        raise typer.Exit(1)


@app.command()
def promote(
    name: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A kept run; default: the one in the workspace")
    ] = "",
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Promote a held run; kept on record")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a run the one that others read (promoted/current), if none of its gates failed.

    Exit status 1 if the run is held; the message says which number failed by how much.
    """
    from flows.promotion.promote import promote as move

    print(move(name, force).told(as_json))


@app.command()
def rollback(
    name: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A promoted run; default: the one before")
    ] = "",
    as_json: Json = False,
) -> None:
    """Go back to the run that was promoted before the current one, or to any promoted run."""
    from flows.promotion.promote import rollback as move

    print(move(name).told(as_json))


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


@app.command()
def prove(
    source: Annotated[
        list[str], typer.Option(metavar="FILE", help="File or glob; may be repeated")
    ],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="Text; a,b joins several")] = "text",
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Class to predict")] = "",
    rating: Annotated[str, typer.Option(metavar="COLUMN", help="Number to predict")] = "",
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
    columns = {"text": text, "label": label, "rating": rating, "split": split}
    more = {"seeds": seeds, "tokens": tokens, "embedder": embedder, "name": name,
            "quantiles": quantiles, "guard": guard, "holdout_share": holdout_share}  # fmt: skip
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


if __name__ == "__main__":
    main()
