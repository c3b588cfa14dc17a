"""What the four services have in common."""

import os
import signal
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from flows.services.config import Config


@dataclass(frozen=True)
class Service(ABC):
    """One service: how it is started, and whether it does its work. State lies under `state`."""

    config: Config
    state: Path

    name: ClassVar[str]
    stop_signal: ClassVar[int] = signal.SIGTERM
    start_seconds: ClassVar[float] = 90.0  # a busy machine is slow, not broken
    orphans_may_finish: ClassVar[bool] = False  # a start leaves what a crash left running

    @property
    def record(self) -> Path:
        """File that names the running process."""
        return self.state / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """File of the process's output."""
        return self.state / "logs" / f"{self.name}.log"

    @property
    def home(self) -> Path | None:
        """Folder in which processes of the service work, where that is how they are known."""
        return None

    @property
    def user(self) -> str | None:
        """Who runs it; None: who starts it."""
        return None

    @property
    def folder(self) -> Path | None:
        """Folder in which it is started."""
        return None

    @property
    def port(self) -> int | None:
        """Port it listens on; None where it listens on none."""
        return None

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is reached."""

    def secret(self, name: str) -> Path:
        """Path of a file of flows.services.secrets."""
        return self.state / "secrets" / name

    def environment(self) -> dict[str, str]:
        """Environment of the process."""
        return dict(os.environ)

    def prepare(self) -> None:  # noqa: B027 - many have nothing to do
        """Do what must be done before it starts; safe to repeat."""

    @abstractmethod
    def command(self) -> list[str]:
        """Command line: it holds no secret, everybody on the machine can read it."""

    def settle(self) -> None:  # noqa: B027 - many have nothing to do
        """Do what must be done once it answers, repeated until it does; raises `WinnowError`."""

    @abstractmethod
    def problem(self) -> str:
        """What keeps it from doing its work, asked of the service itself; empty if nothing does."""
