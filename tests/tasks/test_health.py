"""Embedding health against worked values, planted faults, and what becomes of its verdicts."""

import json
import logging
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import pytest

from schemas.errors import ContractError
from schemas.params import EmbedParams
from tasks.encoders import Encoded
from tasks.health import examine
from tasks.health.alignment import alignment
from tasks.health.judged import judge
from tasks.health.measures import (
    nearest,
    occurrences,
    same_label,
    shared_neighbours,
    singular_rank,
    skewness,
    two_nn,
    uniformity,
    unit_rows,
    welch_bound,
    whitening,
)
from tasks.health.pooling import Pooled, pool_rows
from tasks.health.words import advice, gate, headline, warnings
from tasks.pages.health import health_section
from tasks.stage import Paths
from tasks.storage.rows import write_rows
from tests.tasks.test_metrics import random_unit
from tests.tasks.test_score import write_documents


def pooled(vectors: np.ndarray, parts: int = 1, sample_rows: int = 5000) -> Pooled:
    places = np.array_split(np.arange(len(vectors)), parts)
    rows = vectors.astype(np.float32)
    batches = (([f"row-{i}" for i in part], rows[part]) for part in places)
    return pool_rows(batches, vectors.shape[1], sample_rows)


class TestMeasures:
    def test_effective_ranks_are_three_different_numbers(self) -> None:
        rank = examine(pooled(np.diag([2.0, 1.0])))["effective_rank"]  # singular values 2 and 1
        assert rank["vendi_1"] == pytest.approx(1.6494, abs=1e-4)
        assert rank["singular_values"] == pytest.approx(1.8899, abs=1e-4)
        assert rank["participation"] == pytest.approx(1.4706, abs=1e-4)
        assert singular_rank(np.array([0.8, 0.2])) == pytest.approx(1.8899, abs=1e-4)

    def test_the_mean_cosine_is_that_of_all_pairs(self) -> None:
        vectors = random_unit(60, 5, seed=1) + np.eye(1, 5)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        assert examine(pooled(vectors))["mean_cosine"] == pytest.approx(
            (vectors @ vectors.T).mean(), abs=1e-5
        )

    def test_uniformity_is_the_published_formula_and_ideal_on_the_sphere(self) -> None:
        vectors = unit_rows(random_unit(30, 4, seed=2))
        squares = np.square(vectors[:, None] - vectors).sum(axis=2)[~np.eye(30, dtype=bool)]
        assert uniformity(vectors) == pytest.approx(np.log(np.exp(-2 * squares).mean()), abs=1e-6)
        even = unit_rows(random_unit(1500, 384, seed=3))
        assert uniformity(even) == pytest.approx(-4 + 8 / 384, abs=2e-3)

    def test_nearest_rows_equal_a_full_sort_and_ties_go_to_the_first(self) -> None:
        vectors = unit_rows(random_unit(1100, 6, seed=4))
        cosine = np.round(vectors @ vectors.T, 6)
        np.fill_diagonal(cosine, -np.inf)
        index, cosines = nearest(vectors, 7)
        np.testing.assert_array_equal(index, np.argsort(-cosine, axis=1, kind="stable")[:, :7])
        np.testing.assert_array_equal(cosines, -np.sort(-cosine, axis=1)[:, :7])
        ties, _ = nearest(unit_rows(np.ones((4, 2))), 3)
        assert ties[3].tolist() == [0, 1, 2]
        assert nearest(unit_rows(np.ones((3, 2))), 10)[0].shape == (3, 2)

    def test_a_hub_shows_in_the_skewness_and_equal_counts_have_none(self) -> None:
        ring = np.array([[1], [2], [3], [0]])
        assert occurrences(ring).tolist() == [1, 1, 1, 1]
        assert skewness(occurrences(ring)) == 0
        star = np.array([[1], [0], [0], [0], [0]])
        counts = occurrences(star)
        assert counts.tolist() == [4, 1, 0, 0, 0]
        deviation = counts - 1.0
        expected = (deviation**3).mean() / np.square(deviation).mean() ** 1.5
        assert skewness(counts) == pytest.approx(expected)

    def test_the_intrinsic_dimension_is_the_formula_over_rows_that_stand_apart(self) -> None:
        distances = np.array([[0.1, 0.2], [0.1, 0.4], [0.0, 0.3]])
        cosines = 1 - np.square(distances) / 2
        assert two_nn(cosines) == pytest.approx(2 / (np.log(2) + np.log(4)))
        assert two_nn(np.ones((5, 2))) is None, "rows in one place have no dimension"
        assert two_nn(cosines[:, :1]) is None

    def test_five_dimensions_hidden_in_twenty_are_found(self) -> None:
        random = np.random.default_rng(6)
        inside = random_unit(1200, 6, seed=6)  # a sphere of five dimensions
        turn, _ = np.linalg.qr(random.normal(size=(20, 20)))
        found = examine(pooled(inside @ turn[:6]))
        assert found["intrinsic_dimension"] == pytest.approx(5, abs=0.7)

    def test_the_welch_bound_has_the_worked_value_and_holds(self) -> None:
        assert welch_bound(1000, 384) == pytest.approx(0.0401, abs=1e-4)
        assert welch_bound(384, 384) == 0
        angles = examine(pooled(random_unit(400, 8, seed=7)))["coherence"]
        assert angles["largest"] >= angles["root_mean_square"] >= angles["welch_bound"] * 0.99

    def test_whitened_rows_have_equal_variance_in_every_direction_kept(self) -> None:
        random = np.random.default_rng(8)
        rows = random.normal(size=(4000, 6)) * [4, 3, 2, 1, 0.01, 0.01] + 5
        mean, turn = whitening(rows.sum(axis=0), rows.T @ rows, len(rows))
        after = (rows - mean) @ turn
        assert turn.shape[1] == 4, "99 % of the variance lies in four directions"
        assert np.cov(after.T) == pytest.approx(np.eye(4), abs=0.06)  # shrunk a little

    def test_shares_of_neighbours_are_counted(self) -> None:
        left, right = np.array([[1, 2], [0, 2], [0, 1]]), np.array([[2, 1], [2, 3], [3, 4]])
        assert shared_neighbours(left, right).tolist() == [1.0, 0.5, 0.0]
        assert same_label(left, np.array([0, 0, 1])).tolist() == [0.5, 0.5, 0.0]


