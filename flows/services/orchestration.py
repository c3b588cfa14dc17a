"""Prefect's server on PostgreSQL, and the worker that starts runs as processes here."""

import os
import socket
import sys
from pathlib import Path
from typing import Any, ClassVar

from flows.services.config import CHECKOUT, HOST, Config
from flows.services.service import Service


class _Prefect(Service):
    """A process of Prefect's, talking to our server whatever a profile says."""

    start_seconds: ClassVar[float] = 180.0  # a first start migrates the database

    def environment(self) -> dict[str, str]:
        """Prefect's home in the state folder; the API, and the files of the S3 credentials."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_API_")}
        return {
            **kept,
            **client_environment(self.state, self.config),
            "PREFECT_HOME": str(self.state / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PYTHONUNBUFFERED": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }

    @property
    def address(self) -> str:
        """See `Service`."""
        return self.config.prefect_url


class PrefectServer(_Prefect):
    """The API, the pages and the scheduler."""

    name: ClassVar[str] = "prefect"

    @property
    def port(self) -> int:
        """See `Service`."""
        return self.config.prefect_port

    def environment(self) -> dict[str, str]:
        """The database's address; its password stays in a pgpass file, which the driver reads."""
        return {
            **super().environment(),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": self.config.database_url,
            "PREFECT_UI_API_URL": self.config.prefect_url,
            "PGPASSFILE": str(self.secret("pgpass")),
        }

    def command(self) -> list[str]:
        """See `Service`."""
        options = ["--host", HOST, "--port", str(self.port), "--log-level", "WARNING"]
        return [sys.executable, "-m", "prefect", "server", "start", *options]

    def problem(self) -> str:
        """Ask whether it is ready, for which it asks its database."""
        return _asked(f"{self.address}/ready")[1]


class Worker(_Prefect):
    """Starts the runs of the deployments in this checkout, one at a time."""

    name: ClassVar[str] = "worker"
    orphans_may_finish: ClassVar[bool] = True  # a run goes on without the worker that started it

    @property
    def folder(self) -> Path:
        """See `Service`."""
        return CHECKOUT

    @property
    def worker_name(self) -> str:
        """How it is called on Prefect's pages."""
        return f"winnow-{socket.gethostname()}"

    def environment(self) -> dict[str, str]:
        """Asks for work often: a person waits for the form's run."""
        return {**super().environment(), "PREFECT_WORKER_QUERY_SECONDS": "3"}

    def command(self) -> list[str]:
        """See `Service`. Makes the work pool if there is none."""
        options = ["--type", "process", "--pool", self.config.prefect_work_pool]
        who = ["--name", self.worker_name, "--limit", "1"]
        return [sys.executable, "-m", "prefect", "worker", "start", *options, *who]

    def problem(self) -> str:
        """Ask the server whether it hears from the worker."""
        pool = self.config.prefect_work_pool
        found, problem = _asked(f"{self.address}/work_pools/{pool}/workers/filter", {"limit": 200})
        if problem:
            return problem
        states = {worker["name"]: worker["status"] for worker in found}
        state = states.get(self.worker_name, "unknown to the server")
        return "" if state == "ONLINE" else f"the worker is {state}"


def client_environment(state: Path, config: Config) -> dict[str, str]:
    """What a client must know; names of files, no secret."""
    return {
        "PREFECT_API_URL": config.prefect_url,
        "AWS_ENDPOINT_URL": config.s3_url,
        "AWS_SHARED_CREDENTIALS_FILE": str(state / "secrets" / "s3_credentials"),
        "AWS_REGION": config.s3_region,
        "AWS_DEFAULT_REGION": config.s3_region,
        "AWS_ALLOW_HTTP": "true",  # LanceDB's; it refuses plain HTTP otherwise
    }


def _asked(url: str, body: dict[str, Any] | None = None) -> tuple[Any, str]:
    """The answer, and what is wrong with it (empty if nothing is)."""
    import httpx

    try:
        with httpx.Client(timeout=5, trust_env=False) as client:
            answer = client.post(url, json=body) if body is not None else client.get(url)
    except httpx.TransportError as error:
        return None, f"no answer from {url}: {error}"
    if answer.is_error:
        return None, f"{url} answers {answer.status_code}"
    return answer.json(), ""
