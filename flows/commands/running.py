"""Commands that run the pipeline, or say what a run needs."""

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from flows.commands.options import Json, MaxDisk, MaxMemory, MaxMinutes

app = typer.Typer()


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
