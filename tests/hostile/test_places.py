"""What is no readable file is refused in words, at once and without steering the terminal."""

import os
import shutil

import pytest

from schemas.errors import WinnowError
from schemas.params import Params
from tasks import ingest, sources
from tasks.stage import Paths
from tests.hostile.child import in_child
from tests.hostile.places import PLACES, Place

NEEDS_RIGHTS_DROPPED = ("a file nobody may read", "a folder nobody may enter")
pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize(
    "place",
    [place for place in PLACES if place.name not in NEEDS_RIGHTS_DROPPED],
    ids=lambda place: place.name,
)
def test_a_place_is_read_or_refused_in_words(tmp_path, place: Place):
    root = tmp_path / "checkout"
    root.mkdir()
    place.make(root)
    params = Params.model_validate(
        {"ingest": {"sources": [place.source], "max_quarantine_share": 0.5}}
    )
    try:
        sources.run(params, Paths(root))
        ingest.run(params, Paths(root))
        status, told = 0, ""
    except WinnowError as error:
        status, told = error.exit_status, str(error)
    assert status == place.status, told
    for words in place.words:
        assert words in told
    assert all(char.isprintable() or char == "\n" for char in told)


@pytest.mark.parametrize("name", NEEDS_RIGHTS_DROPPED)
def test_what_nobody_may_read_is_refused_in_words(tmp_path, name):
    """Root reads it all the same, so as root the process gives up root's rights (setpriv)."""
    (place,) = (place for place in PLACES if place.name == name)
    place.make(tmp_path)
    (tmp_path / "params.yaml").write_text(f"ingest: {{sources: [{place.source}]}}")
    said = in_child(tmp_path, "sources", *without_rights())
    assert said.status == 1, said.text
    assert "Permission denied" in said.text
    assert place.source in said.text


def without_rights() -> tuple[str, ...]:
    if os.geteuid():
        return ()
    if not shutil.which("setpriv"):
        pytest.skip("root reads files of mode 000, and setpriv is not here to drop that right")
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
