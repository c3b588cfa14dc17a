"""`winnow compare A B`: what two subsets share, what came and went and why, and what moved."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from flows.attribution import Attribution, attribute
from flows.sides import origins
from schemas.errors import SettingsError
from tasks.comparing.metrics import FORMULA as METRICS_FORMULA
from tasks.comparing.shift import FORMULA as SHIFT_FORMULA
from tasks.comparing.whole import Compared, compare
from tasks.storage.rows import write_rows, write_text

SHOWN: Final = 10


def tell(
    a: str,
    b: str,
    as_json: bool,
    page: Path | None = None,
    rows: Path | None = None,
    measured: bool = False,
) -> str:
    """Compare two subsets: in words or, with every row, as JSON; also as a page or as Parquet.

    `measured` runs mixtures of A and B to share the change out among its causes.

    Raises `SettingsError` for a name that means nothing, with near names.
    """
    for path, ending in ((page, ".html"), (rows, ".parquet")):
        if path is not None and path.suffix != ending:
            raise SettingsError(f"{str(path)!r} is no name for it", expected=f"one in {ending}")
    with origins(a, b) as (left, right):
        compared = compare(left.side, right.side)
        causes = attribute(left, right, compared)
        if measured and not compared.equal:
            from flows.swapping import measure

            causes = causes.with_parts(measure(left, right, causes, _progress))
        if page is not None:
            from tasks.pages.comparison import comparison_page

            write_text(page, comparison_page(compared, causes.data()))
        if rows is not None:
            write_rows(rows, compared.rows)
        if as_json:
            return json.dumps(as_data(compared, causes), indent=2, ensure_ascii=False)
        from flows.compared_words import in_words

        return in_words(compared, causes, SHOWN)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def as_data(found: Compared, causes: Attribution) -> dict[str, Any]:
    """Everything that was found, all rows included."""
    return {
        "a": found.a.name,
        "b": found.b.name,
        "equal": found.equal,
        "overlap": {
            "by_id": found.by_id.data(),
            "by_content": found.by_content and found.by_content.data(),
        },
        "documents": found.pool,
        "counts": found.counts.to_dicts(),
        "metrics": None if found.metrics is None else found.metrics.to_dicts(),
        "metrics_formula": METRICS_FORMULA,
        "shifts": [each.data() for each in found.shifts],
        "shifts_formula": SHIFT_FORMULA,
        "attribution": causes.data(),
        "rows": found.rows.to_dicts(),
    }
