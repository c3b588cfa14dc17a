"""The gates on small profiles: quiet on equal nights, each planted fault found by its own gate."""

import hashlib

import numpy as np
import polars as pl
import pytest

from schemas.params import GateParams
from schemas.tables import Profile, Survival, check
from tasks.gate import LISTED, Profiles, judge, shown
from tasks.gates.outcome import Gate
from tasks.gates.profile import (
    first_half,
    hash_of,
    measured_columns,
    new_rows,
    projected,
    sampled,
    survival,
    text_statistics,
)

WIDTH = 8
SETTINGS = GateParams()


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def rows(places, shift: float = 0.0, encoder: str = "m", version: str = "") -> pl.DataFrame:
    """A row is a function of its number: a pool is a range of numbers."""
    chance = [np.random.default_rng(place).standard_normal(WIDTH + 2) for place in places]
    table = np.array(chance).reshape(-1, WIDTH + 2) + shift
    return pl.DataFrame(
        {
            "id": [f"r{place:05}" for place in places],
            "content_sha256": [sha(f"{place}{version}") for place in places],
            "source": ["web" if place % 2 else "books" for place in places],
            "kept": [place % 5 == 0 for place in places],
            "encoder": [encoder] * len(table),
            "text_words": table[:, 0],
            "quality": 1 / (1 + np.exp(-table[:, 1])),
            "vector": pl.Series(table[:, 2:].astype(np.float32), dtype=pl.Array(pl.Float32, WIDTH)),
        }
    )


def counts(web: int = 100, books: int = 100, refused: int = 5, read: int = 500) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "source": ["books", "web", None],
            "read": [read, read, max(refused, 1)],
            "kept": [books, web, 0],
            "quarantined": [0, 0, refused],
        },
        schema_overrides={"kept": pl.Int64},
    )


BEFORE = Profiles(rows(range(800)), counts())


def failed(now: Profiles, settings: GateParams = SETTINGS, before: Profiles = BEFORE) -> set:
    gates = judge(now, before, settings, "monday")
    return {(gate.name, gate.of) for gate in gates if not gate.passed}


def test_the_tables_hold_their_contracts():
    check(Profile, BEFORE.rows)
    check(Survival, BEFORE.survival)


def test_a_night_with_arrivals_edits_and_deletions_of_the_same_kind_passes():
    tonight = pl.concat([rows(range(40, 780)), rows(range(780, 800), version="b"),
                         rows(range(800, 900))])  # fmt: skip
    assert failed(Profiles(tonight, counts(95, 104, 6, 520))) == set()


def test_drifted_arrivals_are_found_among_the_new_rows_before_the_pool_shows_it():
    tonight = pl.concat([rows(range(800)), rows(range(800, 850), shift=1.5)])
    found = failed(Profiles(tonight, counts()))
    assert {("drift_of_new_rows", "text_words"), ("drift_of_new_rows", "embeddings")} <= found
    assert not [gate for gate in found if gate[0] == "drift_of_pool"]


def test_a_scorer_that_scores_otherwise_is_found_in_the_pool_where_no_row_is_new():
    scored = BEFORE.rows.with_columns(quality=pl.col("quality") ** 3)
    assert failed(Profiles(scored, counts())) == {("drift_of_pool", "quality")}


@pytest.mark.parametrize(
    ("now", "gate"),
    [
        (counts(web=10), ("wipeout", "web")),
        (counts().filter(pl.col("source").is_null() | (pl.col("source") != "web")),
         ("wipeout", "web")),
        (counts(refused=60), ("quarantine_rise", "all records")),
    ],
    ids=["few kept", "source gone", "surge of refused records"],
)  # fmt: skip
def test_a_planted_fault_is_found_by_its_gate(now, gate):
    found = failed(Profiles(BEFORE.rows, now))
    assert gate in found
    assert {name for name, _ in found} <= {gate[0], "quarantine_share"}


