"""Settings: what is accepted, what is refused, and in which words."""

import pytest
from pydantic import ValidationError

from schemas.errors import SettingsError
from schemas.params import Budget, Params
from tasks.stage import load_params


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("300", "rows", 300), ("300 rows", "rows", 300), ("1 row", "rows", 1), (" 7 ", "rows", 7),
        ("5.0 rows", "rows", 5), ("20%", "share", 0.2), ("20 %", "share", 0.2),
        ("0.5%", "share", 0.005), ("100%", "share", 1), ("0.2", "share", 0.2), ("1.0", "share", 1),
        ("50000 tokens", "tokens", 50_000), ("1 token", "tokens", 1), ("9tokens", "tokens", 9),
    ],
)  # fmt: skip
def test_a_budget_that_is_read(text, unit, amount):
    budget = Budget.parse(text)
    assert (budget.unit, budget.amount) == (unit, pytest.approx(amount))


@pytest.mark.parametrize(
    "text",
    ["", "0", "-5", "+5", "0%", "0.0", "101%", "1.5", "1.5 rows", "0.5 tokens", "0 tokens", "1e3",
     "5 pages", "5 %%", "ten", "1,000", "1_000", "nan", "inf", "5 rows tokens", "9" * 400,
     "9" * 400 + " tokens"],
)  # fmt: skip
def test_a_budget_that_is_refused(text):
    with pytest.raises(ValueError, match=r"budget|share"):
        Budget.parse(text)
    with pytest.raises(ValidationError, match=r"choose\.budget"):
        Params.model_validate({"choose": {"budget": text}})


@pytest.mark.parametrize(("given", "text"), [(300, "300"), (0.25, "0.25"), ("10%", "10%")])
def test_a_budget_may_come_as_a_number(given, text):
    assert Params.model_validate({"choose": {"budget": given}}).choose.budget == text


BOUNDS = {
    "seed": (0, -1),
    "ingest.max_chars": (1, 0),
    "ingest.max_record_bytes": (1024, 1023),
    "ingest.max_quarantine_share": (1, 1.01),
    "deduplicate.threshold": (1, 0),
    "deduplicate.ngram_words": (20, 21),
    "deduplicate.permutations": (16, 15),
    "embed.batch_rows": (4096, 4097),
    "embed.max_tokens": (8, 7),
    "score.neighbours": (1, 0),
    "score.clusters": (0, -1),
    "choose.diversity_weight": (1, 1.001),
    "choose.min_quality": (0, -0.1),
    "choose.min_distance": (2, 2.1),
    "choose.time_limit_seconds": (0, -1),
    "validate.min_selected_rows": (0, -1),
    "validate.max_missing_groups": (-1, -2),
    "measure.control_seeds": (2, 1),
    "report.max_points": (100, 99),
    "report.examples": (100, 101),
}


def nested(key: str, value):
    *blocks, name = key.split(".")
    return {blocks[0]: {name: value}} if blocks else {name: value}


@pytest.mark.parametrize("key", BOUNDS)
def test_a_bound_is_allowed_and_the_next_value_is_not(key):
    good, bad = BOUNDS[key]
    Params.model_validate(nested(key, good))
    with pytest.raises(ValidationError, match=key):
        Params.model_validate(nested(key, bad))


@pytest.mark.parametrize("key", ["deduplicate.threshold", "choose.diversity_weight"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bounded_number_is_a_number(key, value):
    with pytest.raises(ValidationError, match=key):
        Params.model_validate(nested(key, value))


def test_settings_cannot_be_changed_once_made_and_know_no_other_keys():
    params = Params()
    with pytest.raises(ValidationError, match="frozen"):
        params.choose.budget = "5"
    for wrong in ({"chose": {}}, {"choose": {"budjet": 5}}):
        with pytest.raises(ValidationError, match="Extra inputs"):
            Params.model_validate(wrong)


@pytest.mark.parametrize(
    ("given", "columns"),
    [
        ("source", ("source",)), ("source,language", ("source", "language")),
        (" source , my licence ", ("source", "my licence")), (["source"], ("source",)),
        (["a,b", 'it"s'], ("a,b", 'it"s')), ('"a,b", c', ("a,b", "c")), ('it"s', ('it"s',)),
        ('["source", "language"]', ("source", "language")), ("[source]", ("source",)),
        ('"[x]"', ("[x]",)), (("cluster", "source"), ("cluster", "source")), (7, ("7",)),
    ],
)  # fmt: skip
def test_columns_of_groups_are_read_from_a_text_or_a_list(given, columns):
    params = Params.model_validate({"choose": {"group_by": given}})
    assert params.choose.group_columns == columns
    assert isinstance(params.choose.group_by, str)
    again = Params.model_validate(params.model_dump())
    assert again == params


@pytest.mark.parametrize("given", ["", " ", "a,", "a,,b", "a, a", [], [""], "[", "[]", "a\nb"])
def test_columns_of_groups_that_are_refused(given):
    with pytest.raises(ValidationError, match=r"choose\.group_by"):
        Params.model_validate({"choose": {"group_by": given}})


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{instruction} {answer}", "answer"),
        ("{instruction}", "output"),
        ("{output}", "instruction"),
    ],
)
def test_a_template_holds_what_it_must_and_nothing_else(template, words):
    with pytest.raises(ValidationError, match=words):
        Params.model_validate({"ingest": {"template": template}})
    Params.model_validate({"ingest": {"template": "{output} {instruction}"}})


def test_an_absent_key_may_be_written_as_null():
    assert Params.model_validate({"ingest": {"id_key": None}}).ingest.id_key == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"choose: {budget: 0, diversity_weight: 2}", ["choose.budget", "choose.diversity_weight"]),
        (b"seed: [", ["not YAML"]),
        (b"- seed", ["settings are not valid"]),
        (b"seed: \xff", ["not YAML"]),
    ],
)
def test_a_settings_file_that_cannot_be_used_says_why(tmp_path, content, words):
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        load_params(path)
    for word in words:
        assert word in str(refused.value)


def test_no_settings_file_is_an_error_and_an_empty_one_means_the_defaults(tmp_path):
    with pytest.raises(SettingsError, match=r"no params\.yaml here"):
        load_params(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("")
    assert load_params(tmp_path / "params.yaml") == Params()
