"""lineage.html in a real browser: search, story, map, keys, phone, dark mode, 50,000 rows.

Needs Debian's Chromium (apt-get install chromium); skipped where there is none.
"""

import re
import shutil
import time
from dataclasses import dataclass
from urllib.parse import quote

import polars as pl
import pytest

from flows.reasons import explain
from schemas.params import Params
from tasks.pages.lineage import lineage
from tasks.pages.render import render_lineage
from tasks.paths import Paths
from tasks.report import run
from tasks.storage.rows import read_rows, write_text
from tasks.telling import story
from tests.ledgers import fill as fill_many
from tests.ledgers import with_places
from tests.tasks.test_report import HOSTILE, fill

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")
TOLD = """() => [...document.querySelectorAll("#story .record")].map((record) => ({
  head: record.querySelector(".head").textContent,
  sections: [...record.querySelectorAll("dt")].map((label) => [label.textContent,
    [...label.nextElementSibling.querySelectorAll(".line")].map((line) => line.textContent)])
    .filter(([, lines]) => lines.length),
}))"""


@dataclass(frozen=True)
class Site:
    paths: Paths
    ids: list[str]

    @property
    def address(self) -> str:
        return (self.paths.artifacts / "lineage.html").resolve().as_uri()

    def told(self, row: str) -> list[dict]:
        """What `winnow why` tells, in the shape that `TOLD` reads off the page."""
        stories = [story(record) for record in explain(row, self.paths)]
        return [
            {"head": head, "sections": [[label, lines] for label, lines in sections]}
            for head, sections in stories
        ]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    """The pages of the hostile rows of test_report."""
    paths = Paths(tmp_path_factory.mktemp("site"))
    fill(paths)
    run(Params(), paths)
    ids = pl.read_parquet(paths.table("decisions"))["id"].unique().sort().to_list()
    return Site(paths, ids)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, site):
    """A function that opens the page; at the end nothing may have been wrong or asked for."""
    contexts, faults = [], []

    def opened(address: str = "", **options):
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:"))
                else faults.append(f"asked for {asked.url}"))  # fmt: skip
        page.goto(address or site.address)
        page.wait_for_selector("html[data-ready=yes]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def told(page, row: str) -> list[dict]:
    """What the page tells once it shows that row."""
    page.wait_for_function("id => document.querySelector('#story h3')?.textContent === id", arg=row)
    return page.evaluate(TOLD)


def test_every_row_is_told_in_the_words_of_winnow_why(open_page, site):
    page = open_page()
    assert len(site.ids) == 46
    for row in site.ids:
        page.evaluate("id => { location.hash = '#row=' + encodeURIComponent(id); }", row)
        assert told(page, row) == site.told(row)
    assert not page.evaluate(
        "[...document.querySelectorAll('#story img, #story b:not(i b)')].length"
    )


def test_an_id_is_found_by_a_part_of_it_and_told(open_page, site):
    page = open_page()
    page.fill("#query", "041")
    assert page.locator("#hits li").count() == 1
    assert page.inner_text("#found") == "1 id found"
    page.click("#hits li")
    row = next(name for name in site.ids if name.startswith("041"))
    assert told(page, row) == site.told(row)
    keeper = page.locator(".onward button").first
    name = keeper.evaluate("node => node.firstChild.textContent")
    keeper.click()
    assert told(page, name) == site.told(name)
    page.go_back()
    assert told(page, row) == site.told(row)


def test_an_unknown_id_is_answered_in_words(open_page):
    page = open_page()
    page.fill("#query", HOSTILE[1] + "?")
    page.press("#query", "Enter")
    assert "No row has the id" in page.inner_text("#found")
    assert page.locator("#story .record").count() == 0


def test_everything_is_reached_by_keys_alone(open_page, site):
    page = open_page()
    for _ in range(4):  # skip link, report, then the search field
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "query":
            break
    page.keyboard.type("00")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.get_attribute("#query", "aria-activedescendant")
    row = page.evaluate("id => document.getElementById(id).firstChild.textContent", second)
    page.keyboard.press("Enter")
    assert told(page, row) == site.told(row)
    assert page.evaluate("document.activeElement.id") == "story"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#story') !== null")
    page.focus("#map")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    shown = page.inner_text("#point").split(" · ")[0]
    page.keyboard.press("Enter")
    found = page.evaluate("decodeURIComponent(location.hash.slice(5))")
    assert " ".join(found.split()) == " ".join(shown.split())
    assert told(page, found) == site.told(found)


def test_a_click_on_a_point_of_the_map_tells_its_row(open_page, site):
    page = open_page()
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for step in range(400):  # from the middle outwards until a point is met
        if page.evaluate("location.hash"):
            break
        x, y = (0.05 + 0.9 * (step % 20) / 20, 0.05 + 0.9 * (step // 20) / 20)
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    found = page.evaluate("decodeURIComponent(location.hash.slice(5))")
    assert found in site.ids
    assert told(page, found) == site.told(found)


def test_a_click_on_the_reports_map_leads_to_the_story(open_page, site):
    page = open_page(reduced_motion="reduce")  # else the page still scrolls when we point
    page.goto(site.address.replace("lineage.html", "report.html"))
    page.wait_for_selector("#figure-map .scatterlayer .point")
    point = page.locator("#figure-map .scatterlayer .point").last
    point.scroll_into_view_if_needed()
    place = point.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.wait_for_selector("#figure-map .hoverlayer .hovertext")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url(re.compile(r"lineage\.html#row="))
    found = page.evaluate("decodeURIComponent(location.hash.slice(5))")
    assert told(page, found) == site.told(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling_and_text_stands_out(open_page, site, scheme):
    row = site.ids[12]
    page = open_page(
        f"{site.address}#row={quote(row, safe='')}",
        viewport={"width": 360, "height": 780},
        color_scheme=scheme,
    )
    assert told(page, row) == site.told(row)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 40
    assert min(ratios) >= 4.5


CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("main p, main dt, main .line, main button, main li span")]
    .filter((node) => node.textContent.trim() && node.offsetParent && !node.disabled)
    .map((node) => {
      const pair = [light(parse(getComputedStyle(node).color)), light(ground(node))].sort();
      return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    });
}"""


def test_names_and_roles_are_there_for_a_screen_reader(open_page):
    page = open_page()
    page.fill("#query", "0")
    named = {
        "combobox": "Row id",
        "listbox": "Ids found",
        "article": "Story of a row",
        "application": "Map of the embeddings",
    }
    for role, name in named.items():
        assert page.get_by_role(role, name=name).count() == 1, role
    assert page.get_attribute("#query", "aria-expanded") == "true"
    assert page.get_by_role("img", name="ingest reads from sources").count() == 1


def test_the_policy_forbids_every_load_and_every_style_but_our_own(open_page):
    page = open_page()
    policy = page.get_attribute("meta[http-equiv='Content-Security-Policy']", "content")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.slow
def test_fifty_thousand_rows_open_and_answer(open_page, tmp_path, capsys):
    paths = Paths(tmp_path)
    manifests = fill_many(paths, 50_000)
    rows, points = with_places(read_rows(paths.table("decisions")))
    page_of = render_lineage(lineage(rows, points, manifests, 50_000, paths))
    write_text(paths.artifacts / "lineage.html", page_of)
    site = Site(paths, [])
    started = time.perf_counter()
    page = open_page(site.address)
    opened = time.perf_counter()
    row = "shelf-33/row-0012546"
    page.fill("#query", row)
    page.press("#query", "Enter")
    assert told(page, row) == site.told(row)
    answered = time.perf_counter()
    page.fill("#query", "row-00125")
    assert page.inner_text("#found") == "100 ids found, the first 50 are listed"
    listed = time.perf_counter()
    with capsys.disabled():
        print(f"\n50,000 rows, {len(page_of) / 1e6:.0f} MB: open {opened - started:.2f} s, "
              f"story {answered - opened:.2f} s, list {listed - answered:.2f} s")  # fmt: skip
