"""Encoders: the packaged model and a tiny static one, as they are."""

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from schemas.errors import SettingsError
from schemas.params import EmbedParams
from tasks.encoders import Encoder, load_encoder, unit_rows
from tasks.encoders.models import identity_of, model_folder
from tests.tiny_model import WIDTH

DEMO = Path(__file__).parents[2] / "data" / "demo" / "open_docs.jsonl.gz"


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Twelve texts of 1 to 400 words, so that they fall into several lengths of batch."""
    with gzip.open(DEMO, "rt", encoding="utf-8") as file:
        words = " ".join(json.loads(next(file))["text"] for _ in range(60)).split()
    sizes = [1, 3, 9, 14, 15, 24, 25, 30, 60, 90, 170, 400]
    return [" ".join(words[7 * size : 8 * size]) for size in sizes]


def encode(encoder: Encoder, rows: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and token counts in the order of the rows; every row must come exactly once."""
    vectors = np.full((len(rows), encoder.width), np.nan, dtype=np.float32)
    tokens = np.full(len(rows), -1)
    seen: list[int] = []
    for part in encoder.encode(rows):
        vectors[part.positions], tokens[part.positions] = part.vectors, part.tokens
        assert part.vectors.dtype == np.float32
        seen.extend(part.positions.tolist())
    assert sorted(seen) == list(range(len(rows)))
    return vectors, tokens


@pytest.fixture(scope="module")
def whole(minilm, texts):
    return encode(minilm, texts)


def test_the_packaged_model_gives_unit_vectors_of_384_dimensions(minilm, whole):
    vectors, _ = whole
    assert minilm.width == vectors.shape[1] == 384
    assert np.linalg.norm(vectors.astype(np.float64), axis=1) == pytest.approx(
        np.ones(12), abs=1e-6
    )


def test_a_vector_is_the_same_alone_in_any_order_and_in_any_company(minilm, texts, whole):
    vectors, tokens = whole
    order = np.random.default_rng(0).permutation(12)
    shuffled, counts = encode(minilm, [texts[i] for i in order])
    assert shuffled.tobytes() == vectors[order].tobytes()
    assert counts.tolist() == tokens[order].tolist()
    for i in (0, 4, 8, 11):
        assert encode(minilm, [texts[i]])[0].tobytes() == vectors[i].tobytes()
    part, _ = encode(minilm, [*texts[3:6], *texts[3:5]])
    assert part.tobytes() == vectors[[3, 4, 5, 3, 4]].tobytes()


def test_a_vector_is_the_same_on_one_thread_and_on_two(minilm, texts, whole):
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(encode(minilm, texts)[0].tobytes())
    finally:
        torch.set_num_threads(before)
    assert found == [whole[0].tobytes()] * 2


def test_vectors_are_those_of_the_library_itself(minilm, texts, whole):
    theirs = minilm.model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(theirs - whole[0]).max() < 1e-6


def test_tokens_are_counted_as_the_tokenizer_counts_them_before_the_cut(minilm, texts, whole):
    expected = [len(minilm.model.tokenizer.tokenize(text)) for text in texts]
    assert whole[1].tolist() == expected
    assert max(expected) > 256 > min(expected)


def test_what_stands_behind_the_limit_does_not_count(minilm):
    long = "word " * 254  # and two special tokens: 256
    vectors, tokens = encode(minilm, [long, long + "and quite another end", "other " + long])
    assert vectors[0].tobytes() == vectors[1].tobytes() != vectors[2].tobytes()
    assert tokens.tolist() == [254, 258, 255]


def test_no_texts_give_no_batches(minilm, tiny_model):
    assert list(minilm.encode([])) == []
    assert list(load_encoder(EmbedParams(model=str(tiny_model))).encode([])) == []


@pytest.fixture
def static(tiny_model):
    return load_encoder(EmbedParams(model=str(tiny_model), max_tokens=8))


