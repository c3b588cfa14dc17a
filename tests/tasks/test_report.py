"""The report page on hostile rows: nothing runs, nothing loads, nothing is lost, bytes repeat."""

import base64
import hashlib
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.manifest import Manifest
from schemas.params import EmbedParams, Params, PreviousParams
from schemas.tables import Changes, Comparison, Decisions, Documents, Quarantine, RowScores, check
from tasks.changes import COLUMNS
from tasks.health.judged import judge
from tasks.metrics import ALL_METRICS
from tasks.pages.changes import bound_sentence
from tasks.pages.content import SUBSETS
from tasks.percentiles import summary_of
from tasks.report import STAGES, run
from tasks.stage import Paths, write_manifest
from tasks.storage.rows import write_rows, write_text

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "<!--<script>",
    "{{7*7}}{% raw %}",
    "<iframe src=https://evil.example/></iframe>",
    "abc \u202egnirts desrever\u202c def",
    "bell \x07 and escape \x1b[31m",
    "]]></style><style>*{display:none}</style>",
    '" onmouseover="alert(3)',
    "<a href='javascript:alert(4)'>click</a> & <b>bold</b>",
]
COUNT, WIDTH = 44, 8
BOUND = {
    "held": True, "eligible": 9, "most": 2, "replaced": 1, "forced_out": 0, "from_scratch": 4,
    "share_of_from_scratch": 0.9876,
}  # fmt: skip
GROUPS = ["<b>web</b>", "books", "</script><script>alert(5)</script>"]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def texts() -> list[str]:
    return [f"{HOSTILE[i % len(HOSTILE)]} row {i}" for i in range(COUNT)]


def documents() -> pl.DataFrame:
    rows = [
        {
            "id": f"{i:03d} {HOSTILE[i % len(HOSTILE)]}"[:60],
            "text": text,
            "source": GROUPS[i % 3],
            "metadata": "{}",
            "content_sha256": sha(text),
            "raw_sha256": sha(text),
            "source_file": "in <put>.jsonl",
            "row": i + 1,
            "line": i + 1,
            "duplicate_of": None,
        }
        for i, text in enumerate(texts())
    ]
    return pl.DataFrame(rows, schema_overrides={"duplicate_of": pl.String})


def quarantine() -> pl.DataFrame:
    found = [("broken_json", HOSTILE[1]), ("blank_text", HOSTILE[5])]
    rows = [
        {
            "id": f"sha256:{sha(text)}",
            "source_file": "in <put>.jsonl",
            "row": COUNT + place,
            "line": COUNT + place,
            "rule": rule,
            "column": "text",
            "expected": "one object",
            "found": text,
            "hint": "look <here>",
            "raw_sha256": sha(text),
        }
        for place, (rule, text) in enumerate(found, 1)
    ]
    return pl.DataFrame(rows)


