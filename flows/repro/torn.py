"""Files that DVC writes in place, left half written by a process that was killed.

DVC refuses all work then. Both hold nothing that is not found again: which files are in use, and
what each stage read and wrote, without which DVC runs the stage once more.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

ENTRY: Final = re.compile(r"^  \S", re.MULTILINE)  # a stage's first line in dvc.lock


def mend_files_in_use(folder: Path) -> None:
    """Remove DVC's list of files in use if it is torn.

    The list names processes, and whoever writes it holds the lock that is taken here.
    """
    path = folder / ".dvc" / "tmp" / "rwlock"
    if not _is_torn(path):
        return
    from dvc.lock import make_lock

    with make_lock(str(path.with_suffix(".lock")), tmp_dir=str(path.parent)):
        if _is_torn(path):  # nobody was just writing it
            path.unlink()


def _is_torn(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False


def mend_lock_file(path: Path) -> None:
    """Take the last stage from a dvc.lock that ends in the middle of it, as DVC had to write it.

    Whatever else is wrong with the file (a merge's conflict, say) is left for DVC to tell. The torn
    file is kept as .dvc/tmp/dvc.lock.torn. Call it while holding DVC's own lock.
    """
    if not path.exists() or is_lock_file(text := path.read_text("utf-8", "replace")):
        return
    from tasks.storage.rows import write_text

    entries = [found.start() for found in ENTRY.finditer(text)]
    whole = text[: entries[-1]] if entries else ""
    if len(entries) > 1 and not is_lock_file(whole):
        return
    write_text(path.parent / ".dvc" / "tmp" / "dvc.lock.torn", text)
    if len(entries) > 1:
        write_text(path, whole)
    else:
        path.unlink()


def is_lock_file(text: str) -> bool:
    """Whether DVC can read a text as a dvc.lock."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    try:
        found: Any = yaml.safe_load(text)
        COMPILED_LOCKFILE_SCHEMA(found)
    except (yaml.YAMLError, Invalid):
        return False
    return bool(found.get("stages"))
