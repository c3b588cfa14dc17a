"""What a takedown cannot reach from here, and the commands for it."""

import shlex
from typing import Final

import polars as pl

from flows import repro
from flows.forget.search import Holders
from schemas.params import Params
from tasks.paths import Paths
from tasks.storage.places import is_remote
from tasks.traces import Traces

PLACE: Final = "files/md5"  # below a DVC remote's address
SHOWN: Final = 10


def by_hand(held: Holders, traces: Traces, params: Params) -> list[str]:
    """Lines for people: DVC's remote, LanceDB on S3, git's history, Prefect, other copies."""
    lines = [*_remote(held), *_store(params), *_history(held)]
    if near := _near_duplicates(traces):
        lines.append(f"near duplicates of it stay: {', '.join(near[:SHOWN])} ({len(near)} in all)")
    if params.score.reference:
        lines.append(f"score.reference ({params.score.reference}) is yours: look into it yourself")
    return [
        *lines,
        "the database of Prefect keeps the logs and tables of past runs' pages: "
        "`prefect flow-run delete ID` for runs that showed the row",
        "other clones, exports and models trained on the row are not known here",
    ]


def _remote(held: Holders) -> list[str]:
    remote = repro.default_remote()
    if not (remote and held.objects):
        return []
    s3 = is_remote(remote.url)
    command = "aws s3 rm" if s3 else "rm -f"
    lines = [f"DVC remote {remote.name}, if it was pushed (--remotes does this):"]
    for md5 in held.objects:
        address = f"{remote.url.rstrip('/')}/{PLACE}/{md5[:2]}/{md5[2:]}"
        lines.append(f"{command} {shlex.quote(address)}")
    if s3:
        lines.append("a bucket with versions keeps old ones: delete those of the same keys too")
    return lines


def _near_duplicates(traces: Traces) -> list[str]:
    """Other rows of the current artifacts whose texts are nearly the same."""
    table = Paths().table("duplicates")
    if not table.exists():
        return []
    ids = sorted(traces.ids)
    found = pl.read_parquet(table).filter(pl.col("kind") == "near")
    of_it = found.filter(pl.col("keeper_id").is_in(ids))["id"].to_list()
    its = found.filter(pl.col("id").is_in(ids))["keeper_id"].to_list()
    return sorted({*of_it, *its} - traces.ids)


def _store(params: Params) -> list[str]:
    if not is_remote(params.store):
        return []
    return [f"{params.store}: the row is out of its tables; old versions of a bucket that keeps "
            "some are not"]  # fmt: skip


def _history(held: Holders) -> list[str]:
    if not held.git:
        return []
    commits = sorted({place.partition(":")[0][:12] for place in held.git})
    paths = sorted({place.partition(":")[2] for place in held.git})
    return [
        f"git history names an id of it in {', '.join(paths)} of {len(commits)} commits: "
        f"{', '.join(commits[:5])}{', ...' if len(commits) > 5 else ''}",
        "kept runs among them: dvc exp remove NAME (and --git-remote origin where pushed); "
        "branches: git filter-repo --replace-text FILE",
        "afterwards: git reflog expire --expire=now --all && git gc --prune=now",
    ]
