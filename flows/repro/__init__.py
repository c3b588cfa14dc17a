"""The only calls to DVC: is a stage unchanged, reproduce it, what does dvc.lock say.

DVC decides alone what is stale. Whoever starts a stage, DVC runs `python -m tasks.<stage>`. Beside:
`experiments` (runs that were kept), `outputs` (their files), `remotes` (where they are stored).
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import yaml

from flows.repro.torn import mend_files_in_use, mend_lock_file
from schemas.errors import BusyError, SettingsError, TransferError, WinnowError
from tasks.paths import SECRETS, Paths

LOCK_FILE: Final = Path("dvc.lock")
RESTORED: Final = "is cached - skipping run"  # DVC's words for: outputs taken from its run cache
UNCHANGED: Final = "didn't change, skipping"
BUSY: Final = ("is busy, it is being blocked by", "Unable to acquire lock")
CHATTER: Final = re.compile(  # DVC's own talk: no news to somebody who watches the stages
    r"Running stage |> python |(?:Updating|Generating) lock file|Use `dvc push`"
    r"|To track the changes|\tgit add|To enable auto staging|\tdvc config"
    r"|ERROR: failed to reproduce|Data and pipelines are up"
)
STOPPED: Final = re.compile(r"\w+ stopped: ")  # how a stage says why it ends (tasks.stage)
STATUS: Final = re.compile(r"failed to run: .*, exited with (\d+)")  # DVC's words for its status
KINDS: Final = {kind.exit_status: kind for kind in (SettingsError, TransferError)}
PROGRESS_SECONDS: Final = 2.0  # a line that rewrites itself is passed on at most this often


@dataclass(frozen=True)
class LockedOut:
    """One output as dvc.lock records it: path, MD5 of its bytes, size in bytes."""

    stage: str
    path: str
    md5: str
    size: int


def lock_entries(path: Path = LOCK_FILE) -> list[LockedOut]:
    """Every output in dvc.lock, in the file's order; none where there is no such file."""
    return parse_lock(path.read_text(encoding="utf-8")) if path.exists() else []


def parse_lock(text: str) -> list[LockedOut]:
    """Every output that the text of a dvc.lock names, in its order."""
    stages = (yaml.safe_load(text) or {}).get("stages", {})
    return [
        LockedOut(stage, out["path"], out.get("md5", ""), out.get("size", 0))
        for stage, entry in stages.items()
        for out in entry.get("outs", [])
    ]


def is_unchanged(stage: str) -> bool:
    """Whether DVC finds nothing to do for a stage; raises `BusyError` if another process has it.

    A stage that always runs (`sources`) is never unchanged before it has run.
    """
    with repository() as repo:
        (found,) = repo.stage.collect(stage)
        return not found.changed()


def stale_stages() -> list[str]:
    """The stages DVC would run again, in its order; one that always runs does not count."""
    with repository() as repo:
        stages = [one for one in repo.index.stages if not one.always_changed]
        return [stage.addressing for stage in stages if stage.changed()]


def ensure_free(*files: Path) -> None:
    """Raise `BusyError` while another DVC process reads or writes one of `files`."""
    from dvc.rwlock import rwlock

    with repository() as repo:
        paths = [str(file.resolve()) for file in files]
        with rwlock(repo.tmp_dir, repo.fs, "winnow run", [], paths, False):
            pass


