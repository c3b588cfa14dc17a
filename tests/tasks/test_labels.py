"""Labels as features: the published examples, soft labels, lists of labels in the metadata."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_digits

from schemas.errors import SettingsError
from tasks.engine.constraints import Limits
from tasks.engine.labels import centroids, label_graph, nearest_labels
from tasks.engine.pool import Pool
from tasks.features import features_of
from tasks.groups import by_columns, joint_codes
from tasks.selectors.feature_based import FeatureBased
from tasks.selectors.graph_cut import GraphCut
from tasks.selectors.label_information import LabelInformation
from tests.pools import pool_of, pools, random_pool, with_

PUBLISHED = json.loads((Path(__file__).parents[1] / "data/digits_greedy.json").read_text("utf-8"))
DIGITS = load_digits().data


def scaled(gains: np.ndarray, totals: dict, name: str) -> np.ndarray:
    """Gains in the objective's own units."""
    return np.asarray(gains / totals["parts"][name]["scale"])


class TestPublishedExamples:
    @pytest.mark.parametrize("curve", ["sqrt", "log"])
    def test_on_the_digits_features_give_the_published_picks_and_gains(self, curve: str) -> None:
        pool = pool_of(np.maximum(DIGITS, 1e-3))
        pool = with_(pool, features=sparse.csr_array(DIGITS))
        found = FeatureBased(1.0, curve=curve)(pool, Limits(100), 0)  # type: ignore[arg-type]
        expected = PUBLISHED[f"feature_based_{curve}"]
        assert found.indices.tolist() == expected["picks"]
        gains = scaled(found.gains, found.totals, "FeatureBased")
        np.testing.assert_allclose(gains, expected["gains"], atol=2e-4)

    def test_on_the_digits_graph_cut_gives_the_published_picks_and_gains(self) -> None:
        unit = DIGITS / np.linalg.norm(DIGITS, axis=1, keepdims=True)
        upper = np.triu_indices(64)
        twice = np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))
        squared = unit[:, upper[0]] * unit[:, upper[1]] * twice  # cosines are squared cosines
        found = GraphCut(1.0, redundancy=1.0)(pool_of(squared), Limits(100), 0)
        expected = PUBLISHED["graph_cut"]
        assert found.indices.tolist() == expected["picks"]
        gains = scaled(found.gains, found.totals, "GraphCut")
        np.testing.assert_allclose(gains, expected["gains"], rtol=1e-5)

    def test_label_information_gives_the_worked_example_in_both_modes(self) -> None:
        """Labels 1 and 2 have a cosine of .95, label 3 is apart; scores halved to lie in [0, 1]."""
        one, two, three = [1, 0, 0], [0.95, np.sqrt(1 - 0.95**2), 0], [0, 0, 1]
        pool = pool_of(
            [one, two, three, one, three, two],
            quality=np.array([2, 1.9, 0.2, 2, 1, 1]) / 2,
            stratum=[0, 1, 2, 0, 2, 1],
        )
        found = LabelInformation()(pool, Limits(4), 0)
        assert found.indices.tolist() == [0, 3, 1, 4]
        gains = scaled(found.gains, found.totals, "LabelInformation") * 2**0.8
        np.testing.assert_allclose(gains, [1.9999, 1.4821, 1.2701, 1.0], atol=1e-4)
        reference = LabelInformation(gain="reference")(pool, Limits(4), 0)
        assert reference.indices.tolist() == [0, 4, 3, 1]
        fresh = scaled(reference.gains, reference.totals, "LabelInformation")[0]
        assert fresh == pytest.approx(12.68, abs=0.01), "the gain per unit on an untouched label"

    def test_a_row_without_a_label_adds_nothing_and_is_counted(self) -> None:
        features = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
        pool = with_(pool_of(np.eye(3)), features=features)
        found = LabelInformation()(pool, Limits(3), 0)
        assert found.indices.tolist() == [0, 2, 1]
        assert found.gains[2] == 0
        assert found.totals["parts"]["LabelInformation"]["rows_without_features"] == 1