class TestOnePass:
    def test_it_does_not_depend_on_how_rows_arrive(self) -> None:
        vectors = random_unit(700, 6, seed=9)
        whole, cut = pooled(vectors, 1, 40), pooled(vectors, 23, 40)
        assert whole.sample_ids == cut.sample_ids
        assert len(whole.sample_ids) == 40
        np.testing.assert_array_equal(whole.sample, cut.sample)
        np.testing.assert_allclose(whole.gram, cut.gram, rtol=1e-12, atol=1e-12)
        assert examine(whole)["hubness"] == examine(cut)["hubness"]

    def test_the_sample_keeps_its_rows_when_others_arrive(self) -> None:
        vectors = random_unit(600, 4, seed=10)
        before, after = pooled(vectors[:500], 1, 50), pooled(vectors, 1, 50)
        new = {f"row-{i}" for i in range(500, 600)}
        assert set(after.sample_ids) - new <= set(before.sample_ids)
        for row_id, vector in zip(after.sample_ids, after.sample, strict=True):
            np.testing.assert_array_equal(vector, vectors[int(row_id[4:])].astype(np.float32))

    def test_repeats_and_broken_rows_are_counted(self) -> None:
        vectors = np.repeat(random_unit(50, 4, seed=11), 2, axis=0)
        vectors[7, 1] = np.nan
        pool = pooled(vectors, 3)
        assert (pool.rows, pool.not_finite, pool.finite, pool.repeats) == (100, 1, 99, 49)
        assert np.isfinite(pool.gram).all()
        assert "row-7" not in pool.sample_ids

    def test_a_rotation_changes_no_measure(self) -> None:
        vectors = random_unit(300, 8, seed=12)
        turn, _ = np.linalg.qr(np.random.default_rng(13).normal(size=(8, 8)))
        left, right = examine(pooled(vectors)), examine(pooled(vectors @ turn))
        for key in ("uniformity", "mean_cosine", "intrinsic_dimension"):
            assert left[key] == pytest.approx(right[key], rel=1e-3)
        assert left["effective_rank"] == pytest.approx(right["effective_rank"], rel=1e-3)


