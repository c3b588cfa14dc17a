"""The command `winnow`: pick the rows worth training on, and ask why.

Exit status: 0 done, 1 a problem was found, 2 wrong use. Each command imports what it needs itself,
so that `winnow --help` is instant.
"""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from flows.start import main as main

app = typer.Typer(
    name="winnow",
    help="Picks the rows worth training on, and says why each one is in or out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print data instead of words")]


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
    as_json: Json = False,
) -> None:
    """Run the pipeline as a Prefect flow; stages that nothing has changed are skipped.

    --set and --time-limit (choose.time_limit_seconds) write to params.yaml, so the next run starts
    from there. Prefect: the API that PREFECT_API_URL or the profile names, else a temporary server.
    Without Prefect: dvc repro.
    """
    from flows.console import run as run_flow

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


if __name__ == "__main__":
    main()
