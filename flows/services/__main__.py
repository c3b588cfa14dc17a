"""`python -m flows.services start | stop | status | secrets`, for the Makefile."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.services import config as settings
from flows.services.control import CLIENT_FILE, Status, start_all, status_all, stop_all
from flows.services.secrets import ensure_secrets
from schemas.errors import SettingsError, WinnowError


def main(arguments: Sequence[str]) -> int:
    """Run one command; 0 done, 1 a service is not healthy, 2 wrong use."""
    given = _parser().parse_args(arguments)
    config = settings.load_config(given.settings)
    if given.command == "secrets":
        ensure_secrets(given.state / "secrets", config)
        return 0
    if given.command == "stop":
        stop_all(given.state, config)
    found = (start_all if given.command == "start" else status_all)(given.state, config)
    if given.json:
        print(json.dumps([each.as_dict() for each in found], indent=1))
    else:
        print(_table(found))
    if given.command == "start" and not given.json:
        _tell(given.state, config)
    healthy = not any(each.problem for each in found)
    return 0 if healthy or given.command == "stop" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.services", description=__doc__)
    parser.add_argument("command", choices=["start", "stop", "status", "secrets"])
    parser.add_argument("--state", type=Path, default=settings.STATE, help="folder of their files")
    parser.add_argument("--settings", type=Path, default=settings.SETTINGS, help="their settings")
    parser.add_argument("--json", action="store_true", help="print data instead of words")
    return parser


def _table(found: Sequence[Status]) -> str:
    from flows.console import columns  # seconds, for people only

    rows = [
        (each.name, each.address, str(each.pid or "-"), each.problem or "healthy") for each in found
    ]
    return columns([("service", "address", "pid", "state"), *rows])


def _tell(state: Path, config: settings.Config) -> None:
    path = state / CLIENT_FILE
    print(f"page: {config.prefect_url.removesuffix('/api')}")
    print(f"winnow finds them by itself; for dvc and prefect: set -a; . {path}; set +a")
    print("the S3 server is a mock: its objects are in memory and gone when it stops")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except WinnowError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, SettingsError) else 1)
