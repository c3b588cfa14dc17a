"""Git, disk and memory."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flows.doctor.finding import Finding, fail, ok, warn

GIB: Final = 2**30
FULL_GIB, TIGHT_GIB = 1, 5  # the demo's artifacts and cache are 0.1 GiB, .venv is 2.4
LEAST_MEMORY_GIB, TIGHT_MEMORY_GIB = 1, 4  # a million rows take 5 (README)


def check_git() -> Iterator[Finding]:
    """Whether git is here, this is a repository, and a commit can be named."""
    if shutil.which("git") is None:
        yield fail("git", "not on PATH", "sudo apt-get install git")
        return
    head = _git("rev-parse", "--short", "HEAD")
    if head.returncode:
        said = head.stderr.strip().splitlines()
        mend = "git clone the project, or: git init && git add -A && git commit -m start"
        yield fail("git", f"no commit here: {said[0] if said else 'git says nothing'}", mend)
        return
    changed = len(_git("status", "--porcelain", "--untracked-files=no").stdout.splitlines())
    yield ok("git", f"commit {head.stdout.strip()}, files changed since: {changed or 'none'}")


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True)


def check_disk(folder: Path = Path()) -> Iterator[Finding]:
    """Free space where artifacts and DVC's cache lie."""
    free = shutil.disk_usage(folder).free / GIB
    found = f"{free:.1f} GiB free"
    mend = "dvc gc --workspace   (cached artifacts of other runs go), or a larger disk"
    if free < FULL_GIB:
        yield fail("disk", f"{found}; a run needs {FULL_GIB} GiB", mend)
    elif free < TIGHT_GIB:
        yield warn("disk", f"{found}; {TIGHT_GIB} GiB leave room", mend)
    else:
        yield ok("disk", found)


def check_memory() -> Iterator[Finding]:
    """Memory that programs can have now."""
    import psutil

    free = psutil.virtual_memory().available / GIB
    found = f"{free:.1f} GiB available"
    mend = "end other programs (ps aux --sort=-rss | head), or lower embed.batch_rows"
    if free < LEAST_MEMORY_GIB:
        yield fail("memory", f"{found}; the model alone needs {LEAST_MEMORY_GIB} GiB", mend)
    elif free < TIGHT_MEMORY_GIB:
        yield warn("memory", f"{found}; {TIGHT_MEMORY_GIB} GiB leave room", mend)
    else:
        yield ok("memory", found)
