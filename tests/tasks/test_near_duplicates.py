"""Near duplicates on arrays, against sets of words in plain Python."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import near_duplicates as module
from tasks.near_duplicates import NgramSets, candidate_pairs, jaccard, resolve

# letters, digits and signs on which Python's \w and lower() agree with Rust's
SIGNS = "abAB1_ ßéÉжЖ日\n\t.,!-'🙂"
texts = st.lists(st.text(SIGNS, max_size=24), min_size=1, max_size=8)
quick = settings(max_examples=150, deadline=None)


def ngrams(text: str, size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if len(words) < size:
        return {tuple(words)} if words else set()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def sets_of(rows: list[str], size: int = 5) -> NgramSets:
    return NgramSets.of(pl.Series(rows, dtype=pl.String), size)


def all_pairs(count: int) -> np.ndarray:
    pairs = [(i, j) for j in range(count) for i in range(j)]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


@quick
@given(rows=texts, size=st.integers(1, 4))
def test_each_row_holds_its_distinct_ngrams_and_counts_its_words(rows, size):
    sets = sets_of(rows, size)
    assert len(sets) == len(rows)
    for place, row in enumerate(rows):
        own = sets.row(place)
        assert len(own) == len(ngrams(row, size))
        assert (np.diff(own.astype(object)) > 0).all(), "sorted, each once"
        assert sets.words[place] == len(re.findall(r"\w+", row))


@quick
@given(rows=texts, size=st.integers(1, 4))
def test_jaccard_is_that_of_the_sets_in_plain_python(rows, size):
    sets = sets_of(rows, size)
    pairs = np.array(
        [(i, j) for i, j in all_pairs(len(rows)) if ngrams(rows[i], size) | ngrams(rows[j], size)],
        dtype=np.int64,
    ).reshape(-1, 2)
    for (i, j), value in zip(pairs, jaccard(sets, pairs), strict=True):
        a, b = ngrams(rows[i], size), ngrams(rows[j], size)
        assert value == pytest.approx(len(a & b) / len(a | b), abs=1e-12)


@quick
@given(rows=texts, cut=st.integers(1, 3))
def test_the_sets_do_not_depend_on_how_many_rows_are_hashed_at_once(rows, cut):
    whole = sets_of(rows, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_ROWS", cut)
        parts = sets_of(rows, 2)
    assert [whole.row(i).tolist() for i in range(len(rows))] == [
        parts.row(i).tolist() for i in range(len(rows))
    ]


def test_signatures_are_those_of_the_formula_and_of_an_independent_library():
    from datasketch import MinHash

    from tasks.engine.kernels.sketches import signatures

    sets, seed = sets_of([*planted(3, 20, 30, 5), "", "one"]), 4
    slope, shift = module._permutations(16, seed)
    found = signatures(sets.hashes, sets.offsets, slope, shift)
    theirs = MinHash(num_perm=16, seed=seed + 1, hashfunc=int)
    for row in range(len(sets)):
        upper = (sets.row(row) >> np.uint64(32)).astype(np.uint32)
        values = [mixed(int(value)) for value in upper]
        for p in range(16):
            least = [(int(slope[p]) * value + int(shift[p])) % 2**32 for value in values]
            assert found[row, p] == min(least, default=2**32 - 1)
        sketch = theirs.copy()
        sketch.update_batch(upper.tolist())
        assert found[row].tolist() == sketch.hashvalues.tolist()


def mixed(value: int) -> int:
    """MurmurHash3's last step, on Python's whole numbers."""
    for factor, step in ((0x85EBCA6B, 16), (0xC2B2AE35, 13)):
        value = (value ^ (value >> step)) * factor % 2**32
    return value ^ (value >> 16)


@quick
@given(keys=st.lists(st.integers(0, 4), max_size=12))
def test_pairs_of_equal_keys_are_all_found_once(keys):
    first, second = module._equal_pairs(np.array(keys, dtype=np.uint64))
    wanted = [(i, j) for j in range(len(keys)) for i in range(j) if keys[i] == keys[j]]
    assert sorted(zip(first.tolist(), second.tolist(), strict=True)) == sorted(wanted)


def test_no_rows_and_rows_without_words_have_no_ngrams():
    assert len(sets_of([])) == 0
    sets = sets_of(["", "...", "🙂 🙂"])
    assert len(sets.hashes) == 0
    assert len(candidate_pairs(sets, 0.5, 64, 0)) == 0, "nothing in common is not alike"


def test_a_text_shorter_than_an_ngram_is_one_ngram_of_all_its_words():
    sets = sets_of(["one two", "One, two!", "two one", "one two three"])
    similarity = jaccard(sets, np.array([(0, 1), (0, 2), (0, 3)]))
    assert similarity.tolist() == [1, 0, 0]


def test_a_worked_example():
    """a b c d and a b c e share ab, bc of ab, bc, cd, ce: 2 / 4."""
    assert jaccard(sets_of(["a b c d", "a b c e"], 2), np.array([(0, 1)])).tolist() == [0.5]


def planted(seed: int, count: int, words: int, changed: int) -> list[str]:
    """Random texts, and of each a copy with some words at its end replaced."""
    random = np.random.default_rng(seed)
    base = [[f"w{w}" for w in random.integers(0, 50_000, words)] for _ in range(count)]
    copies = [row[: words - changed] + [f"x{i}{j}" for j in range(changed)]
              for i, row in enumerate(base)]  # fmt: skip
    return [" ".join(row) for row in base + copies]


def test_planted_near_copies_are_candidates_and_strangers_are_not():
    """200 words with the last 20 changed: 176 of 216 5-grams shared, similarity 0.815."""
    count = 120
    sets = sets_of(planted(1, count, 200, 20))
    pairs = candidate_pairs(sets, 0.7, 128, 0)
    wanted = {(i, i + count) for i in range(count)}
    found = set(map(tuple, pairs.tolist()))
    assert wanted <= found
    assert found == wanted, "unrelated texts share no band"
    assert jaccard(sets, pairs) == pytest.approx(np.full(count, 176 / 216), abs=1e-12)


def test_below_a_threshold_of_0_4_the_bands_are_shorter_so_that_weak_pairs_are_found():
    """100 words with half changed: 46 of 146 5-grams shared, 0.315; bands of 4 would find 27 %."""
    count = 80
    sets = sets_of(planted(2, count, 100, 50))
    wanted = {(i, i + count) for i in range(count)}
    found = set(map(tuple, candidate_pairs(sets, 0.3, 128, 0).tolist()))
    assert len(wanted & found) >= 0.97 * count  # expected: 1 - (1 - 0.315^2)^64 = 0.9988


def test_candidates_are_sorted_pairs_each_once_and_the_same_for_the_same_seed():
    sets = sets_of(["a b c d e f g"] * 3 + ["h i j k l m"])
    pairs = candidate_pairs(sets, 0.7, 64, 7)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert candidate_pairs(sets, 0.7, 64, 7).tolist() == pairs.tolist()


def test_any_seed_the_settings_allow_is_a_seed():
    sets = sets_of(["a b c d e f g"] * 2)
    for seed in (0, 2**32 - 2, 2**32 - 1, 2**63):
        assert candidate_pairs(sets, 0.7, 64, seed).tolist() == [[0, 1]]


@st.composite
def likenesses(draw):
    rows = draw(st.integers(2, 8))
    pairs = draw(st.lists(st.sampled_from(all_pairs(rows).tolist()), unique_by=tuple, max_size=20))
    similarity = draw(
        st.lists(st.sampled_from([0.7, 0.8, 0.9, 1.0]), min_size=len(pairs), max_size=len(pairs))
    )
    worth = draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    return np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(similarity), np.array(worth)


@quick
@given(case=likenesses(), shuffle=st.randoms(use_true_random=False))
def test_who_goes_has_a_keeper_who_stays_and_no_two_alike_both_stay(case, shuffle):
    pairs, similarity, worth = case
    value = {tuple(pair): float(s) for pair, s in zip(pairs.tolist(), similarity, strict=True)}
    lost, keepers, score = resolve(pairs, similarity, worth)
    stays = set(range(len(worth))) - set(lost.tolist())

    def worthier(one, other):
        return (worth[one], -one) > (worth[other], -other)

    assert not set(lost.tolist()) & set(keepers.tolist()), "a keeper stays: no chains"
    for row, keeper, own in zip(lost.tolist(), keepers.tolist(), score.tolist(), strict=True):
        assert value[min(row, keeper), max(row, keeper)] == own
        assert worthier(keeper, row)
        twins = {sum(pair) - row: s for pair, s in value.items() if row in pair}
        better = [s for twin, s in twins.items() if twin in stays and worthier(twin, row)]
        assert own == max(better), "of the worthier rows that stay, the one most alike"
    assert not [pair for pair in value if not set(pair) & set(lost.tolist())], "no twins are left"
    order = list(range(len(pairs)))
    shuffle.shuffle(order)
    again = resolve(pairs[order], similarity[order], worth)
    assert [part.tolist() for part in again] == [lost.tolist(), keepers.tolist(), score.tolist()]


def test_a_chain_of_likeness_does_not_collapse_to_one_row():
    """a ~ b ~ c, but a and c differ: the worthiest is a, so b goes and c stays."""
    pairs, similarity = np.array([(0, 1), (1, 2)]), np.array([0.8, 0.9])
    lost, keepers, score = resolve(pairs, similarity, np.array([9, 8, 7]))
    assert (lost.tolist(), keepers.tolist(), score.tolist()) == ([1], [0], [0.8])
