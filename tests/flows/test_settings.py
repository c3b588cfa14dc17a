"""Overrides and params.yaml: what a person types, what the file then says."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.settings import apply_overrides, dump, known_keys, save
from schemas.errors import SettingsError
from schemas.params import Params
from tasks.stage import load_params

ROOT = Path(__file__).resolve().parents[2]


def value_of(params: Params, key: str) -> object:
    for part in key.split("."):
        params = params[part] if isinstance(params, dict) else getattr(params, part)
    return params


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("choose.budget=300", "choose.budget", "300"),
        ("choose.budget=20%", "choose.budget", "20%"),
        ("choose.budget=50000 tokens", "choose.budget", "50000 tokens"),
        ("choose.diversity_weight=1", "choose.diversity_weight", 1.0),
        ("seed=7", "seed", 7),
        ("ingest.sources=data/*.jsonl", "ingest.sources", ["data/*.jsonl"]),
        ("ingest.sources=*.jsonl", "ingest.sources", ["*.jsonl"]),
        ('ingest.sources=["a.jsonl","b.csv"]', "ingest.sources", ["a.jsonl", "b.csv"]),
        ("choose.must_include=007", "choose.must_include", ["007"]),
        ("choose.must_include=[007, 08]", "choose.must_include", ["007", "08"]),
        ("ingest.text_key=yes", "ingest.text_key", "yes"),
        ("ingest.text_key=a: b", "ingest.text_key", "a: b"),
        ("ingest.text_key='null'", "ingest.text_key", "null"),
        ("ingest.id_key=null", "ingest.id_key", ""),
        ("ingest.id_key=", "ingest.id_key", ""),
        ("choose.settings={a: 1, b: [x]}", "choose.settings", {"a": 1, "b": ["x"]}),
        ("choose.group_caps.web=5", "choose.group_caps", {"web": 5}),
        ("choose.group_caps.*=5", "choose.group_caps", {"*": 5}),
        ("choose.group_caps.source:web=5", "choose.group_caps", {"source:web": 5}),
        (
            "choose.group_floors={source:*: 2, lang:en: 9}",
            "choose.group_floors",
            {"source:*": 2, "lang:en": 9},
        ),
        ("choose.group_by=source, language", "choose.group_by", "source, language"),
        ('choose.group_by=["source", "a,b"]', "choose.group_by", '["source", "a,b"]'),
        ("choose.preselected=[r1, 007]", "choose.preselected", ["r1", "007"]),
        ("choose.time_limit_seconds=2.5", "choose.time_limit_seconds", 2.5),
        ("ingest.template={instruction}=={output}", "ingest.template", "{instruction}=={output}"),
    ],
)
def test_an_override_sets_its_key(override, key, value):
    assert value_of(apply_overrides(Params(), [override]), key) == value


def test_overrides_apply_in_order_and_leave_the_rest_and_the_original_alone():
    before = Params()
    after = apply_overrides(before, ["choose.budget=10", "seed=3", "choose.budget=20"])
    assert (after.choose.budget, after.seed, before.choose.budget) == ("20", 3, "20%")
    assert after.ingest == before.ingest


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("choose.budjet=3", ["'choose.budjet'", "choose.budget"]),
        ("must_includes=3", ["choose.must_include"]),
        ("diversity=0.5", ["'diversity'"]),
        ("choose=3", ["'choose' is a block", "choose.budget"]),
        ("choose.budget", ["no value", "KEY=VALUE"]),
        ("choose.budget=many", ["choose.budget", "50000 tokens", "many"]),
        ("choose.diversity_weight=1.5", ["choose.diversity_weight", "less than or equal to 1"]),
        ("seed=-1", ["seed", "greater than or equal to 0"]),
        ("embed.device=tpu", ["embed.device", "'cpu'"]),
        ("ingest.sources=[*.jsonl]", ["ingest.sources", "quotes"]),
        ("choose.settings={a", ["choose.settings", "not YAML"]),
        ("ingest.sources=[]", ["ingest.sources", "at least 1"]),
        ("ingest.sources.x=1", ["ingest.sources"]),
    ],
)
def test_a_wrong_override_is_refused_by_name(override, words):
    with pytest.raises(SettingsError) as refused:
        apply_overrides(Params(), [override])
    for word in words:
        assert word in str(refused.value)


def test_the_file_of_the_repository_is_the_dump_of_itself_and_names_every_key():
    path = ROOT / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text == dump(load_params(path))
    loaded = yaml.safe_load(text)
    for key, _ in known_keys():
        found = loaded
        for part in key.split("."):
            assert part in found, f"{key} is not spelled out"
            found = found[part]
    assert load_params(path).ingest.id_key == "id"


def test_each_key_is_preceded_by_its_description_and_each_block_by_its_purpose():
    lines = dump(Params()).splitlines()
    at = lines.index(f"  diversity_weight: {Params().choose.diversity_weight}")
    assert lines[at - 1] == "  # Lambda: 0 = quality alone, 1 = diversity alone [>= 0, <= 1]"
    assert lines[lines.index("choose:") - 1] == "# How the subset is chosen."
    assert max(map(len, lines)) <= 100


texts = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable())


@given(
    sources=st.lists(texts, min_size=1, max_size=3),
    plain=st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}") | st.just("\n")
    ),
    caps=st.dictionaries(texts, st.integers(0, 10**6), max_size=3),
    weight=st.floats(0, 1),
)
def test_what_is_dumped_is_read_back_whatever_the_texts_hold(sources, plain, caps, weight):
    params = Params.model_validate(
        {
            "ingest": {"sources": sources, "template": "{instruction}" + plain + "{output}"},
            "choose": {"group_caps": caps, "diversity_weight": weight},
        }
    )
    text = dump(params)
    again = Params.model_validate(yaml.safe_load(text))
    assert again == params
    assert dump(again) == text


def test_saving_equal_settings_leaves_the_file_untouched(tmp_path):
    path = tmp_path / "params.yaml"
    assert save(Params(), path)
    before = path.stat()
    assert not save(Params(), path)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_ino == before.st_ino
    assert save(apply_overrides(Params(), ["seed=1"]), path)
    assert load_params(path).seed == 1
