"""Pairs of texts: read with their reasons, learnt in either order, told as a rank correlation."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

from schemas.errors import SettingsError
from schemas.params import Params
from schemas.proof import ProveParams
from tasks.paths import Paths
from tasks.proving.consumers.preference import PreferenceNgrams, PreferenceVectors
from tasks.proving.plan import consumers_of
from tasks.proving.prove import prove
from tasks.proving.reading import read
from tasks.proving.task import Others, Task
from tests.tasks.proofs import small_task
from tests.tiny_model import VOCABULARY

BOTH = [PreferenceVectors(), PreferenceNgrams()]


@pytest.fixture
def task() -> Task:
    """240 pairs: the text with more of the word `good`, and further along one axis, is preferred.

    A third of them the other way round, with a negative preference, and a few ties.
    """
    base, random = small_task(), np.random.default_rng(3)
    n = len(base.ids)
    better = tuple(text + " good" for text in base.texts)
    along = base.vectors + 0.5 * np.eye(base.vectors.shape[1])[0]
    along = (along / np.linalg.norm(along, axis=1, keepdims=True)).astype(np.float32)
    task = replace(base, texts=better, vectors=along, ratings=np.ones(n))
    task = replace(task, others=Others(base.texts, base.vectors))
    return swapped(task, random.random(n) < 0.3)


def swapped(task: Task, here: np.ndarray) -> Task:
    """Some pairs the other way round."""
    assert task.others is not None
    assert task.ratings is not None
    pairs = [pair[::-1] if turned else pair
             for pair, turned in zip(zip(task.texts, task.others.texts, strict=True),
                                     here, strict=True)]  # fmt: skip
    own, others = zip(*pairs, strict=True)
    turned = here[:, None]
    vectors = np.where(turned, task.others.vectors, task.vectors)
    other_vectors = np.where(turned, task.vectors, task.others.vectors)
    ratings = np.where(here, -task.ratings, task.ratings)
    return replace(
        task, texts=own, vectors=vectors, ratings=ratings, others=Others(others, other_vectors)
    )


@pytest.mark.parametrize("consumer", BOTH, ids=lambda one: type(one).__name__)
class TestConsumers:
    def test_it_learns_which_text_wins_and_nothing_from_coins(self, consumer, task) -> None:
        assert consumer(task, [task.train], 0) > 0.8
        coins = np.random.default_rng(11).choice([-1.0, 1.0], len(task.ids))
        assert abs(consumer(replace(task, ratings=coins), [task.train], 0)) < 0.4

    def test_the_order_of_a_pair_means_nothing(self, consumer, task) -> None:
        turned = swapped(task, np.arange(len(task.ids)) % 2 == 0)
        here, there = (consumer.answers(each, [task.train], 0) for each in (task, turned))
        sign = np.where(task.test % 2 == 0, -1, 1)
        np.testing.assert_allclose(there, sign * here, atol=1e-3)
        assert consumer(task, [task.train], 0) == consumer(turned, [task.train], 0)

    def test_ties_teach_nothing_and_are_not_asked(self, consumer, task) -> None:
        ratings = np.where(np.arange(len(task.ids)) % 3 == 0, 0.0, task.ratings)
        tied = replace(task, ratings=ratings)
        rows = task.train[ratings[task.train] != 0]
        assert consumer(tied, [task.train], 0) == consumer(tied, [rows], 0)
        flat = replace(task, ratings=np.zeros(len(task.ids)))
        assert consumer(flat, [task.train], 0) == 0.0

    def test_the_score_is_kendalls_over_either_order_of_each_pair(self, consumer, task) -> None:
        """Per pair the two orders have margins m, -m and preferences p, -p: tau is sign(m p)."""
        answers = consumer.answers(task, [task.train[:20]], 0)
        of_pairs = [
            kendalltau([margin, -margin], [judged, -judged]).statistic
            for margin, judged in zip(answers, task.ratings[task.test], strict=True)
        ]
        assert consumer.score(task, answers, task.test) == pytest.approx(np.mean(of_pairs))


def test_a_choice_cannot_see_the_other_text(task) -> None:
    assert task.unseen().others is None
    assert task.digest != task.unseen().digest
    longer = Others((*task.others.texts[:-1], "else"), task.others.vectors)
    assert replace(task, others=longer).digest != task.digest


LINES = [
    {"prompt": "p", "a": "one", "b": "two", "won": 1},
    {"prompt": "p", "a": "one", "b": None, "won": 1},
    {"prompt": "p", "a": "same", "b": "same", "won": 1},
    {"prompt": "p", "a": "four", "b": "five", "won": -2},
    {"prompt": None, "a": "six", "b": None, "won": 1},
]


def test_every_pair_is_used_or_counted_with_its_reason(tmp_path) -> None:
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES))
    asked = ProveParams(source=["pairs.jsonl"], text="prompt,a", against="prompt,b", rating="won")
    found = read(asked, Paths(tmp_path))
    pairs = found.rows.select("text", "other", "rating").sort("text").rows()
    assert pairs[0] == ("p\n\nfour", "p\n\nfive", -2.0)
    assert pairs[1:] == [("p\n\none", "p\n\ntwo", 1.0)]
    assert found.unused == {"no other text": 2, "two equal texts": 1}
    with pytest.raises(SettingsError, match="no record has the column 'c'"):
        read(asked.model_copy(update={"against": "c"}), Paths(tmp_path))


@pytest.mark.parametrize(("text", "against"), [("a", "a"), ("p,a", "p"), ("p", "p,b")])
def test_two_texts_without_a_column_of_their_own_are_refused(text: str, against: str) -> None:
    with pytest.raises(ValueError, match="each name a column that the other does not"):
        ProveParams(source=["a"], text=text, against=against)


def test_consumers_of_pairs_need_pairs() -> None:
    asked = ProveParams(source=["a"], against="b", rating="c")
    assert list(consumers_of([], asked.kinds)) == ["preference_ngrams", "preference_vectors"]
    with pytest.raises(SettingsError, match="needs pairs"):
        consumers_of(["preference_vectors"], ProveParams(source=["a"], rating="c").kinds)


def test_a_file_of_pairs_is_proved(tmp_path, tiny_model) -> None:
    random, words = np.random.default_rng(0), np.array(VOCABULARY[1:])
    lines = []
    for _ in range(80):
        base = " ".join(random.choice(words[5:], 6))
        lines.append({"good": f"{base} {words[0]}", "bad": f"{base} {words[1]}"})
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ProveParams(source=["pairs.jsonl"], text="good", against="bad", seeds=2,
                        budgets=[0.5], embedder=str(tiny_model))  # fmt: skip
    proof = prove(asked, Params(), Paths(tmp_path), tmp_path / "proof", lambda _: None)
    default = [each for each in proof.summaries if each.method == "default"]
    assert {each.unit for each in default} == {"rank correlation"}
    assert all(each.score > 0.5 for each in default)
    assert "rank correlation" in (tmp_path / "proof/pairs.html").read_text("utf-8")
