"""A stage's VERSION, read from its source: no stage is imported to learn its version."""

import ast
from pathlib import Path

from schemas.errors import WinnowError

CODE = Path(__file__).resolve().parent.parent / "tasks"


def stage_version(stage: str, folder: Path = CODE) -> str:
    """Read the constant VERSION of `tasks/<stage>.py`; raises `WinnowError` where there is none."""
    path = folder / f"{stage}.py"
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(name, ast.Name) and name.id == "VERSION" for name in targets):
            return str(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    raise WinnowError(f"stage {stage} has no VERSION", where=str(path))
