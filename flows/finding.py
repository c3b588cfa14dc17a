"""`winnow search`: the rows nearest in meaning to a text, with their verdicts."""

import json
from typing import Any

from tasks.telling import plain

TEXT_CHARS = 100


def find(text: str, k: int, as_json: bool) -> str:
    """Show the `k` nearest rows of the store, closest first, in words or as JSON."""
    from tasks.search import search
    from tasks.stage import Paths, load_params

    paths = Paths()
    rows = search(text, k, load_params(paths.params), paths)
    if as_json:
        return json.dumps(rows, indent=2, ensure_ascii=False)
    return "\n".join(_line(row) for row in rows) or "the store holds no rows"


def _line(row: dict[str, Any]) -> str:
    head = f"{row['similarity']:.4f}  {row.get('verdict') or '?':<8}  {plain(row['id'])}"
    return f"{head}  {plain(str(row.get('text', ''))[:TEXT_CHARS])}"
