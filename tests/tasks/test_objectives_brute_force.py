"""Objectives against their formulas: picks of plain greedy, gains and scales."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tasks.engine.constraints import Limits
from tasks.engine.labels import centroids, label_graph, spread_over
from tasks.engine.pool import Pool
from tasks.selectors.feature_based import FeatureBased
from tasks.selectors.graph_cut import GraphCut
from tasks.selectors.label_information import LabelInformation
from tasks.selectors.mixture import Mixture
from tasks.selectors.saturated_coverage import SaturatedCoverage
from tests.brute_force import allowed_subsets
from tests.pools import in_rows, limits_for, pools, with_
from tests.set_functions import (
    SetFunction,
    concave_features,
    facility_location,
    graph_cut,
    mixed_gain,
    most_of,
    saturated_coverage,
    similarities,
)
from tests.tasks.test_selectors_brute_force import follow, run_or_refuse, spaced_limits

CURVES = {"sqrt": np.sqrt, "power": lambda x: x**0.8, "log": np.log1p}
cases = st.data()
weights = st.sampled_from([0.3, 1.0])


@st.composite
def labelled(draw: st.DrawFn, most: int = 9) -> Pool:
    """A pool whose rows have up to four of five labels, or amounts of five features."""
    pool = draw(pools(most=most))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    held = (random.random((len(pool), 5)) < 0.4).astype(float)
    if draw(st.booleans()):
        held *= random.integers(1, 9, held.shape) / 4
    return with_(pool, features=sparse.csr_array(held))


def check(
    selector: Any, pool: Pool, limits: Limits, parts: dict[SetFunction, tuple[float, float]]
) -> None:
    """Follow a selector pick by pick with the gains of its formula."""
    found = run_or_refuse(selector, pool, limits)
    if found is not None:
        follow(pool, limits, found, mixed_gain(pool, limits, selector.diversity_weight, parts))


@settings(max_examples=80, deadline=None)
@given(cases, weights, st.sampled_from([0.0, 0.2]), st.booleans(), st.sampled_from([0.1, 0.5, 1]))
def test_saturated_coverage_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float, width: float, centred: bool, saturation: float
) -> None:
    pool = data.draw(pools())
    limits = data.draw(spaced_limits(pool))
    value = saturated_coverage(similarities(pool, width, centred), saturation)
    selector = SaturatedCoverage(weight, centred, width, saturation)
    check(selector, pool, limits, {value: (1.0, _most(value, pool, limits, width, centred))})


def _most(value: SetFunction, pool: Pool, limits: Limits, width: float, centred: bool) -> float:
    """The scale of saturated coverage: its first gains are taken as if nothing were saturated."""
    singles = similarities(pool, width, centred).sum(axis=1)
    most = most_of(lambda rows: float(singles[list(rows)].sum()), pool, limits, monotone=False)
    return min(value(range(len(pool))), most)


@settings(max_examples=80, deadline=None)
@given(cases, weights, st.sampled_from([0.0, 0.2]), st.booleans(), st.sampled_from([0.2, 0.5, 0.9]))
def test_graph_cut_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float, width: float, centred: bool, redundancy: float
) -> None:
    pool = data.draw(pools())
    limits = data.draw(spaced_limits(pool))
    if width:  # float32 cosines divided by the width: what cancels must not be most of a gain
        redundancy = min(redundancy, 0.5)
    value = graph_cut(similarities(pool, width, centred), redundancy)
    selector = GraphCut(weight, centred, width, redundancy)
    check(selector, pool, limits, {value: (1.0, most_of(value, pool, limits, monotone=False))})


@settings(max_examples=80, deadline=None)
@given(cases, weights, st.sampled_from(sorted(CURVES)))
def test_feature_based_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float, curve: Any
) -> None:
    pool = data.draw(labelled())
    limits = data.draw(spaced_limits(pool))
    value = concave_features(pool.features, CURVES[curve])
    selector = FeatureBased(weight, curve=curve)
    check(selector, pool, limits, {value: (1.0, most_of(value, pool, limits))})


@settings(max_examples=50, deadline=None)
@given(cases, weights, st.booleans())
def test_label_information_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float, per_label: bool
) -> None:
    pool = data.draw(labelled())
    limits = data.draw(spaced_limits(pool))
    number = np.maximum((pool.features.toarray() > 0).sum(axis=1), 1) if per_label else 1.0
    graph = label_graph(centroids(pool.vectors, pool.features), 0.9).toarray()
    informed = (pool.quality / number)[:, None] * pool.features.toarray() @ (graph / graph.sum(0))
    value = concave_features(sparse.csr_array(informed), CURVES["power"])
    selector = LabelInformation(weight, per_label=per_label)
    check(selector, pool, limits, {value: (1.0, most_of(value, pool, limits))})


@settings(max_examples=40, deadline=None)
@given(cases, weights, st.lists(st.sampled_from([0.0, 1.0, 2.5]), min_size=4, max_size=4))
def test_a_mixture_of_submodular_parts_makes_the_picks_of_plain_greedy(
    data: st.DataObject, weight: float, shares: list[float]
) -> None:
    pool = data.draw(labelled(most=8))
    limits = data.draw(spaced_limits(pool))
    if not any(shares):
        shares[0] = 1.0
    likeness = similarities(pool)
    own = facility_location(likeness)
    cover = saturated_coverage(likeness, 0.1)
    cut, features = graph_cut(likeness, 0.5), concave_features(pool.features, np.sqrt)
    most = {
        own: own(range(len(pool))),
        cover: _most(cover, pool, limits, 0.0, False),
        cut: most_of(cut, pool, limits, monotone=False),
        features: most_of(features, pool, limits),
    }
    names = ("facility_location", "saturated_coverage", "graph_cut", "feature_based")
    selector = Mixture(weight, dict(zip(names, shares, strict=True)))
    parts = {
        value: (share / sum(shares), most[value])
        for value, share in zip(most, shares, strict=True)
        if share
    }
    check(selector, pool, limits, parts)


FAMILIES: dict[str, Callable[[Pool], SetFunction]] = {
    "saturated coverage": lambda pool: saturated_coverage(similarities(pool), 0.3),
    "graph cut": lambda pool: graph_cut(similarities(pool), 0.5),
    "features": lambda pool: concave_features(pool.features, np.sqrt),
    "x^0.8": lambda pool: concave_features(pool.features, CURVES["power"]),
}


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=3, deadline=None)
@given(labelled(most=8))
def test_what_is_called_monotone_and_submodular_is_so_on_every_pair_of_nested_sets(
    family: str, pool: Pool
) -> None:
    """The formulas that the picks are checked against; all A within B, all rows outside of B."""
    n = len(pool)
    function = FAMILIES[family](pool)
    value = [function([i for i in range(n) if mask >> i & 1]) for mask in range(2**n)]
    for large in range(2**n):
        outside = [i for i in range(n) if not large >> i & 1]
        gains = {i: value[large | 1 << i] - value[large] for i in outside}
        assert all(gain >= -1e-9 for gain in gains.values())
        small = large
        while small:
            small = (small - 1) & large
            assert all(value[small | 1 << i] - value[small] >= gains[i] - 1e-9 for i in outside)


@settings(max_examples=40, deadline=None)
@given(labelled(most=8), st.integers(1, 4), st.sampled_from(["saturated", "cut", "features"]))
def test_greedy_reaches_its_share_of_the_optimum(pool: Pool, budget: int, family: str) -> None:
    likeness = similarities(pool)
    selector, value = {
        "saturated": (SaturatedCoverage(1.0), saturated_coverage(likeness, 0.1)),
        "cut": (GraphCut(1.0), graph_cut(likeness, 0.5)),
        "features": (FeatureBased(1.0), concave_features(pool.features, np.sqrt)),
    }[family]
    k = min(budget, len(pool))
    best = max(value(rows) for rows in itertools.combinations(range(len(pool)), k))
    found = selector(pool, Limits(budget), 0)  # type: ignore[operator]
    assert value(found.indices.tolist()) >= (1 - 1 / np.e) * best - 1e-6


@settings(max_examples=60, deadline=None)
@given(cases, st.sampled_from([0.3, 0.8]), st.sampled_from(["graph_cut", "feature_based"]))
def test_below_the_needed_quality_a_row_is_never_taken(
    data: st.DataObject, weight: float, name: str
) -> None:
    """For the scales of this run: quality is raised in the objective, not in its scale."""
    pool = data.draw(labelled(most=7))
    limits = in_rows(data.draw(limits_for(pool)), min_quality=0.0)
    if not len(allowed_subsets(pool, limits)):
        return
    selector = GraphCut(weight) if name == "graph_cut" else FeatureBased(weight)
    found = selector(pool, limits, 0)
    scale = found.totals["quality_scale"]
    likeness = similarities(pool)
    if name == "graph_cut":
        value, scaled = graph_cut(likeness, 0.5), found.totals["parts"]["GraphCut"]["scale"]
    else:
        value = concave_features(pool.features, np.sqrt)
        scaled = found.totals["parts"]["FeatureBased"]["scale"]
    order, before = found.indices.tolist(), list(limits.preselected)
    for index in np.flatnonzero(~np.isnan(found.needed_quality)):
        quality = found.needed_quality[index] - 1e-5
        for place in range(len(limits.include), len(order)):
            taken, pick = before + order[:place], order[place]
            gain = scale * quality + scaled * (value([*taken, index]) - value(taken))
            own = scale * pool.quality[pick] + scaled * (value([*taken, pick]) - value(taken))
            assert gain < own + 1e-7


@settings(max_examples=50, deadline=None)
@given(labelled())
def test_mass_spreads_over_like_labels_as_the_matrix_product_says(pool: Pool) -> None:
    graph = label_graph(centroids(pool.vectors, pool.features), 0.5)
    dense = graph.toarray()
    assert (dense.diagonal() == 1).all()
    np.testing.assert_allclose(dense, dense.T, atol=1e-6)
    spread = spread_over(pool.features, graph).toarray()
    np.testing.assert_allclose(spread, pool.features.toarray() @ (dense / dense.sum(axis=0)))
