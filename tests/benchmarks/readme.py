"""Blocks of README.md that a command writes: all between `<!-- name -->` and `<!-- /name -->`."""

from pathlib import Path
from typing import Final

README: Final = Path("README.md")


def write_block(name: str, block: str) -> None:
    """Put a block into README.md in place of the one between its markers."""
    text = README.read_text(encoding="utf-8")
    README.write_text(replaced(text, name, block), encoding="utf-8")


def replaced(text: str, name: str, block: str) -> str:
    """A text with the block between its markers; raises `ValueError` where they are not."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"README.md must hold the lines {begin} and {end}")
    return f"{before}{begin}\n{block}\n{end}{after}"
