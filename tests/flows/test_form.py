"""The form's model and its JSON schema: the same values are refused everywhere."""

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.form import CurateParams, checked, filled
from flows.settings import describe, is_block, known_keys, save
from schemas.errors import SettingsError
from schemas.params import Budget, Params

SCHEMA = CurateParams.model_json_schema()


def refused(values: dict) -> bool:
    return not jsonschema.Draft202012Validator(SCHEMA).is_valid(values)


def test_every_key_has_a_title_and_its_description_with_bounds():
    blocks = {name: field.annotation for name, field in Params.model_fields.items()}
    for key, field in known_keys():
        block, _, name = key.rpartition(".")
        where = SCHEMA["$defs"][blocks[block].__name__] if block else SCHEMA
        shown = where["properties"][name]
        assert shown["title"]
        assert "default" in shown
        if block:
            assert shown["description"].startswith(describe(field).split(" [")[0])
            assert describe(field) == shown["description"] or name == "selector"


def test_blocks_stand_in_the_order_of_params_yaml_with_their_purpose():
    assert list(SCHEMA["properties"]) == list(Params.model_fields)
    for field in Params.model_fields.values():
        if is_block(field):
            shown = SCHEMA["$defs"][field.annotation.__name__]
            assert shown["title"] == field.annotation.__name__.removesuffix("Params")
            assert shown["description"] == field.annotation.__doc__


numbers = st.decimals(0, 10**6, places=3).map(str) | st.integers(0, 10**17).map(str)
units = st.sampled_from(["", "%", " %", " rows", "row", " tokens", "token", " words"])


@given(st.builds(lambda number, unit: number + unit, numbers, units) | st.text(max_size=6))
@example("0%")
@example("100.0 %")
@example("1.0")
@example("0.0")
@example("007 rows")
def test_the_form_refuses_no_budget_that_the_model_takes_and_few_others(text):
    try:
        taken = bool(Budget.parse(text))
    except ValueError:
        taken = False
    shown = not refused({"choose": {"budget": text}})
    assert shown or not taken
    if shown and not taken:  # the exact ends of the ranges are the model's to judge
        assert len(text) > 5


@pytest.mark.parametrize(
    "choose",
    [
        {"selector": "k_center", "settings": {"kernel": 1}},
        {"selector": "facility_location", "settings": {"mode": "slow"}},
        {"selector": "uniform", "settings": {"seed": 1}},
        {"budget": "0"},
        {"budget": "101%"},
        {"group_by": " "},
        {"diversity_weight": -0.1},
    ],
)
def test_what_the_schema_refuses_the_model_refuses_too(choose):
    assert refused({"choose": choose})
    with pytest.raises((SettingsError, ValueError)):
        checked(CurateParams.model_validate({"choose": choose}))


def test_a_selector_with_its_own_settings_passes():
    choose = {"selector": "facility_location", "settings": {"mode": "exact", "centred": True}}
    assert not refused({"choose": choose})
    assert checked(CurateParams.model_validate({"choose": choose})).choose.settings["centred"]


def test_what_is_left_out_comes_from_params_yaml(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = Params.model_validate(
        {"seed": 5, "ingest": {"text_key": "body"}, "choose": {"budget": "30"}}
    )
    save(written, tmp_path / "params.yaml")
    run = filled(CurateParams.model_validate({"choose": {"diversity_weight": 0.5}}))
    assert (run.seed, run.ingest.text_key, run.choose.budget) == (5, "body", "30")
    assert run.choose.diversity_weight == 0.5
    given_default = filled(CurateParams.model_validate({"choose": {"budget": "20%"}}))
    assert given_default.choose.budget == "20%", "said is said, even if it is the class's default"
