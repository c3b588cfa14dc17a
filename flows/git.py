"""Git by its plumbing: nothing here touches the working tree, the index or a branch."""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from schemas.errors import WinnowError


def git(
    *arguments: str, given: bytes | None = None, environment: Mapping[str, str] | None = None
) -> bytes:
    """What a git command prints; raises `WinnowError` with git's own words if it fails."""
    done = _run(arguments, given, environment)
    if done.returncode:
        raise WinnowError(
            f"git {arguments[0]} failed", where=done.stderr.decode("utf-8", "replace").strip()
        )
    return done.stdout


def line(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """The one line that a git command prints, or an empty text if it fails."""
    done = _run(arguments, None, environment)
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def _run(
    arguments: Iterable[str], given: bytes | None, environment: Mapping[str, str] | None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", *arguments],
            input=given or b"",
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", **(environment or {})},
            check=False,
        )
    except FileNotFoundError:
        raise WinnowError(
            "git is not installed", remedy="install it with: sudo apt-get install git"
        ) from None


def blobs(names: Iterable[str]) -> list[str]:
    """Ids of objects named like `REV:./params.yaml`; an empty text for one that does not exist."""
    wanted = "".join(f"{name}\n" for name in names)
    found = git("cat-file", "--batch-check=%(objectname)", given=wanted.encode()).decode()
    return ["" if said.endswith(" missing") else said for said in found.splitlines()]


def blobs_here(paths: Iterable[str]) -> list[str]:
    """Ids that files of the working tree would have in git; an empty text for a missing file."""
    return [line("hash-object", "--", path) if Path(path).is_file() else "" for path in paths]
