"""Files that only their owner may read: a secret is made once and never replaced."""

import os
from pathlib import Path


def make_once(path: Path, text: str) -> str:
    """Write a file with mode 600 from its first byte, unless it is there; returns what it holds."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
    return text


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, if it is not there; returns it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