class TestSoftLabels:
    @settings(max_examples=60, deadline=None)
    @given(pools(), st.integers(1, 4))
    def test_a_row_holds_its_cosines_with_the_nearest_centres(self, pool: Pool, count: int) -> None:
        centres = centroids(pool.vectors, pool.features_or_strata())
        found = nearest_labels(pool.vectors, centres, count).toarray()
        cosine = pool.vectors.astype(float) @ centres.T.astype(float)
        for row, held in enumerate(found):
            best = np.sort(cosine[row])[::-1][:count]
            shown = np.sort(held[held > 0])[::-1]
            np.testing.assert_allclose(shown, best[: len(shown)], atol=1e-6)
            assert len(shown) == (best > 1e-7).sum() or np.abs(best).min() < 1e-6

    def test_a_centre_is_the_mean_of_its_rows_at_unit_length(self) -> None:
        pool = random_pool(50)
        centres = centroids(pool.vectors, pool.features_or_strata())
        for code, centre in enumerate(centres):
            mean = pool.vectors[pool.stratum == code].astype(float).mean(axis=0)
            np.testing.assert_allclose(centre, mean / np.linalg.norm(mean), atol=1e-6)

    def test_a_label_that_nobody_has_or_whose_rows_cancel_out_is_no_direction(self) -> None:
        held = sparse.csr_array(np.array([[1.0, 0.0], [1.0, 0.0]]))
        rows = np.array([[1.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
        assert not centroids(rows, held).any()

    def test_soft_labels_are_used_where_asked_for(self) -> None:
        pool = random_pool(60)
        found = FeatureBased(1.0, nearest=2)(pool, Limits(10), 0)
        centres = centroids(pool.vectors, pool.features_or_strata())
        hard = with_(pool, features=nearest_labels(pool.vectors, centres, 2))
        assert found.indices.tolist() == FeatureBased(1.0)(hard, Limits(10), 0).indices.tolist()

    def test_too_many_like_labels_are_refused_with_the_setting_to_raise(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tasks.engine.labels.MOST_PAIRS", 10)
        with pytest.raises(SettingsError, match="label_threshold"):
            label_graph(np.ones((9, 2), dtype=np.float32) / np.sqrt(2), 0.9)


def documents(*metadata: dict) -> pl.DataFrame:
    rows = len(metadata)
    return pl.DataFrame(
        {
            "source": ["web", "Books", "web"][:rows],
            "cluster": [0, 1, 1][:rows],
            "metadata": [json.dumps(fields) for fields in metadata],
        }
    )


class TestColumns:
    def test_a_list_gives_a_row_each_of_its_labels_once(self) -> None:
        rows = documents({"tags": ["b", "A", "a "]}, {"tags": "b"}, {"tags": ["[c", 3]})
        found = features_of(rows, ("tags",)).toarray()
        np.testing.assert_array_equal(found, [[0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 0, 0]])

    def test_rows_without_a_value_have_no_label(self) -> None:
        rows = documents({"tags": []}, {}, {"tags": "x"})
        assert features_of(rows, ("tags",)).toarray().tolist() == [[0], [0], [1]]

    def test_labels_of_several_columns_stand_side_by_side(self) -> None:
        found = features_of(documents({}, {}, {}), ("source", "cluster")).toarray()
        np.testing.assert_array_equal(found, [[0, 1, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]])

    def test_a_text_that_merely_begins_like_a_list_is_one_label(self) -> None:
        rows = documents({"tags": "[draft] new"}, {"tags": "[1"}, {"tags": "[1, 2]"})
        assert features_of(rows, ("tags",)).sum(axis=1).tolist() == [1, 1, 2]

    def test_strata_of_several_columns_are_their_combinations(self) -> None:
        codes = joint_codes(documents({}, {}, {}), ("source", "cluster"))
        assert len(set(codes.tolist())) == 3
        assert joint_codes(documents({}, {}, {}), ("source",)).tolist() == [1, 0, 1]

    def test_a_key_that_no_row_has_is_named(self) -> None:
        with pytest.raises(SettingsError, match="'tags'"):
            features_of(documents({}, {}, {}), ("tags",))

    @pytest.mark.parametrize("by", [3, [], ["source", 3], None])
    def test_by_names_columns(self, by: object) -> None:
        with pytest.raises(SettingsError, match="by must name columns"):
            by_columns(by)