@contextmanager
def repository() -> Iterator[Any]:
    """Open the checkout as DVC sees it, locked; DVC's own errors become ours."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo, lock_repo

    mend_files_in_use(Path())
    try:
        with Repo() as repo, lock_repo(repo):
            mend_lock_file(Path(repo.root_dir) / LOCK_FILE)
            yield repo
    except LockError as error:
        raise _busy(str(error)) from None
    except DvcException as error:
        raise WinnowError(f"DVC cannot read this checkout: {error}") from error


def reproduce(stage: str, on_line: Callable[[str], None]) -> bool:
    """Have DVC reproduce one stage, each line the stage prints passed on as it comes.

    Returns False if nothing new came of it: unchanged, restored from DVC's run cache, or a stage
    that always runs and left the outputs it found. Raises `WinnowError` with the stage's own words
    if it failed, `BusyError` if another DVC process holds the stage. The process and its children
    end with this call, however it ends.
    """
    before = _outs(stage)
    status, said = _dvc(["repro", "--single-item", stage], Path(), on_line)
    if status:
        raise failure(stage, said)
    if any(RESTORED in line or UNCHANGED in line for line in said):
        return False
    return not (_always_runs(stage) and _outs(stage) == before)


def _outs(stage: str) -> list[LockedOut]:
    return [out for out in lock_entries() if out.stage == stage]


def _always_runs(stage: str) -> bool:
    with repository() as repo:
        (found,) = repo.stage.collect(stage)
        return bool(found.always_changed)


def reproduce_afresh(folder: Path, on_line: Callable[[str], None]) -> None:
    """Run every stage in another checkout, whatever is cached; raises `WinnowError` on failure."""
    status, said = _dvc(["repro", "--force", "--no-run-cache"], folder, on_line)
    if status:
        raise failure("", said)


def _dvc(
    arguments: list[str], folder: Path, on_line: Callable[[str], None]
) -> tuple[int, list[str]]:
    """Run DVC as a process that ends with this call; returns its status and all it printed."""
    mend_files_in_use(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=stage_environment() if folder == Path() else copy_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    said: list[str] = []
    try:
        for line in read_lines(process.stdout):  # type: ignore[arg-type]
            said.append(line)
            if not CHATTER.match(line):
                on_line(line)
        return process.wait(), said
    finally:
        _end(process)


def stage_environment() -> dict[str, str]:
    """Environment of a DVC process: this Python first on PATH, output unbuffered, no telemetry."""
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": binaries + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def copy_environment() -> dict[str, str]:
    """Environment of a DVC process in a copy of this checkout: its salt, its ledger of answers."""
    return {**stage_environment(), SECRETS: str(Paths().secrets.resolve())}


def read_lines(stream: IO[bytes], clock: Callable[[], float] = time.monotonic) -> Iterator[str]:
    """Yield non-blank lines as they come; of a line that rewrites itself, now and then a state."""
    rest, shown = b"", clock()
    while chunk := stream.read1(65536):  # type: ignore[attr-defined]
        *parts, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        for part in parts:
            text = part.decode("utf-8", "replace").rstrip()
            rewrites = part.endswith(b"\r")
            if not text or (rewrites and clock() - shown < PROGRESS_SECONDS):
                continue
            shown = clock()
            yield text
    if text := rest.decode("utf-8", "replace").rstrip():
        yield text


def failure(stage: str, said: list[str]) -> WinnowError:
    """Turn what a failed `dvc repro` said into an error: the stage's own words where it had any."""
    text = "\n".join(said)
    if any(words in text for words in BUSY):
        return _busy(text)
    starts = [place for place, line in enumerate(said) if STOPPED.match(line)]
    if starts:
        status = STATUS.search(text)
        kind = KINDS.get(int(status[1]), WinnowError) if status else WinnowError
        return kind("\n".join(line for line in said[starts[-1] :] if not CHATTER.match(line)))
    last = [line for line in said if not CHATTER.match(line)][-12:]
    return WinnowError(
        f"stage {stage} failed" if stage else "a stage failed", where="\n    ".join(last)
    )


def _busy(text: str) -> BusyError:
    holders = re.findall(r"\(PID (\d+)\): (.+)", text)
    who = ", ".join(f"process {pid} ({command})" for pid, command in holders)
    return BusyError(
        "DVC is at work in this checkout" + (f": {who}" if who else " in another process"),
        where=str(Path(".dvc/tmp").resolve()),
        remedy="wait for it to end, or work in a second clone",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, if it still runs; asked first, DVC frees its locks."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
    if process.stdout:
        process.stdout.close()


@dataclass(frozen=True)
class Remote:
    """DVC's default remote: name and address."""

    name: str
    url: str


def stage_names() -> list[str]:
    """Names of the pipeline's stages, as DVC reads them; raises `WinnowError` if it cannot."""
    with repository() as repo:
        return [stage.name for stage in repo.index.stages if hasattr(stage, "name")]


def track(path: Path) -> None:
    """Have DVC track a file beside the pipeline, or its newer content: `<path>.dvc`, its cache."""
    with repository() as repo:
        repo.scm_context.quiet = True  # else DVC's hint stands before the data on stdout
        repo.add(str(path))


def default_remote() -> Remote | None:
    """The remote that `dvc push` takes; None where there is none."""
    with repository() as repo:
        name = repo.config["core"].get("remote")
        if not name:
            return None
        entry = repo.config["remote"].get(name)
        if entry is None:
            raise WinnowError(f"DVC's default remote {name!r} is not defined", where=".dvc/config")
        return Remote(name, entry["url"])


def remote_problem(remote: Remote) -> str:
    """What keeps DVC from reading a remote; empty if nothing does. An empty remote is fine."""
    with repository() as repo:
        try:
            odb = repo.cloud.get_remote_odb(remote.name)
            odb.fs.exists(odb.path)
        except Exception as error:  # whatever its file system raises is the answer
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return ""
