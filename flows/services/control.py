"""Start, stop and look at all services."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from flows.services import processes
from flows.services.config import HOST, Config
from flows.services.objects import Objects
from flows.services.orchestration import PrefectServer, Worker, client_environment
from flows.services.postgres import Postgres
from flows.services.secrets import ensure_secrets
from flows.services.service import Service
from schemas.errors import WinnowError

ROLES: Final = (Postgres, Objects, PrefectServer, Worker)  # each may need those before it
CLIENT_FILE: Final = "winnow.env"  # `winnow` reads it: see flows.environment


@dataclass(frozen=True)
class Status:
    """How a service is: `pid` None where it does not run, `problem` empty where it is healthy."""

    name: str
    address: str
    pid: int | None
    problem: str

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return {**asdict(self), "healthy": not self.problem}


def start_all(state: Path, config: Config) -> list[Status]:
    """Start what does not run or is not healthy; raises `WinnowError` with the log's end."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)  # PostgreSQL's account passes through
    state = state.resolve()
    with _alone(state):
        ensure_secrets(state / "secrets", config)
        for role in ROLES:
            service = role(config, state)
            if _look(service).problem:
                _start(service)
        lines = [f"{name}={value}" for name, value in client_environment(state, config).items()]
        (state / CLIENT_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return status_all(state, config)


def _start(service: Service) -> None:
    _stop(service, orphans=not service.orphans_may_finish)
    if service.port and not _is_free(service.port):
        raise WinnowError(
            f"another program listens on {HOST}:{service.port}, the port of {service.name}",
            remedy=f"end it, or choose another port: {service.name.upper()}_PORT in the "
            "environment or in infra/services.env",
        )
    service.prepare()
    processes.start(
        service.record, service.command(), service.environment(), service.log,
        service.user, service.folder,
    )  # fmt: skip
    problem = ""
    for _ in processes.wait_until(service.start_seconds):
        if not processes.find(service.record):
            problem = "it ended"
            break
        problem = _settled(service)
        if not problem:
            return
    where = f"{service.log}\n    {processes.tail(service.log)}"
    _stop(service)
    raise WinnowError(f"{service.name} did not start: {problem}", where=where)


def _settled(service: Service) -> str:
    try:
        service.settle()
    except WinnowError as error:  # not yet; told if it stays so
        return f"{error.problem}: {error.where}"
    return service.problem()


def stop_all(state: Path, config: Config) -> None:
    """Stop every service and all they started; none need be running."""
    state = state.resolve()
    if not state.exists():
        return
    with _alone(state):
        (state / CLIENT_FILE).unlink(missing_ok=True)
        for role in reversed(ROLES):
            _stop(role(config, state))


def _stop(service: Service, orphans: bool = True) -> None:
    processes.stop(service.record, service.stop_signal)
    if orphans:
        processes.end(processes.left_over(service.record, service.home))


def status_all(state: Path, config: Config) -> list[Status]:
    """How every service is."""
    return [_look(role(config, state.resolve())) for role in ROLES]


def _look(service: Service) -> Status:
    process = processes.find(service.record)
    if process is None:
        return Status(service.name, service.address, None, "not running")
    return Status(service.name, service.address, process.pid, service.problem())


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Wait until no other command starts or stops services of this folder."""
    with (state / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