def test_floors_and_the_own_limit_need_no_promoted_run():
    settings = GateParams(source_floors={"*": 50, "web": 101}, max_quarantine_share=0.001)
    gates = judge(BEFORE, Profiles(BEFORE.rows.clear(), counts().clear()), settings, "")
    words = {(gate.name, gate.of): (gate.passed, gate.words) for gate in gates}
    assert words["source_floor", "web"] == (
        False,
        "web: 100 rows kept; the floor is 101: 1 too few",
    )
    assert words["source_floor", "books"][0]
    assert not words["quarantine_share", "all records"][0]
    assert "no promoted run" in words["comparison", "a promoted run"][1]


def test_another_models_vectors_are_not_compared_and_that_is_said():
    gates = judge(Profiles(rows(range(800), encoder="n"), counts()), BEFORE, SETTINGS, "monday")
    (gate,) = [one for one in gates if one.of == "embeddings"]
    assert (gate.passed, gate.words) == (True, "embeddings are another model's: not compared")


def test_new_rows_are_those_that_a_sample_should_have_and_has_not():
    whole, size = rows(range(400)), 100
    before = whole.filter(pl.col("id").is_in(sampled(whole["id"], size).to_list()))
    pool = pl.concat([rows(range(20, 400)), rows(range(400, 500))])
    now = pool.filter(pl.col("id").is_in(sampled(pool["id"], size).to_list()))
    fresh = new_rows(now, before, size)
    assert fresh["id"].str.slice(1).cast(int).min() >= 400, "no old row that the sample left out"
    assert 5 <= len(fresh) <= 40
    edited = rows(range(400), version="b")
    assert len(new_rows(edited, whole)) == 400


def test_the_sample_depends_on_ids_alone_and_halves_are_even():
    ids = pl.Series([f"r{i}" for i in range(1000)])
    assert sampled(ids, 50).equals(sampled(ids.reverse(), 50))
    assert max(map(hash_of, sampled(ids, 50))) < min(
        hash_of(one) for one in set(ids) - set(sampled(ids, 50))
    )
    assert 430 < first_half(ids).sum() < 570


def test_text_statistics_by_hand():
    found = text_statistics(pl.DataFrame({"text": ["abab", "", "né né"]}))
    assert found["text_characters"].to_list() == [4, 0, 5]
    assert found["text_words"].to_list() == [1, 0, 2]
    assert found["text_entropy"].to_list() == pytest.approx([1, 0, 1.52193], abs=1e-5)


def test_a_projection_keeps_distances_and_depends_on_no_other_row():
    vectors = np.random.default_rng(0).standard_normal((200, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    narrow = projected(vectors)
    assert narrow.shape == (200, 32)
    assert np.array_equal(projected(vectors[50:60]), narrow[50:60])
    gaps = np.linalg.norm(narrow[:100] - narrow[100:], axis=1)
    assert gaps.mean() == pytest.approx(np.sqrt(2), abs=0.1)
    assert np.array_equal(projected(vectors[:, :8]), vectors[:, :8].round(5) + 0.0)


def test_only_numbers_that_both_runs_have_are_compared():
    other = BEFORE.rows.drop("text_words").with_columns(more=pl.lit(1.0))
    assert measured_columns(other, BEFORE.rows) == ["quality"]


def test_survival_counts_every_record_once():
    decisions = pl.DataFrame(
        {
            "source": ["b", "a", "a", None],
            "verdict": ["kept", "kept", "dropped", "quarantined"],
        }
    )
    assert survival(decisions).rows() == [("a", 2, 1, 0), ("b", 1, 1, 0), (None, 1, 0, 1)]


def test_of_a_thousand_sources_the_failed_and_the_nearest_are_listed():
    gates = [Gate("wipeout", f"s{i}", i / 1000, 0.5, i < 998, "") for i in range(1000)]
    listed = shown([*gates, Gate("contracts", "all tables", None, None, True, "")])
    assert len(listed) == 2 + LISTED + 1
    assert [gate.of for gate in listed[:3]] == ["s999", "s998", "s997"]