class TestVerdicts:
    def test_even_rows_pass_every_gate(self) -> None:
        lines = gate(examine(pooled(random_unit(400, 16, seed=14))), EmbedParams())
        assert len(lines) == 4
        assert warnings(lines) == []

    def test_rows_in_one_place_fail_three_gates(self) -> None:
        found = examine(pooled(np.ones((100, 40)) / np.sqrt(40)))
        assert found["effective_rank"]["vendi_1"] == pytest.approx(1)
        assert found["mean_cosine"] == pytest.approx(1)
        assert found["uniformity"] == pytest.approx(0, abs=1e-5)
        lines = gate(found, EmbedParams())
        failed = {line["name"] for line in lines if not line["passed"]}
        assert failed == {"effective rank", "uniformity", "duplicate vectors"}
        assert "duplicate vectors is 0.99, the limit 0.05" in " ".join(warnings(lines))

    def test_a_broken_row_is_named_however_few_there_are(self) -> None:
        vectors = random_unit(5, 4, seed=15)
        vectors[2, 2] = np.inf
        (line,) = gate(examine(pooled(vectors)), EmbedParams())
        assert not line["passed"]

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_so_few_rows_are_measured_and_told_without_a_verdict(self, count: int) -> None:
        found = examine(pooled(random_unit(max(count, 1), 4, seed=16)[:count]))
        assert [line["passed"] for line in gate(found, EmbedParams())] == [True]
        assert f"{count} rows" in headline(found)
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    def test_the_advice_follows_what_was_measured(self) -> None:
        about = {"directions": 5, "neighbours_kept": 0.6, "hubness_before": 2.0}
        better = {"before": 0.8, "after": 0.81, "reach": 0.02}
        worse = {"before": 0.8, "after": 0.7, "reach": 0.02}

        def verdict(after: float, same: dict | None) -> str:
            whole = {**about, "hubness_after": after, "same_source": same}
            return advice({"sampled_rows": 900, "whitening": whole})[0]

        assert verdict(1.0, better) == "whiten"
        assert verdict(1.0, worse) == "leave"
        assert verdict(1.0, None) == "unclear"
        assert verdict(1.9, better) == "leave"

    def test_whitening_that_brings_sources_together_is_advised_and_said_in_numbers(self) -> None:
        random = np.random.default_rng(17)
        sources = random.integers(0, 4, 1500)
        loud = random.normal(size=(1500, 3)) * 6  # says nothing about the source
        quiet = 0.3 * random.normal(size=(1500, 4)) + np.eye(4)[sources]
        pool = pooled(np.c_[loud, quiet])
        order = [int(row_id[4:]) for row_id in pool.sample_ids]
        found = examine(pool, sources[order])
        about = found["whitening"]["same_source"]
        assert about["after"] > about["before"] + about["reach"]
        _, words = advice(found)
        assert f"{about['before']:.1%} to {about['after']:.1%}" in words
        assert f"{found['whitening']['neighbours_kept']:.0%}" in words


class Letters:
    """Counts of a, b and c in a text: an encoder whose vectors can be worked out by hand."""

    width, identity, device = 3, "letters", "cpu"

    def encode(self, texts: Sequence[str]) -> Iterator[Encoded]:
        for place in reversed(range(len(texts))):
            counts = np.array([[texts[place].count(sign) for sign in "abc"]], dtype=np.float32)
            yield Encoded(np.array([place]), unit_rows(counts), np.array([1]))


