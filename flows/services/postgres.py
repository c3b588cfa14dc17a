"""PostgreSQL from Debian's packages, in a cluster of its own, reached over TCP alone."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import ClassVar, Final

from flows.services.config import HOST
from flows.services.service import Service
from schemas.errors import WinnowError

PROGRAMS: Final = Path("/usr/lib/postgresql")
ACCOUNT: Final = "postgres"  # Debian's; the server refuses to run as root


class Postgres(Service):
    """Keeps Prefect's database."""

    name: ClassVar[str] = "postgres"
    stop_signal: ClassVar[int] = signal.SIGINT  # its "fast" shutdown: clients are cut off

    @property
    def port(self) -> int:
        """See `Service`."""
        return self.config.postgres_port

    @property
    def address(self) -> str:
        """See `Service`."""
        return f"postgresql://{HOST}:{self.port}/{self.config.postgres_db}"

    @property
    def user(self) -> str | None:
        """Debian's account, if the starter is root."""
        return ACCOUNT if os.geteuid() == 0 else None

    @property
    def home(self) -> Path:
        """The cluster's folder."""
        return self.state / "postgres" / "data"

    @property
    def folder(self) -> Path:
        """See `Service`: a folder that the account can read."""
        return self.home

    def prepare(self) -> None:
        """Make the cluster if there is none; raises `WinnowError` if that is impossible here."""
        major = programs(self.config.postgres_version).parent.name
        self._make_folder()
        found = self.home / "PG_VERSION"
        made = found.read_text(encoding="utf-8").strip() if found.exists() else ""
        if made and made != major:
            raise WinnowError(
                f"the database was made by PostgreSQL {made}; this machine has {major}",
                where=str(self.home),
                remedy=f"install postgresql-{made}, or remove the folder: Prefect's past goes too",
            )
        if not made:
            self._initialise()

    def _make_folder(self) -> None:
        folder = self.home.parent
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if not self.user:
            return
        shutil.chown(folder, self.user, self.user)
        reachable = subprocess.run(
            ["test", "-x", str(folder)], user=self.user, group=self.user, extra_groups=[], cwd="/"
        )
        if reachable.returncode:
            raise WinnowError(
                f"PostgreSQL does not run as root; its account {self.user} cannot enter {folder}",
                expected="every folder above it open to all to pass through (chmod a+x)",
                remedy="keep the state elsewhere: make services STATE=/var/lib/winnow",
            )

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there: half of one is never used."""
        new, password = self.home.with_name("new"), self.home.with_name("password")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copyfile(self.secret("postgres_password"), password)
        password.chmod(0o600)
        if self.user:
            shutil.chown(password, self.user, self.user)
        options = {
            "--pgdata": new,
            "--username": self.config.postgres_user,
            "--pwfile": password,
            "--auth": "scram-sha-256",
            "--encoding": "UTF8",
            "--locale": "C.UTF-8",
        }
        words = [str(word) for option in options.items() for word in option]
        try:
            initdb = programs(self.config.postgres_version) / "initdb"
            _checked([str(initdb), *words], dict(os.environ), self.user)
        finally:
            password.unlink()
        new.rename(self.home)

    def command(self) -> list[str]:
        """See `Service`. No Unix socket: nothing outside the folder, no limit to its path."""
        settings = [f"listen_addresses={HOST}", f"port={self.port}", "unix_socket_directories="]
        options = [word for setting in settings for word in ("-c", setting)]
        binary = programs(self.config.postgres_version) / "postgres"
        return [str(binary), "-D", str(self.home), *options]

    def settle(self) -> None:
        """Make Prefect's database if there is none."""
        name = self.config.postgres_db
        names = self._ask("postgres", "select datname from pg_database").splitlines()
        if name not in names:
            self._ask("postgres", f'create database "{name}"')

    def problem(self) -> str:
        """Ask the database for 1, over TCP, with the password."""
        try:
            self._ask(self.config.postgres_db, "select 1")
        except WinnowError as error:
            return error.where or error.problem
        return ""

    def _ask(self, database: str, sql: str) -> str:
        psql = programs(self.config.postgres_version) / "psql"
        where = ["-h", HOST, "-p", str(self.port), "-U", self.config.postgres_user, "-d", database]
        environment = {
            **os.environ,
            "PGPASSFILE": str(self.secret("pgpass")),
            "PGCONNECT_TIMEOUT": "5",
        }
        return _checked([str(psql), "-XAtq", "-w", *where, "-c", sql], environment, None)


def _checked(command: list[str], environment: dict[str, str], user: str | None) -> str:
    told = subprocess.run(
        command, env=environment, user=user, group=user, extra_groups=[] if user else None,
        cwd="/", capture_output=True, text=True,
    )  # fmt: skip
    if told.returncode:
        raise WinnowError(f"{Path(command[0]).name} failed", where=told.stderr.strip())
    return told.stdout.strip()


def programs(version: str) -> Path:
    """Folder of PostgreSQL's programs: of the version's major, else the newest installed."""
    folders = [path for path in PROGRAMS.glob("*/bin") if (path / "postgres").exists()]
    if not folders:
        raise WinnowError(
            "PostgreSQL is not installed",
            expected=f"its programs under {PROGRAMS}",
            remedy="sudo apt-get install postgresql",
        )
    wanted = version.partition(".")[0]
    return max(folders, key=lambda path: (path.parent.name == wanted, int(path.parent.name)))