def test_a_static_vector_is_the_mean_of_its_words_scaled_to_unit_length(static):
    weight = static.model[0].embedding.weight.detach().numpy().astype(np.float64)
    place = static.model[0].tokenizer.get_vocab()
    mean = (2 * weight[place["water"]] + weight[place["fire"]]) / 3
    vectors, tokens = encode(static, ["Water fire unheard water"])
    assert vectors[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert (static.width, tokens.tolist()) == (WIDTH, [4])


def test_a_text_of_unknown_words_or_none_has_a_vector_of_zeros(static):
    vectors, tokens = encode(static, ["Xylem phloem", "water", "???"])
    assert tokens.tolist() == [2, 1, 0]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([0, 1, 0], abs=1e-6)
    assert not encode(static, ["???"])[0].any(), "also where no row has a token"


def test_a_long_text_is_cut_but_counted_whole(static):
    vectors, tokens = encode(static, ["water " * 8 + "fire", "water"])
    assert tokens.tolist() == [9, 1]
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-6)


def test_a_static_vector_does_not_depend_on_its_neighbours(static):
    rows = [f"water fire {'tree ' * i} river" for i in range(7)] * 200
    vectors, _ = encode(static, rows)
    assert vectors[:7].tobytes() * 200 == vectors.tobytes()
    assert encode(static, rows[3:4])[0].tobytes() == vectors[3].tobytes()


def test_the_identity_is_that_of_weights_and_settings(tiny_model, tmp_path):
    base = EmbedParams(model=str(tiny_model))
    known = identity_of(tiny_model, base, "cpu")
    for change in ({"max_tokens": 9}, {"batch_rows": 7}):
        assert identity_of(tiny_model, base.model_copy(update=change), "cpu") != known
    assert identity_of(tiny_model, base, "cuda") != known
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    assert identity_of(copy, base.model_copy(update={"model": str(copy)}), "cpu") == known, (
        "no name"
    )
    (weights,) = copy.rglob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert identity_of(copy, base, "cpu") != known


def test_a_changed_tokenizer_is_another_model(tiny_model, tmp_path):
    params = EmbedParams(model=str(tiny_model))
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (tokenizer,) = copy.rglob("tokenizer.json")
    tokenizer.write_text(tokenizer.read_text() + " ")
    assert identity_of(copy, params, "cpu") != identity_of(tiny_model, params, "cpu")


def test_a_folder_with_pickled_weights_alone_is_refused_unread(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04never loaded")
    with pytest.raises(SettingsError, match="safetensors"):
        load_encoder(EmbedParams(model=str(tmp_path)))


def test_pickled_weights_of_one_module_among_others_are_refused_too(tiny_model, tmp_path):
    """The library would load a later module's own `pytorch_model.bin`, and no digest covers it."""
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    (copy / "2_Dense").mkdir()
    (copy / "2_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04never loaded")
    with pytest.raises(SettingsError, match=r"2_Dense/pytorch_model\.bin"):
        model_folder(EmbedParams(model=str(copy)))


@pytest.mark.parametrize("name", ["no/such-model", "no such model!", "./nowhere", "a/b/c"])
def test_a_model_that_is_not_to_be_had_is_a_settings_error_with_a_remedy(name, monkeypatch):
    import huggingface_hub

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(SettingsError) as refused:
        load_encoder(EmbedParams(model=name))
    told = str(refused.value)
    assert repr(name) in told
    assert "where: embed.model (HF_HUB_OFFLINE is set)" in told
    assert "remedy: copy the model's folder here and name its path" in told


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_without_a_gpu_cuda_is_refused_and_auto_means_cpu(tiny_model):
    with pytest.raises(SettingsError, match="no GPU"):
        load_encoder(EmbedParams(model=str(tiny_model), device="cuda"))
    assert load_encoder(EmbedParams(model=str(tiny_model), device="auto")).device == "cpu"


def test_rows_are_scaled_to_unit_length_and_what_has_none_becomes_zeros():
    rows = np.array([[3, 4], [1e-7, 0], [0, 0], [np.nan, 1], [1e30, 0]], dtype=np.float32)
    assert unit_rows(rows).tolist() == [
        pytest.approx([0.6, 0.8]), [0, 0], [0, 0], [0, 0], [1, 0],
    ]  # fmt: skip
