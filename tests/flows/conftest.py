"""A real checkout with sixty real rows, and a real Prefect server; both thrown away."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("schemas", "tasks", "flows", "infra")
SOURCES += ("dvc.yaml", "params.yaml", ".dvcignore", "pyproject.toml")
ROWS = 60


POOL = "winnow"


@dataclass(frozen=True)
class Checkout:
    """A copy of the code under `root`, its sources sixty rows of the demo, its own DVC cache."""

    root: Path
    environment: dict[str, str]

    def python(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        told = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert not check or told.returncode == 0, told.stdout + told.stderr
        return told

    def winnow(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.python("-m", "flows.cli", *arguments, check=check)

    @property
    def lock(self) -> str:
        return (self.root / "dvc.lock").read_text(encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Bytes of everything DVC tracks."""
        from flows.repro import lock_entries

        entries = lock_entries(self.root / "dvc.lock")
        return {out.path: (self.root / out.path).read_bytes() for out in entries}


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def environment(prefect_home) -> dict[str, str]:
    """This environment with a Prefect of its own, this Python first, and nothing sent anywhere."""
    from flows.quiet import SILENT
    from flows.repro import stage_environment

    kept = {k: v for k, v in stage_environment().items() if not k.startswith(("PREFECT_", "DVC_"))}
    return {**kept, **SILENT, "PREFECT_HOME": str(prefect_home)}


@pytest.fixture(scope="session")
def make_checkout(environment):
    """A function that makes a checkout in an empty folder."""

    def make(root: Path) -> Checkout:
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, root / name, ignore=UNFINISHED)
            else:
                shutil.copy2(ROOT / name, root / name)
        (root / ".gitignore").write_text("/artifacts/\n__pycache__/\n")
        (root / ".dvc").mkdir()
        (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
        (root / ".dvc" / ".gitignore").write_text("/cache\n/tmp\n/config.local\n")
        with gzip.open(ROOT / "data/demo/open_docs.jsonl.gz", "rb") as file:
            (root / "rows.jsonl").write_bytes(b"".join(next(file) for _ in range(ROWS)))
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        checkout = Checkout(root, environment)
        checkout.python("-c", SETTINGS)
        return checkout

    return make


# What is compiled already is copied, but not what another process writes at this moment.
UNFINISHED = shutil.ignore_patterns("*.tmp.*", "*.pyc.*")
SETTINGS = """
from pathlib import Path
from flows.settings import apply_overrides, save
from tasks.stage import load_params
path = Path("params.yaml")
sets = ["ingest.sources=rows.jsonl", "embed.max_tokens=32", "measure.control_seeds=2",
        "validate.max_missing_groups=-1"]
save(apply_overrides(load_params(path), sets), path)
"""


@pytest.fixture(scope="session")
def prefect_api(prefect_home) -> Iterator[str]:
    """The address of a real Prefect server on loopback."""
    from flows.server import free_port, local_server

    before = dict(os.environ)
    os.environ["PREFECT_HOME"] = str(prefect_home)
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    try:
        with local_server("127.0.0.1", free_port("127.0.0.1", 0)) as url:
            yield url
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="session")
def deployed(make_checkout, tmp_path_factory, prefect_api) -> Checkout:
    """A checkout whose deployments `winnow deploy` made on the server."""
    checkout = make_checkout(tmp_path_factory.mktemp("deployed"))
    told = {"PREFECT_API_URL": prefect_api, "PREFECT_WORKER_QUERY_SECONDS": "2"}
    checkout = replace(checkout, environment={**checkout.environment, **told})
    checkout.winnow("deploy")
    return checkout


@pytest.fixture(scope="session")
def worker(deployed, tmp_path_factory) -> Iterator[Checkout]:
    """The checkout of `deployed`, and a real worker that was started somewhere else."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with (elsewhere / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL],
            cwd=elsewhere,
            env=deployed.environment,
            stdout=log,
            stderr=log,
        )
        try:
            yield deployed
        finally:
            started = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(signal.SIGINT)
            psutil.wait_procs([process], timeout=30)
            for left in (process, *started):  # a run under way outlives its worker
                with suppress(psutil.NoSuchProcess):
                    left.kill()
            process.wait()
