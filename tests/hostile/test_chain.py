"""Hostile input that is accepted, in one corpus, through the whole chain, the pages and `why`."""

import shutil
from html.parser import HTMLParser

import polars as pl
import pytest

from tests.hostile.files import DEAR, GROUPS
from tests.hostile.records import NAMED, generated
from tests.test_pipeline import CODE, ROOT, UNFINISHED, Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PAGES = ("report.html", "lineage.html")
ROW_OF_CSV, ROW_OF_JSON = b"id,text\nc,water\n", b'{"id":"j","text":"fire"}\n'
NAMES = ("<script>alert(1)<.jsonl", "=1+1.csv", "\x1b[2Jclear.jsonl", "a\u202elnosj.jsonl")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, tiny_model) -> Checkout:
    """A checkout in which DVC took hostile records and files through every stage."""
    root = tmp_path_factory.mktemp("hostile_chain")
    for part in CODE:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=UNFINISHED)
        else:
            shutil.copy2(ROOT / part, root / part)
    shutil.copytree(tiny_model, root / "model")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
    rows = root / "rows"
    rows.mkdir()
    lines = [line.raw for line in NAMED]
    (rows / "named.jsonl").write_bytes(b"\n".join(lines))
    (rows / "generated.jsonl").write_bytes(b"\n".join(generated(300, seed=1)))
    for name in NAMES:
        (rows / name).write_bytes(ROW_OF_CSV if "csv" in name else ROW_OF_JSON)
    for files in GROUPS.values():
        for file in files:
            if not file.rules and file.name not in DEAR:
                (rows / file.name).write_bytes(file.content())
    made = Checkout(root)
    made.set("ingest.sources=rows/*.*", "ingest.id_key=id", "ingest.max_quarantine_share=1")
    made.set("embed.model=model", "choose.budget=40%", "measure.control_seeds=2")
    made.repro()
    return made


def test_no_record_is_lost(checkout):
    verdicts = checkout.conserved()
    assert verdicts["quarantined"] > 50
    assert verdicts["kept"] > 50


class Tags(HTMLParser):
    """Names of the tags, with those attributes that act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("page", PAGES)
def test_pages_hold_no_markup_of_the_corpus(checkout, page):
    tags = Tags()
    tags.feed((checkout.root / "artifacts" / page).read_text(encoding="utf-8"))
    names = {name for name, _ in tags.found}
    assert "table" in names or "script" in names
    assert not names & {"iframe", "object", "base", "math", "plaintext", "embed", "frame"}
    for name, attributes in tags.found:
        acting = [key for key in attributes if key.startswith("on")]
        assert not acting, (name, attributes)
        for key in ("src", "href", "action", "data"):
            address = (attributes.get(key) or "").strip().lower()
            assert not address.startswith(("javascript:", "http:", "//")), (name, attributes)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("page", PAGES)
def test_a_browser_shows_the_pages_without_dialog_request_or_error(checkout, page):
    playwright = pytest.importorskip("playwright.sync_api")
    dialogs, requests, errors = [], [], []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        address = (checkout.root / "artifacts" / page).as_uri()
        tab.goto(address)
        tab.wait_for_timeout(3000)
        shown = tab.inner_text("body")
        browser.close()
    assert dialogs == []
    assert [url for url in requests if url.startswith(("http", "ws", "ftp"))] == []
    assert errors == []
    assert len(shown) > 500


def test_why_tells_hostile_ids_without_steering_the_terminal(checkout):
    ledger = pl.read_parquet(checkout.root / "artifacts" / "decisions.parquet")
    hostile = ledger.filter(
        pl.col("id").str.contains(r"[\p{Cc}\p{Cf}<>=/\\]") & ~pl.col("id").str.starts_with("-")
    )
    asked = hostile.group_by("verdict").head(4)["id"].to_list()
    assert len(asked) >= 8
    for name in asked:
        said = checkout._python(["-m", "flows.cli", "why", name], 1)
        assert all(char.isprintable() or char == "\n" for char in said), said
        assert said.strip()
