"""The page of a comparison in a real browser: hostile rows, search, map, phone, dark mode."""

import re
import shutil

import polars as pl
import pytest

from tasks.comparing.whole import compare
from tasks.pages.comparison import comparison_page, kinds, placed
from tests.tasks.sides import comparison, make_side
from tests.tasks.test_report import HOSTILE

CHROMIUM = shutil.which("chromium")
CAUSES = {
    "answer": "all of it is due to data: nothing else differs",
    "causes": [{"name": "data", "differs": [HOSTILE[0]], "without_effect": [HOSTILE[5]],
                "known": True}],
    "notes": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Forty rows whose ids, texts and sources are hostile; each run chooses half of them."""
    folder = tmp_path_factory.mktemp("pages")
    texts = {f"{HOSTILE[i % 10]} {i}": f"{'abc'[i % 3]} {HOSTILE[i % 10]} {i}" for i in range(40)}
    sources = {name: HOSTILE[at % 2] for at, name in enumerate(texts)}
    ids = list(texts)
    a = make_side(folder / "<b>a", texts, ids[:20], sources=sources)
    b = make_side(folder / "b", texts, ids[10:30], sources=sources)
    for side, value in ((a, 0.5), (b, 0.9)):
        comparison(side, value, 0.05)
    return compare(a, b)


@pytest.fixture(scope="module")
def page_file(found, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "compared.html"
    path.write_text(comparison_page(found, CAUSES), encoding="utf-8")
    return path


def test_equal_input_gives_equal_bytes_and_nothing_of_the_corpus_is_markup(found, page_file):
    html = page_file.read_text(encoding="utf-8")
    assert comparison_page(found, CAUSES) == html
    assert html.count("<script") == 4, "two of data, Plotly, our own"
    for text in ("<script>alert", "<img src=x", "<iframe", "\u202e", "\x1b", "<b>a"):
        assert text not in html, text
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src" in policy
    assert "http" not in policy


def test_the_map_places_every_row_of_either_selection_once(found):
    points = placed(found.a, found.b)
    assert dict(points["kind"].value_counts().rows()) == {"both": 10, "lost": 10, "gained": 10}
    every = kinds(found.a.chosen, found.b.chosen)
    assert sorted(points["id"]) == sorted(every["id"])
    assert points.select(pl.col("x", "y").is_finite().all()).row(0) == (True, True)


def test_vectors_of_two_models_have_no_common_map(tmp_path):
    a = make_side(tmp_path / "a", {"x": "a"}, ["x"], model="one")
    b = make_side(tmp_path / "b", {"x": "a"}, ["x"], model="two")
    assert placed(a, b) is None
    assert "No map" in comparison_page(compare(a, b), CAUSES)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
def test_a_person_searches_and_clicks_at_any_width_and_in_the_dark(page_file):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for width, scheme in ((1280, "light"), (390, "dark")):
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme=scheme,
                reduced_motion="reduce",
            )  # fmt: skip
            problems, asked = [], []
            page.on("pageerror", lambda error, into=problems: into.append(str(error)))
            page.on("dialog", lambda dialog, into=problems: into.append(dialog.message))
            page.on("request", lambda request, into=asked: into.append(request.url))
            page.goto(page_file.as_uri())
            page.wait_for_selector("#figure-map .scatterlayer .point")
            assert page.inner_text("#found") == "20 of 20 rows"
            page.select_option("#change", "gained")
            assert page.inner_text("#found") == "10 of 20 rows"
            page.fill("#query", "iframe 24")
            assert page.locator("#hits li").count() == 1
            assert "outranked" in page.inner_text("#hits li")
            page.locator("#figure-map .scatterlayer .point").last.click(force=True)
            assert page.input_value("#query") != "iframe 24", "a point of the map finds its row"
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert problems == []
            assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
            page.close()
        browser.close()
