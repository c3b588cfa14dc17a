"""The report's parts: which rows the map shows and where, what the words and numbers say."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics import METRICS
from tasks.pages.content import compared, standing_sentence
from tasks.pages.embedding_map import beside, coordinates, sample
from tasks.pages.text import cut, hover, number, visible


def candidates(kept: int, dropped: int, duplicates: int) -> pl.DataFrame:
    """Rows as the map gets them; duplicate i stands beside dropped row i (or kept, if none)."""
    kinds = ["kept"] * kept + ["dropped"] * dropped + ["duplicate"] * duplicates
    ids = [f"row-{i:05d}" for i in range(len(kinds))]
    embedded = kept + dropped
    places = [ids[i] if i < embedded else ids[(i - embedded) % embedded] for i in range(len(ids))]
    return pl.DataFrame(
        {"id": ids, "kind": kinds, "place_id": places, "file": "f", "row": range(1, len(ids) + 1)}
    )


class TestSample:
    def test_everything_is_shown_when_it_fits(self) -> None:
        rows = candidates(3, 5, 2)
        assert sample(rows, 10)["id"].to_list() == rows["id"].to_list()

    @given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 300), st.integers(100, 400))
    @settings(max_examples=40, deadline=None)
    def test_it_stays_below_the_limit_and_shows_every_keeper_of_a_shown_duplicate(
        self, kept: int, dropped: int, duplicates: int, limit: int
    ) -> None:
        rows = candidates(kept, dropped, duplicates)
        shown = sample(rows, limit)
        assert len(shown) <= limit
        assert shown["id"].n_unique() == len(shown)
        assert set(shown["place_id"]) <= set(shown.filter(pl.col("kind") != "duplicate")["id"])
        if duplicates:
            assert (shown["kind"] == "duplicate").any()

    def test_the_kinds_keep_their_proportions(self) -> None:
        shown = sample(candidates(2000, 6000, 2000), 1000)
        counts = dict(shown.group_by("kind").len().rows())
        # 200 duplicates, their 200 keepers (all among the first 2000, kept), 600 others
        assert counts["duplicate"] == 200
        assert 300 <= counts["kept"] <= 360
        assert 440 <= counts["dropped"] <= 500

    def test_it_does_not_depend_on_the_order_of_rows_and_grows_by_adding(self) -> None:
        rows = candidates(300, 900, 0)
        small, large = (
            sample(rows, 200),
            sample(rows.sample(fraction=1.0, shuffle=True, seed=1), 400),
        )
        assert set(small["id"]) < set(large["id"])


class TestPlaces:
    def test_two_runs_and_two_threads_give_the_same_places(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vectors = np.random.default_rng(0).normal(size=(120, 12)).astype(np.float32)
        first = coordinates(vectors, seed=3)
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        np.testing.assert_array_equal(first, coordinates(vectors, seed=3))
        assert np.abs(first).max() == 1.0

    def test_clusters_of_vectors_stay_clusters_on_the_map(self) -> None:
        centres = np.repeat(np.eye(4, 16) * 4, 30, axis=0)
        vectors = centres + np.random.default_rng(1).normal(scale=0.2, size=centres.shape)
        flat = coordinates(vectors, seed=0)
        distance = np.linalg.norm(flat[:, None] - flat[None], axis=2) + 9 * np.eye(120)
        assert (distance.argmin(axis=1) // 30 == np.arange(120) // 30).all()

    @pytest.mark.parametrize("count", [1, 2, 3, 29])
    def test_few_rows_have_places_too(self, count: int) -> None:
        flat = coordinates(np.eye(count, 32), seed=0)
        assert flat.shape == (count, 2)
        assert np.isfinite(flat).all()

    @pytest.mark.parametrize("count", [10, 60])
    def test_equal_rows_have_one_place(self, count: int) -> None:
        assert (coordinates(np.ones((count, 4)), seed=0) == 0).all()

    def test_a_duplicate_lies_near_its_keeper_but_not_on_it(self) -> None:
        moved = beside(np.zeros((3, 2)), ["a", "b", "c"])
        steps = np.linalg.norm(moved, axis=1)
        np.testing.assert_allclose(steps, 0.024, atol=0.001)
        np.testing.assert_array_equal(moved, beside(np.zeros((3, 2)), ["a", "b", "c"]))


class TestText:
    def test_what_cannot_be_seen_is_named(self) -> None:
        assert visible("a\u202eb\x00c\u200fd\ufeff") == "a[U+202E]b[U+0000]c[U+200F]d[U+FEFF]"
        assert visible("tab\tand\r\nline\nيمين emoji 👩‍🔬") == "tab\tand\nline\nيمين emoji 👩‍🔬"

    @given(st.text(), st.integers(1, 50))
    def test_a_cut_text_is_never_longer_than_its_limit(self, text: str, limit: int) -> None:
        assert len(cut(text, limit)) <= limit

    def test_a_hover_box_has_no_markup_of_the_row(self) -> None:
        box = hover("<i>id</i>", ["a & b"], "<b>bold</b> " * 40)
        assert box.startswith("<b>&lt;i&gt;id&lt;/i&gt;</b><br>a &amp; b<br>")
        assert "<b>bold" not in box

    @pytest.mark.parametrize(
        ("value", "shown"),
        [(0.12345, "0.123"), (83.29, "83.3"), (86857.0, "86,857"), (280.0, "280"), (1.0, "1.000")],
    )
    def test_a_number_has_the_digits_it_deserves(self, value: float, shown: str) -> None:
        assert number(value) == shown


def table(ours: float, mean: float, half: float, metric: str) -> pl.DataFrame:
    better = METRICS[metric].better
    rows = [
        ("selected", metric, ours, ours - 1, ours + 1, "jackknife", 1, better),
        ("uniform", metric, mean, mean - half, mean + half, "seeds", 5, better),
    ]
    names = ["subset", "metric", "value", "low", "high", "interval", "draws", "better"]
    return pl.DataFrame(rows, schema=names, orient="row")


class TestStanding:
    @pytest.mark.parametrize(
        ("metric", "ours", "verdict"),
        [
            ("coverage_mean", 0.60, "better"),  # 0.10 away, prediction half-width 0.049
            ("coverage_mean", 0.54, "inside"),
            ("coverage_mean", 0.40, "worse"),
            ("redundancy", 0.40, "better"),  # lower is better
            ("redundancy", 0.60, "worse"),
        ],
    )
    def test_it_is_judged_against_where_one_more_draw_would_fall(
        self, metric: str, ours: float, verdict: str
    ) -> None:
        standing = compared(table(ours, 0.5, 0.02, metric))
        assert standing[verdict] == [METRICS[metric].label]

    @pytest.mark.slow
    def test_one_draw_in_twenty_falls_outside(self) -> None:
        random, outside = np.random.default_rng(4), 0
        for _ in range(2000):
            draws, one_more = random.normal(size=5), random.normal()
            half = 2.776445 * draws.std(ddof=1) / np.sqrt(5)
            standing = compared(table(one_more, draws.mean(), half, "coverage_mean"))
            outside += not standing["inside"]
        assert 70 <= outside <= 135  # 100 expected

    def test_the_sentence_lists_better_worse_and_undecided_in_turn(self) -> None:
        both = pl.concat(
            [table(0.6, 0.5, 0.02, "coverage_mean"), table(0.6, 0.5, 0.02, "redundancy")]
        )
        assert standing_sentence(both).endswith("better in mean coverage; worse in redundancy.")