class TestAlignment:
    def test_it_is_the_squared_distance_that_the_tenth_words_make(self) -> None:
        texts = ["a " * 9 + "b", "a " * 20, "a b c", "c " * 9 + "c " * 9 + "c b"]
        vectors = np.concatenate([part.vectors for part in Letters().encode(texts)])[::-1]
        found = alignment(Letters(), texts, vectors, 0.25)
        cosines = [9 / np.sqrt(82), 1.0, 19 / np.sqrt(362)]
        assert found["texts"] == 3, "a text of three words is left out"
        assert found["changed"] == pytest.approx(np.mean([2 - 2 * each for each in cosines]))
        assert found["random_pairs"] == 1.5

    def test_without_long_texts_nothing_is_measured(self) -> None:
        found = alignment(Letters(), ["a b"], np.ones((1, 3), np.float32), 0.0)
        assert found == {"texts": 0, "changed": None, "random_pairs": 2.0}

    def test_the_stage_measures_a_sample_and_the_page_tells_it(self, tmp_path) -> None:
        paths, random = Paths(tmp_path), np.random.default_rng(0)
        texts = [" ".join(random.choice(list("abc"), 30)) for _ in range(80)]
        ids = [f"row-{i:02d}" for i in range(80)]
        write_documents(
            paths,
            [{"id": i, "text": t, "source": "s"} for i, t in zip(ids, texts, strict=True)],
        )
        vectors = np.concatenate([part.vectors for part in Letters().encode(texts)])[::-1]
        array = pl.Series(np.ascontiguousarray(vectors), dtype=pl.Array(pl.Float32, 3))
        write_rows(paths.table("vectors"), pl.DataFrame({"id": ids}).with_columns(vector=array))
        judge(EmbedParams(), paths, 3, Letters())
        found = json.loads(paths.json("health").read_text())
        assert found["alignment"]["texts"] == 64
        assert 0 < found["alignment"]["changed"] < found["alignment"]["random_pairs"]
        assert "without every tenth word, 64 texts" in str(health_section(found))


class TestOnDisk:
    @pytest.fixture
    def paths(self, tmp_path) -> Paths:
        paths = Paths(tmp_path)
        ids = [f"row-{i:02d}" for i in range(60)]
        write_documents(
            paths,
            [{"id": row_id, "text": row_id, "source": "ab"[i % 2]} for i, row_id in enumerate(ids)],
        )
        array = pl.Series(np.ones((60, 4), np.float32) / 2, dtype=pl.Array(pl.Float32, 4))
        write_rows(paths.table("vectors"), pl.DataFrame({"id": ids}).with_columns(vector=array))
        return paths

    def test_a_breach_is_a_warning_by_default_and_the_page_tells_it(self, paths, caplog) -> None:
        with caplog.at_level(logging.INFO, logger="winnow"):
            judge(EmbedParams(), paths, 4)
        told = [record.message for record in caplog.records]
        assert "embedding health of 60 rows: effective rank 1.0 of 4" in told[0]
        assert len(told) == 3
        found = json.loads(paths.json("health").read_text())
        assert found["warnings"] == [line.removeprefix("embedding health: ") for line in told[1:]]
        section = health_section(found)
        assert "2 limits are not held to" in section["health_verdict"]
        assert "cosine of 1.00" in section["health_cone"]
        assert [figure.name for figure in section["health_figures"]] == [
            "health-spectrum",
            "health-hubs",
        ]

    def test_a_breach_stops_the_stage_where_that_is_asked(self, paths) -> None:
        with pytest.raises(ContractError, match="not fit for distances") as error:
            judge(EmbedParams(unhealthy="fail"), paths, 4)
        assert "duplicate vectors" in str(error.value)
        limits = EmbedParams(unhealthy="fail", most_uniformity=0, most_duplicate_share=1)
        judge(limits, paths, 4)
