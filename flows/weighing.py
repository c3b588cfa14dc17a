"""`winnow sources`: which sources help, which candidate files to add, and how much of them."""

import json
from pathlib import Path

from schemas.errors import SettingsError
from tasks.paths import Paths
from tasks.sources import find_sources
from tasks.sourcing.telling import in_words
from tasks.sourcing.weigh import Settings, as_data, weigh
from tasks.stage import load_params
from tasks.storage.rows import write_text


def tell(
    candidates: list[str],
    target: str | None,
    settings: Settings,
    as_json: bool,
    page: Path | None = None,
) -> str:
    """Weigh the pool's sources and some files, in words or as JSON; also as a page.

    Raises `SettingsError` for a name that cannot be a page's or that means several targets,
    `SourceError` for a file that cannot be read.
    """
    if page is not None and page.suffix != ".html":
        raise SettingsError(f"{str(page)!r} is no name for a page", expected="one in .html")
    paths = Paths()
    params = load_params(paths.params)
    files = find_sources(candidates, paths, "--candidate") if candidates else []
    wanted = find_sources([target], paths, "--target") if target else []
    if len(wanted) > 1:
        raise SettingsError(
            f"--target means {len(wanted)} files", expected="one file", where=str(target)
        )
    found = weigh(files, wanted[0] if wanted else None, params, paths, settings)
    if page is not None:
        from tasks.pages.sources import sources_page

        write_text(page, sources_page(found))
    return json.dumps(as_data(found), indent=2, ensure_ascii=False) if as_json else in_words(found)
