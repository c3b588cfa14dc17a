"""The work itself: stages read files, call methods, write files; methods see arrays only."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Final

PIPELINE: Final = (
    "sources",
    "previous",
    "ingest",
    "deduplicate",
    "embed",
    "decontaminate",
    "score",
    "choose",
    "validate",
    "measure",
    "gate",
    "report",
)


def _use_own_environment() -> None:
    """Start a stage again with .venv's Python if this one lacks Winnow's packages.

    DVC runs `python -m tasks.<stage>` with the first python on PATH, which is another one when
    `.venv/bin/dvc repro` is called without activating the environment.
    """
    if importlib.util.find_spec("polars"):
        return
    own = Path(__file__).parent.parent / ".venv" / "bin" / "python"
    if not own.exists() or Path(sys.executable) == own:
        sys.exit("Winnow's packages are not installed here: run `make setup`")
    os.execv(own, [str(own), *sys.orig_argv[1:]])  # noqa: S606


if sys.orig_argv[1:2] == ["-m"] and "".join(sys.orig_argv[2:3]).startswith("tasks."):
    _use_own_environment()
