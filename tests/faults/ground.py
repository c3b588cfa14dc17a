"""A checkout to break: two states of its sources, and what an undisturbed run makes of each."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl
import psutil

from flows.quiet import SILENT
from flows.repro import stage_environment
from flows.settings import apply_overrides, save
from tasks import PIPELINE
from tasks.stage import load_params
from tests.test_pipeline import as_lines, made_rows
from tests.tiny_model import save_static_model

ROOT: Final = Path(__file__).resolve().parents[2]
CODE: Final = ("schemas", "tasks", "flows", "infra", "dvc.yaml", "params.yaml", "pyproject.toml",
               ".dvcignore", ".gitignore")  # fmt: skip
SETTINGS: Final = (
    "ingest.sources=rows.jsonl", "ingest.id_key=id", "embed.model=model", "choose.budget=20%",
    "measure.control_seeds=2", "previous.follow=false",
)  # fmt: skip
STATES: Final = {"a": (300, 0), "b": (360, 1)}  # rows, seed
DVC: Final = ("-m", "dvc", "repro")
FLOW: Final = ("-m", "flows.cli", "run")
ORPHAN_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.005
LONGEST_SECONDS: Final = 600.0


@dataclass
class Ground:
    """The checkout `root`; `expected` holds the files of an undisturbed run on each state.

    `seconds` is how long each stage's process lived in the last of these runs, `last_said` what the
    last run after a fault printed.
    """

    root: Path
    environment: dict[str, str]
    expected: dict[str, dict[str, bytes]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    state: str = "a"
    last_said: str = ""

    def start(self, *arguments: str, environment: dict[str, str] | None = None) -> "Started":
        """Start Python here; what it prints goes to a file."""
        log = self.root.parent / f"said-{time.monotonic_ns()}.txt"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env={**self.environment, **(environment or {})},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Started(process, log)

    def run(self, *arguments: str, environment: dict[str, str] | None = None) -> "Started":
        """Run Python here to its end."""
        started = self.start(*arguments, environment=environment)
        started.process.wait()
        return started

    def put(self, state: str) -> None:
        """Give the sources a state, and let DVC forget results it would only have to restore."""
        rows, seed = STATES[state]
        (self.root / "rows.jsonl").write_bytes(as_lines(made_rows(rows, seed)))
        shutil.rmtree(self.root / ".dvc/cache/runs", ignore_errors=True)
        self.state = state

    def clear(self) -> None:
        """Forget all that was ever made here but the caches of contents."""
        shutil.rmtree(self.root / "artifacts", ignore_errors=True)
        (self.root / "dvc.lock").unlink(missing_ok=True)

    def files(self) -> dict[str, bytes]:
        """Bytes of everything that dvc.lock names; what is not there has none."""
        from flows.repro import lock_entries

        outs = [self.root / out.path for out in lock_entries(self.root / "dvc.lock")]
        return {out.name: out.read_bytes() for out in outs if out.exists()}

    def differing(self) -> list[str]:
        """Names of files that an undisturbed run on this state makes otherwise, or not at all."""
        found, wanted = self.files(), self.expected[self.state]
        return sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))

    def rows_lost(self) -> int:
        """Records that an undisturbed run decides about and the ledger here does not."""
        ledger = self.root / "artifacts" / "decisions.parquet"
        if not ledger.exists():
            return STATES[self.state][0]
        wanted = pl.read_parquet(self.expected[self.state]["decisions.parquet"])
        key = ["source_file", "row"]
        return len(wanted.join(pl.read_parquet(ledger), on=key, how="anti"))

    def leftovers(self) -> list[str]:
        """Files that were being written when their writer died, and that nobody removed."""
        return sorted(path.name for path in (self.root / "artifacts").rglob("*.partial"))

    def wait_for_orphans(self) -> None:
        """Wait for processes at work here whose starter was killed."""
        end = time.monotonic() + ORPHAN_SECONDS
        while at_work(self.root) and time.monotonic() < end:
            time.sleep(0.2)


@dataclass(frozen=True)
class Started:
    """A process of Python, and the file that holds what it says."""

    process: subprocess.Popen
    log: Path

    @property
    def status(self) -> int:
        """Its exit status."""
        return int(self.process.wait())

    @property
    def said(self) -> str:
        """All it printed so far."""
        return self.log.read_text("utf-8", "replace")


def next_stage(started: Started, among: Sequence[str]) -> tuple[str, psutil.Process] | None:
    """Wait for the process of one of some stages below a run; None if the run ends without one."""
    end = time.monotonic() + LONGEST_SECONDS
    commands = {f"tasks.{stage}": stage for stage in among}
    while started.process.poll() is None and time.monotonic() < end:
        with suppress(psutil.Error):
            for child in psutil.Process(started.process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    command = child.cmdline()
                    if command[1:2] == ["-m"] and command[2] in commands:
                        return commands[command[2]], child
        time.sleep(LOOK_SECONDS)
    return None


def stage_of(started: Started, stage: str) -> psutil.Process | None:
    """Wait for the process of a stage below a run; None if the run ends without one."""
    found = next_stage(started, [stage])
    return found[1] if found else None


def at_work(folder: Path) -> list[psutil.Process]:
    """Processes whose working folder is `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder):
                found.append(process)
        except psutil.Error:
            continue  # it has ended, or is somebody else's
    return found


def make_ground(folder: Path) -> Ground:
    """Make the checkout and both undisturbed runs."""
    root = folder / "checkout"
    root.mkdir(parents=True)
    for name in CODE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name)
        else:
            shutil.copy2(ROOT / name, root / name)
    save_static_model(root / "model")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    (root / ".dvc" / ".gitignore").write_text("/cache\n/tmp\n/config.local\n")
    params = root / "params.yaml"
    save(apply_overrides(load_params(params), SETTINGS), params)
    own = {"PREFECT_HOME": str(folder / "prefect"), "PYTHONDONTWRITEBYTECODE": ""}
    kept = {k: v for k, v in stage_environment().items() if not k.startswith(("PREFECT_", "DVC_"))}
    ground = Ground(root, {**kept, **SILENT, **own})
    author = ["-c", "user.name=faults", "-c", "user.email=faults@localhost"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True, env=os.environ)
    for state in STATES:
        ground.put(state)
        ground.clear()
        _undisturbed(ground)
    return ground


def _undisturbed(ground: Ground) -> None:
    ran = ground.start(*DVC)
    for stage in PIPELINE:
        if found := stage_of(ran, stage):
            began = time.monotonic()
            psutil.wait_procs([found], timeout=LONGEST_SECONDS)
            ground.seconds[stage] = time.monotonic() - began
    if ran.status:
        raise RuntimeError(f"the undisturbed run failed:\n{ran.said}")
    ground.expected[ground.state] = ground.files()
