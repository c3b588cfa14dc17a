"""Commands that keep runs, bring them back, hand them on or remove them."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import Json
from tasks.exports.choices import SHARD_ROWS, Compression, Format, Order

app = typer.Typer()


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
