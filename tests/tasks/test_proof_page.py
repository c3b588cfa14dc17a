"""The page of a proof: its words, its figures, and that nothing on it can act or be loaded."""

import html
import json
import re
from html.parser import HTMLParser

import pytest

from tasks.pages.proof import proof_page
from tasks.pages.proof_words import answer, difference, trap
from tests.tasks.proof_data import proof_data

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e"


@pytest.fixture(scope="module")
def page() -> str:
    return proof_page(proof_data(HOSTILE))


def figures_of(page: str) -> dict:
    (data,) = re.findall(r'id="figure-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_a_hostile_name_is_text_and_the_page_loads_nothing(page):
    tags = Tags()
    tags.feed(page)
    assert not [tag for tag, _ in tags.seen if tag in ("img", "iframe", "object")]
    assert not [attrs for _, attrs in tags.seen if "src" in attrs or "onerror" in attrs]
    assert "\u202e" not in page
    assert "default-src 'none'" in html.unescape(page)
    assert "&lt;model&gt;" in page


def test_every_figure_has_its_place_and_equal_input_gives_equal_bytes(page):
    places = set(re.findall(r'id="figure-([a-z0-9-]+)" style', page))
    assert places == set(figures_of(page))
    assert places == {
        f"{kind}-{name}" for kind in ("budget", "tokens", "bins")
        for name in ("linear-probe", "ngram-perplexity")
    } | {"plane-0", "plane-1"}  # fmt: skip
    assert page == proof_page(proof_data(HOSTILE))


def test_the_curve_shows_scores_with_the_paired_interval_and_the_full_pool_as_a_line(page):
    figure = figures_of(page)["budget-linear-probe"]
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert "Full pool" not in by_name
    assert figure["layout"]["shapes"][0]["y0"] == pytest.approx(0.5125)
    default = by_name["Winnow's default"]
    assert default["y"] == pytest.approx([0.5335, 0.596])
    assert default["error_y"]["array"] == pytest.approx([0.008, 0.008])
    assert figure["data"][-1]["name"] == "Winnow's default", "drawn last, on top"


def row(**changes) -> dict:
    found = proof_data()["summaries"][0]
    return {**found, "delta": 0.0211, "low": 0.0132, "high": 0.0288, **changes}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "better than uniform by 2.1 points [1.3, 2.9]"),
        ({"verdict": "worse", "delta": -0.02, "low": -0.03, "high": -0.01},
         "worse than uniform by 2.0 points [1.0, 3.0]"),
        ({"verdict": "not told apart", "delta": -0.02, "low": -0.05, "high": 0.01},
         "not told apart: gain −2.0 points [−5.0, +1.0]"),
        ({"unit": "bits per byte", "better": "lower", "delta": -0.02, "low": -0.03, "high": -0.01},
         "better than uniform by 0.020 bits per byte [0.010, 0.030]"),
        ({"unit": "bits per byte", "better": "lower", "verdict": "worse", "delta": 0.02,
          "low": 0.01, "high": 0.03}, "worse than uniform by 0.020 bits per byte [0.010, 0.030]"),
        ({"method": "uniform", "verdict": "reference"}, "the reference"),
        ({"method": "full", "verdict": "reference"}, "reference: gain +2.1 points [+1.3, +2.9]"),
    ],
)  # fmt: skip
def test_a_difference_in_words(changes, words):
    assert difference(row(**changes)) == words


def test_the_answer_counts_verdicts_of_the_default():
    rows = [row(), row(verdict="worse"), row(verdict="not told apart"), row(method="uniform")]
    assert answer(rows) == (
        "Winnow's default is better than a uniform choice in 1, worse in 1, not told apart in 1 "
        "of 3 comparisons."
    )
    assert "was not among" in answer([row(method="uniform")])


def test_the_trap_is_told_only_where_it_is_told_apart(page):
    marked, plain = proof_data()["quantiles"]["curves"]
    assert trap(marked, 3).startswith("Not monotone: bin 2 of 3 beats the top bin by +20.0 points")
    assert trap(plain, 3).startswith("No lower bin is told apart")
    assert trap(marked, 3) in page.replace("&#43;", "+")


def test_without_plane_and_bins_their_sections_are_missing():
    data = proof_data()
    page = proof_page({key: data[key] for key in ("name", "facts", "summaries")})
    assert 'id="plane"' not in page
    assert 'id="trap"' not in page
    assert 'id="differences"' in page


def test_the_page_says_how_many_draws_uniform_is_the_mean_of(page):
    assert "is the mean of 5, 2 draws, by budget" in " ".join(page.split())
