"""The mixture: which objectives, by what weights and settings, and what is recorded of them."""

from typing import Any

import numpy as np
import pytest

from schemas.errors import SettingsError
from schemas.params import ChooseParams
from tasks.engine.constraints import Limits
from tasks.methods import selector_of
from tasks.selectors import SELECTORS, needs_of
from tasks.selectors.mixture import PARTS, Mixture
from tests.pools import random_pool

POOL = random_pool(80)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("limits", [Limits(20), Limits(60, True, caps={0: 4})])
def test_of_one_part_alone_it_is_that_selector(name: str, limits: Limits) -> None:
    alone = SELECTORS[name](diversity_weight=0.6)(POOL, limits, 0)
    centred = getattr(SELECTORS[name], "centred", False)  # a mixture has one for all its parts
    mixed = Mixture(0.6, {name: 3.0}, centred=centred)(POOL, limits, 0)
    assert mixed.indices.tolist() == alone.indices.tolist()
    np.testing.assert_allclose(mixed.gains, alone.gains, atol=1e-8)


def test_without_diversity_it_is_the_best_qualities() -> None:
    best = SELECTORS["top_quality"]()(POOL, Limits(20), 0)
    assert Mixture(0.0)(POOL, Limits(20), 0).indices.tolist() == best.indices.tolist()


def test_weights_are_shares_and_scales_are_recorded() -> None:
    one = Mixture(0.5, {"graph_cut": 1.0, "feature_based": 3.0})(POOL, Limits(9), 0)
    other = Mixture(0.5, {"graph_cut": 5.0, "feature_based": 15.0})(POOL, Limits(9), 0)
    assert one.indices.tolist() == other.indices.tolist()
    assert one.totals["parts"] == other.totals["parts"]
    alone = {
        name: Mixture(0.5, {name: 1.0})(POOL, Limits(9), 0).totals["parts"][name]["scale"]
        for name in ("graph_cut", "feature_based")
    }
    parts = one.totals["parts"]
    assert parts["graph_cut"]["scale"] == pytest.approx(alone["graph_cut"] / 4)
    assert parts["feature_based"]["scale"] == pytest.approx(alone["feature_based"] * 3 / 4)


def test_settings_reach_the_parts_that_have_them() -> None:
    mixed = Mixture(1.0, {"graph_cut": 1.0}, {"graph_cut": {"redundancy": 0.9}}, True, 0.3)
    kind = SELECTORS["graph_cut"]
    alone = kind(1.0, centred=True, kernel_width=0.3, redundancy=0.9)  # type: ignore[call-arg]
    assert mixed(POOL, Limits(20), 0).indices.tolist() == (
        alone(POOL, Limits(20), 0).indices.tolist()
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"parts": {"k_center": 1.0}}, "no objective is called 'k_center'"),
        ({"parts": {"graph_cut": -1.0}}, "parts.graph_cut must lie in"),
        ({"parts": {"graph_cut": 0.0}}, "no objective of a weight above 0"),
        ({"parts": {}}, "no objective of a weight above 0"),
        ({"part_settings": {"graph_cut": {"width": 1}}}, "graph_cut has no setting 'width'"),
        ({"part_settings": {"graph_cut": {"redundancy": 7}}}, "redundancy must lie in"),
        ({"kernel_width": 0.001}, "kernel_width"),
        ({"mode": "slow"}, "mode must be one of"),
        ({"diversity_weight": 2}, "diversity_weight must lie in"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        selector_of(ChooseParams(selector="mixture", settings=settings))


def test_what_needs_features_says_so() -> None:
    needing = {name for name, kind in SELECTORS.items() if "features" in needs_of(kind())}
    assert needing == {"feature_based", "label_information", "mixture"}
