"""Names and settings of methods are checked before anything runs."""

from typing import Any

import pytest

from schemas.errors import SettingsError
from schemas.params import ChooseParams, Params
from tasks.methods import check_methods, selector_of
from tasks.selectors import SELECTORS
from tasks.selectors.cover_then_match import CoverThenMatch
from tasks.selectors.stratified import Stratified


def test_the_default_settings_name_methods_that_exist() -> None:
    check_methods(Params())


@pytest.mark.parametrize("name", SELECTORS)
def test_every_selector_can_be_asked_for_by_name(name: str) -> None:
    assert type(selector_of(ChooseParams(selector=name))) is SELECTORS[name]


def test_the_diversity_weight_goes_to_the_selector_that_has_one() -> None:
    assert selector_of(ChooseParams(diversity_weight=0.25)) == CoverThenMatch(0.25)
    own = ChooseParams(diversity_weight=0.25, settings={"diversity_weight": 0.5})
    assert selector_of(own) == CoverThenMatch(0.5)


def test_settings_reach_their_selector() -> None:
    wanted = {"by": "source", "allocation": "proportional"}
    found = selector_of(ChooseParams(selector="stratified", settings=wanted))
    assert found == Stratified(by="source", allocation="proportional")


@pytest.mark.parametrize(
    ("choose", "named"),
    [
        ({"selector": "facility_locaton"}, "did you mean 'facility_location'"),
        ({"selector": "nothing like it"}, "one of " + ", ".join(sorted(SELECTORS))),
        ({"settings": {"diversity": 1}}, "no setting 'diversity'\n.*diversity_weight"),
        ({"selector": "uniform", "settings": {"by": "x"}}, r"no setting 'by'\n.*\(none\)"),
        ({"settings": {"diversity_weight": 1.5}}, r"must lie in \[0, 1\]; got 1.5"),
        ({"settings": {"diversity_weight": float("nan")}}, r"\[0, 1\]; got nan"),
        ({"settings": {"diversity_weight": "high"}}, "cover_then_match do not fit"),
        ({"selector": "stratified", "settings": {"allocation": "fair"}}, "got 'fair'"),
    ],
)
def test_what_does_not_exist_or_fit_is_named(choose: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        check_methods(Params.model_validate({"choose": choose}))


def test_an_unknown_score_column_is_named_with_those_near_it() -> None:
    params = Params.model_validate({"score": {"quality_weights": {"rules_pased": 1.0}}})
    with pytest.raises(SettingsError, match=r"'rules_pased'\n.*rules_passed"):
        check_methods(params)
