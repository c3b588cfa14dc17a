"""Which rows two selections share, and what is said of each that came or went."""

import string

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import SettingsError
from tasks.comparing.reasons import reason
from tasks.comparing.rows import changes, counts, overlap, pool_changes
from tasks.comparing.side import Side
from tasks.comparing.whole import compare
from tests.tasks.sides import content, make_side

SWAP = {"gained": "lost", "lost": "gained", "edited": "edited"}
OPPOSITE = {"arrived": "vanished", "vanished": "arrived"}


@pytest.fixture
def two(tmp_path):
    """Run A and run B: one row of each kind of change, two that stay."""
    a = make_side(
        tmp_path / "a",
        {"stay": "x", "edit": "old", "gone": "g", "beaten": "p", "winner": "w", "was": "twin",
         "reworded": "before", "refused": "r"},
        ["stay", "edit", "gone", "beaten", "was", "refused"],
    )  # fmt: skip
    b = make_side(
        tmp_path / "b",
        {"stay": "x", "edit": "new", "beaten": "p", "winner": "w", "fresh": "f", "now": "twin",
         "reworded": "after"},
        ["stay", "edit", "winner", "fresh", "now", "reworded"],
        quarantined=("refused",),
    )  # fmt: skip
    return a, b


def test_every_row_that_came_or_went_has_the_reason_of_the_other_run(two):
    found = {(r["change"], r["id"]): r for r in changes(*two).to_dicts()}
    assert {key: r["reason"] for key, r in found.items()} == {
        ("edited", "edit"): "changed",
        ("gained", "winner"): "dropped",
        ("gained", "fresh"): "arrived",
        ("gained", "now"): "other_id",
        ("gained", "reworded"): "changed",
        ("lost", "gone"): "vanished",
        ("lost", "beaten"): "dropped",
        ("lost", "was"): "other_id",
        ("lost", "refused"): "quarantined",
    }
    assert found["gained", "now"]["other_id"] == "was"
    assert found["gained", "now"]["rule"] == "gain", "the run that has it as `was` chose it"
    beaten = found["lost", "beaten"]
    assert (beaten["rule"], beaten["keeper_id"], beaten["keeper_is"]) == (
        "outranked", "stay", "both",
    )  # fmt: skip
    assert reason(beaten) == "outranked; nearest there: stay (0.500), which is in both"
    assert reason(found["lost", "refused"]) == "quarantined, blank text"


def test_ids_and_contents_overlap_differently_where_a_content_moved_or_changed(two):
    a, b = (side.chosen for side in two)
    assert overlap(a, b, "id").data() == {
        "a": 6, "b": 6, "both": 2, "only_a": 4, "only_b": 4, "jaccard": 0.2,
    }  # fmt: skip
    by_content = overlap(a, b, "content")
    assert (by_content.both, by_content.only_a) == (2, 4), "stay and the twin, not the edited one"
    assert pool_changes(*two) == {"arrived": 2, "vanished": 3, "changed": 2, "same": 3}


def test_counts_add_up_to_the_rows(two):
    table = changes(*two)
    assert counts(table)["rows"].sum() == len(table) == 9


def test_a_run_compared_with_itself_is_equal(two):
    found = compare(two[0], two[0])
    assert found.equal
    assert found.by_id.jaccard == found.by_content.jaccard == 1.0
    assert all(each.total_variation == 0 and each.p is None for each in found.shifts)


def test_an_empty_selection_is_compared_like_any_other(tmp_path, two):
    nothing = make_side(tmp_path / "none", {"stay": "x"}, [])
    found = compare(two[0], nothing)
    assert (found.by_id.only_a, found.by_id.jaccard) == (6, 0.0)
    assert all(each.p is None for each in found.shifts)
    empty = compare(nothing, nothing)
    assert empty.equal
    assert empty.by_id.jaccard == 1.0


worlds = st.dictionaries(
    st.sampled_from(string.ascii_lowercase[:9]), st.sampled_from(["u", "v", "w", "x"]), max_size=9
).flatmap(lambda texts: st.tuples(
    st.just(unlike(texts)), st.sets(st.sampled_from(sorted(texts) or ["none"])),
))  # fmt: skip


def unlike(texts: dict[str, str]) -> dict[str, str]:
    """Contents are distinct within a run: an exact twin is set aside before anything is chosen."""
    seen: dict[str, str] = {}
    for name, text in texts.items():
        seen.setdefault(text, name)
    return {name: text if seen[text] == name else f"{text}{name}" for name, text in texts.items()}


@given(left=worlds, right=worlds)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_b_gains_from_a_is_what_a_loses_from_b(tmp_path_factory, left, right):
    folder = tmp_path_factory.mktemp("worlds")
    a, b = (
        make_side(folder / name, texts, sorted(chosen & set(texts)))
        for name, (texts, chosen) in (("a", left), ("b", right))
    )
    there, back = changes(a, b), changes(b, a)
    turned = back.with_columns(
        pl.col("change", "keeper_is").replace(SWAP), pl.col("reason").replace(OPPOSITE)
    )
    key = ["change", "id", "reason", "rule", "keeper_id", "keeper_is", "other_id"]
    sides = [
        frame.filter(pl.col("change") != "edited").select(key).sort(key)
        for frame in (there, turned)
    ]
    assert sides[0].equals(sides[1])
    edits = [frame.filter(change="edited")["id"].sort().to_list() for frame in (there, back)]
    assert edits[0] == edits[1]
    ids = [set(side.chosen["id"]) for side in (a, b)]
    assert set(there.filter(change="gained")["id"]) == ids[1] - ids[0]


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_file_of_ids_is_a_side_that_knows_no_reasons(tmp_path, two, ending):
    path = tmp_path / f"ids{ending}"
    write(path, [{"id": "stay", "extra": {"a": 1}}, {"id": "other", "extra": None}])
    table = changes(two[0], Side("file", path))
    gained = table.filter(change="gained").to_dicts()
    assert [(row["id"], row["reason"]) for row in gained] == [("other", "arrived")]
    assert set(table.filter(change="lost")["reason"]) == {"unknown"}
    assert compare(two[0], Side("file", path)).by_content is None


def test_a_file_with_hashes_is_compared_by_content_too(tmp_path, two):
    path = tmp_path / "ids.jsonl"
    write(path, [{"id": "stay", "content_sha256": content("x")},
                 {"id": "edit", "content_sha256": content("new")}])  # fmt: skip
    found = compare(two[0], Side("file", path))
    assert found.by_content.both == 1
    assert found.rows.filter(change="edited")["id"].to_list() == ["edit"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [([{"id": "a"}, {"id": "a"}], "repeated ids"), ([{"name": "a"}], "no id")],
)
def test_a_file_without_usable_ids_is_refused(tmp_path, lines, words):
    path = tmp_path / "ids.jsonl"
    write(path, lines)
    with pytest.raises(SettingsError, match=words):
        _ = Side("file", path).chosen


def test_a_file_that_is_none_is_refused_in_words(tmp_path):
    path = tmp_path / "ids.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(SettingsError, match="cannot be read"):
        _ = Side("file", path).chosen


def write(path, lines: list[dict]) -> None:
    import gzip
    import json

    import zstandard

    if path.suffix == ".parquet":
        pl.DataFrame(lines).write_parquet(path)
        return
    text = "".join(json.dumps(each) + "\n" for each in lines).encode()
    packed = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
    path.write_bytes(packed(text))