def decisions(docs: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """Rows 0-9 kept, 10-39 outranked, 40-43 near duplicates of 0-3, then the quarantine."""
    empty = dict.fromkeys(Decisions.to_schema().columns)
    rows, ids = [], docs["id"].to_list()
    for place, doc in enumerate(docs.iter_rows(named=True)):
        row = {**empty, **{key: doc[key] for key in empty if key in doc}, "detail": ""}
        if place < 10:
            row |= {"verdict": "kept", "stage": "choose", "rule": "gain"}
            row |= {"rank": place + 1, "gain": 1 / (place + 1), "quality": 0.5}
        elif place < 40:
            row |= {"verdict": "dropped", "stage": "choose", "rule": "outranked", "gain": 0.01}
            row |= {"quality": place / 50, "keeper_id": ids[0], "similarity": 0.8}
            row |= {
                "threshold": 0.1,
                "is_bound": True,
                "needed_quality": 0.99,
                "needed_budget_rows": 20.0,
            }
        else:
            row |= {"verdict": "dropped", "stage": "deduplicate", "rule": "near_duplicate"}
            row |= {"keeper_id": ids[place - 40], "similarity": 0.75}
        rows.append(row)
    for record in refused.iter_rows(named=True):
        row = {**empty, **{key: record[key] for key in empty if key in record}, "detail": ""}
        rows.append(row | {"verdict": "quarantined", "stage": "ingest"})
    return pl.DataFrame(rows, infer_schema_length=None)


def changes(docs: pl.DataFrame) -> pl.DataFrame:
    """Row 0 entered in the place of row 10, a row of a hostile id vanished."""
    first, lost = docs["id"][0], docs["id"][10]
    return pl.DataFrame(
        [
            (
                HOSTILE[1],
                "left",
                "vanished",
                "ingest",
                "gain",
                HOSTILE[0],
                7,
                None,
                None,
                None,
                None,
            ),
            (lost, "left", "outranked", "choose", "gain", "b", 2, 0.01, first, 0.8, 1.0),
            (first, "entered", "arrived", "choose", None, "b", 1, 1.0, lost, 0.8, 0.01),
        ],
        schema=COLUMNS,
        orient="row",
    ).sort("id", "change")


TARGET = {
    "files": [{"path": f"{HOSTILE[0]}.jsonl", "sha256": "0" * 64}],
    "rows": 3_000,
    "blank_rows": 1,
    "rows_without_direction": 0,
    "rows_compared": 2_000,
}


def comparison() -> pl.DataFrame:
    rows = [
        {
            "subset": subset,
            "metric": name,
            "value": 0.5 + 0.1 * (subset == "selected"),
            "low": 0.45 if metric.better != "neither" else None,
            "high": 0.62 if metric.better != "neither" else None,
            "interval": "jackknife",
            "draws": 1,
            "better": metric.better,
        }
        for subset in SUBSETS
        for name, metric in ALL_METRICS.items()
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def fill(paths: Paths) -> None:
    """Write every artifact the report reads, under the real table contracts."""
    docs, refused = documents(), quarantine()
    ledger = decisions(docs, refused)
    embedded = docs.head(40)
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, WIDTH)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = embedded.select(
        "id",
        quality=pl.Series(random.random(40)),
        rules_passed=pl.Series(np.ones(40)),
        nearest_id="id",
        nearest_similarity=0.5,
        density=0.4,
        cluster=pl.lit(0, dtype=pl.Int64),
        semantic_keeper_id=pl.lit(None, dtype=pl.String),
        semantic_similarity=pl.lit(None, dtype=pl.Float64),
    )
    write_rows(paths.table("documents"), check(Documents, docs))
    write_rows(paths.table("quarantine"), check(Quarantine, refused))
    write_rows(paths.table("decisions"), check(Decisions, ledger))
    write_rows(paths.table("changes"), check(Changes, changes(docs)))
    write_rows(paths.table("scores"), check(RowScores, scores))
    write_rows(paths.table("comparison"), check(Comparison, comparison()))
    array = pl.Series(vectors, dtype=pl.Array(pl.Float32, WIDTH))
    table = embedded.select("id", "content_sha256", tokens=pl.lit(5), vector=array)
    write_rows(paths.table("vectors"), table)
    selection = pl.DataFrame({"rank": range(1, 11)}).with_columns(
        gain=1 / pl.col("rank"), reason=pl.lit("gain"), covers=pl.lit(3), id=ledger["id"].head(10)
    )
    write_rows(paths.table("selection"), selection)
    write_text(paths.json("percentiles"), json.dumps(summary_of(scores)))
    shares = [
        {"group": group, "pool_rows": 10, "kept_rows": 3, "pool_share": 1 / 3, "selected": 0.3}
        for group in GROUPS
    ]
    facts = {
        "measure": {"group_shares": shares, "groups_joined": 0, "target": TARGET},
        "choose": {
            "budget": {"unit": "rows", "limit": 10},
            "selector": {"settings": {"diversity_weight": 0.5, "by": HOSTILE[0]}},
            "stability": BOUND,
        },
        "ingest": {"records_read": COUNT + 2, "files": {"in <put>.jsonl": {"records": COUNT + 2}}},
    }
    gate = {"name": "wipeout", "of": GROUPS[2], "value": 0.9, "limit": 0.5, "p": 1e-9,
            "p_limit": 0.01, "detects": "a fall of 62.0%", "passed": False,
            "words": f"{GROUPS[2]}: a fall of 90%", "share_of_limit": 1.8}  # fmt: skip
    fine = {**gate, "name": "contracts", "value": None, "limit": None, "p": None, "passed": True}
    facts["gate"] = {"held": True, "failed": [gate["words"]], "gates": [gate, fine],
                     "not_listed": 3}  # fmt: skip
    judge(EmbedParams(), paths, WIDTH)
    source = {"path": "in <put>.jsonl", "bytes": 12_345, "sha256": sha("file")}
    write_text(paths.json("sources"), json.dumps({"version": "1.0.0", "files": [source]}))
    for stage in STAGES:
        manifest = Manifest(
            stage,
            "1.0.0",
            {"note": HOSTILE[0], "selector": "k_center", "previous": "monday", "alpha": 0.01},
            rows={"x": 1},
            facts=facts.get(stage, {}),
        )
        write_manifest(paths, manifest, (paths.table("documents"),))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The page, made twice from the same artifacts in two folders."""
    made = []
    for name in ("first", "second"):
        paths = Paths(tmp_path_factory.mktemp(name))
        fill(paths)
        run(Params(previous=PreviousParams(run="monday")), paths)
        made.append((paths.artifacts / "report.html").read_text(encoding="utf-8"))
    return made


class Page(HTMLParser):
    """Elements with attributes, the text outside scripts and styles, and the scripts' contents."""

    def __init__(self, source: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.cdata_elem is None:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


@pytest.fixture(scope="module")
def page(pages: list[str]) -> Page:
    return Page(pages[0])


@pytest.fixture(scope="module")
def figures(page: Page) -> dict[str, dict]:
    return json.loads(page.scripts[0])


class TestHostileRows:
    def test_no_element_comes_from_the_corpus(self, page: Page) -> None:
        tags = [tag for tag, _ in page.elements]
        assert tags.count("script") == 3  # figure data, Plotly, our own
        assert tags.count("style") == 1
        assert not {"img", "iframe", "object", "embed", "form", "input", "base", "b"} & set(tags)

    def test_no_attribute_runs_a_script(self, page: Page) -> None:
        for tag, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")], tag
            assert not str(attributes.get("href", "")).startswith("javascript:")

    def test_the_texts_are_there_to_read_as_they_were_written(self, page: Page) -> None:
        for text in ("<script>alert(1)</script> row 0", "{{7*7}}{% raw %} row 3"):
            assert text in page.text
        assert "49" not in "".join(re.findall(r"row 3\b.{0,40}", page.text))

    def test_direction_and_control_characters_are_shown_not_obeyed(self, pages: list[str]) -> None:
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x07\x1b]", pages[0])
        assert "[U+202E]" in pages[0]
        assert "[U+001B]" in pages[0]

    def test_figure_data_cannot_end_its_script_and_hover_text_is_escaped(
        self, page: Page, figures: dict[str, dict]
    ) -> None:
        assert not re.search("[<>&]", page.scripts[0])
        hovers = [text for trace in figures["map"]["data"] for text in trace["hovertext"]]
        assert len(hovers) == COUNT
        assert not [text for text in hovers if re.search(r"<(?!/?b>|br>)", text)]
        assert all(text.count("<b>") == 1 for text in hovers)  # the title, and no bold of a row's

    def test_group_names_are_escaped_in_axis_labels(self, figures: dict[str, dict]) -> None:
        labels = figures["groups"]["layout"]["yaxis"]["ticktext"]
        assert "&lt;b&gt;web&lt;/b&gt;" in labels
        assert not [label for label in labels if "<" in label]


def test_the_target_is_named_and_measured_against(page: Page) -> None:
    assert f"The target is {HOSTILE[0]}.jsonl: 2,000 of its 3,000 rows are compared" in page.text
    assert "Against the target: Are they like the rows of the target file?" in page.text
    assert "Cluster divergence from target" in page.text


class TestOneFile:
    def test_nothing_is_loaded_from_elsewhere(self, page: Page) -> None:
        loads = ("src", "srcset", "action", "poster", "data", "background")
        for tag, attributes in page.elements:
            assert not [name for name in loads if name in attributes], tag
            address = attributes.get("href") or "#"
            assert address.startswith(("#", "data:", "lineage.html")), f"{tag} points to {address}"

    def test_the_policy_forbids_loads_and_names_our_scripts_by_hash(self, page: Page) -> None:
        policies = [
            attributes["content"] or ""
            for tag, attributes in page.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        assert len(policies) == 1
        directives = dict(part.strip().split(" ", 1) for part in policies[0].split(";"))
        assert directives["default-src"] == "'none'"
        assert "unsafe" not in directives["script-src"]
        for script in page.scripts[1:]:
            digest = hashlib.sha256(script.encode()).digest()
            assert base64.b64encode(digest).decode() in directives["script-src"]

    def test_no_button_sends_the_data_to_plotlys_server(self, page: Page) -> None:
        assert 'plotlyServerURL: ""' in page.scripts[2]
        assert "modeBarButtons: [[" in page.scripts[2]  # a list of our own replaces Plotly's

    def test_the_same_artifacts_give_the_same_bytes(self, pages: list[str]) -> None:
        assert pages[0] == pages[1]


class TestWhatItSays:
    def test_a_held_run_says_which_gate_failed_against_which_run(
        self, page: Page, figures: dict[str, dict]
    ) -> None:
        assert "Held: 1 gate has failed, so this run is not promoted." in page.text
        assert "Compared with the promoted run monday." in page.text
        assert f"{GROUPS[2]}: a fall of 90%" in page.text
        marks = figures["gates"]["data"][1]
        assert (marks["x"], marks["marker"]["symbol"]) == ([1.8], ["diamond"])
        assert "<script>" not in figures["gates"]["layout"]["yaxis"]["ticktext"][0]

    def test_kept_dropped_and_quarantined_add_up_to_the_records(self, page: Page) -> None:
        assert "10 kept + 34 dropped + 2 quarantined = 46; 46 records were read." in page.text

    def test_the_funnel_names_every_reason_with_its_count(self, pages: list[str]) -> None:
        body = Page(pages[0][: pages[0].index('<section id="map"')]).text
        rows = re.findall(r"([A-Z][a-z][\w ]+)\s+(−?\s?[\d,]+)\s+[\d.]+%", body)
        counts = {label.strip(): count.replace("− ", "-") for label, count in rows}
        assert counts == {
            "Records read": "46",
            "Blank text": "-1",
            "Broken JSON": "-1",
            "Accepted documents": "44",
            "Near duplicate": "-4",
            "Distinct documents": "40",
            "Outranked by rows of higher gain": "-30",
            "Kept": "10",
        }

    def test_the_map_shows_every_row_and_duplicates_beside_their_keeper(
        self, figures: dict[str, dict]
    ) -> None:
        traces = {trace["name"].split()[0]: trace for trace in figures["map"]["data"]}
        assert {name: len(trace["x"]) for name, trace in traces.items()} == {
            "kept": 10,
            "dropped": 30,
            "duplicate": 4,
        }
        looks = [(t["marker"]["color"], t["marker"]["symbol"]) for t in traces.values()]
        assert len({colour for colour, _ in looks}) == len({symbol for _, symbol in looks}) == 3
        kept = np.column_stack([traces["kept"]["x"], traces["kept"]["y"]])
        twins = np.column_stack([traces["duplicate"]["x"], traces["duplicate"]["y"]])
        gaps = np.linalg.norm(kept[:4] - twins, axis=1)
        assert (gaps > 0).all()
        assert (gaps < 0.05).all()

    def test_headings_go_down_one_level_at_a_time_and_the_language_is_named(
        self, page: Page
    ) -> None:
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert ("html", {"lang": "en"}) in page.elements

    def test_every_figure_has_its_place_and_a_text(
        self, page: Page, figures: dict[str, dict]
    ) -> None:
        plots = {a["id"]: a for _, a in page.elements if a.get("class") == "plot"}
        assert set(plots) == {f"figure-{name}" for name in figures}
        assert all(len(a["aria-label"] or "") > 20 for a in plots.values())


def test_a_run_without_duplicates_quarantine_or_losers_still_makes_a_page(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    fill(paths)
    ledger = pl.read_parquet(paths.table("decisions")).filter(pl.col("verdict") == "kept")
    write_rows(paths.table("decisions"), ledger)
    write_rows(paths.table("quarantine"), quarantine().clear())
    run(Params(), paths)
    text = Page((paths.artifacts / "report.html").read_text(encoding="utf-8")).text
    for sentence in ("No record was refused.", "No duplicates were found.", "10 kept + 0 dropped"):
        assert sentence in text


def test_rows_that_entered_and_left_are_told_with_reasons_and_what_the_bound_cost(page):
    assert "at most 2 could be replaced: 1 were. From scratch 4 would be." in page.text
    assert "The objective is 98.76% of its value from scratch." in page.text
    assert "left (vanished: no record has its id any more)" in page.text
    assert "in the place of" in page.text
    assert "gain 1 against 0.01" in page.text


def test_the_bound_is_told_where_there_is_none_where_it_was_not_held_and_without_objective():
    assert "from scratch" in bound_sentence({})
    assert "was not held" in bound_sentence({**BOUND, "held": False})
    none = {**BOUND, "share_of_from_scratch": None, "why_no_share": "no function", "forced_out": 3}
    assert "is not compared: no function." in bound_sentence(none)
    assert "; 3 had to leave" in bound_sentence(none)
