"""Stage `choose`: settings become limits, and every row of the pool is accounted for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from schemas.errors import InfeasibleError, SettingsError
from schemas.params import Params
from schemas.tables import RejectedTable, SelectionTable, check
from tasks.choose import load_pool, run
from tasks.engine.constraints import Limits, eligible
from tasks.engine.pool import Pool
from tasks.groups import codes_of
from tasks.selectors import SELECTORS
from tasks.stage import Paths
from tasks.storage.rows import write_rows
from tests.tasks.choosing import COUNT, SOURCES, fill


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    fill(paths)
    return paths


def load(paths: Paths, **choose: Any) -> tuple[Pool, Limits]:
    return load_pool(Params.model_validate({"choose": choose}), paths)


def chosen(paths: Paths, **choose: Any) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any]]:
    """Run the stage; returns its two tables, checked, and the facts of its manifest."""
    run(Params.model_validate({"choose": choose}), paths)
    kept = check(SelectionTable, pl.read_parquet(paths.table("selection")))
    lost = check(RejectedTable, pl.read_parquet(paths.table("rejected")))
    return kept, lost, json.loads(paths.json("choose").read_text("utf-8"))["facts"]


class TestPool:
    def test_it_holds_each_embedded_row_once_in_order_of_id(self, paths: Paths) -> None:
        pool, _ = load(paths)
        assert pool.ids.tolist() == [f"row-{i:02d}" for i in range(COUNT)]
        np.testing.assert_allclose(pool.quality, np.arange(COUNT) / COUNT)
        assert pool.cost.tolist() == [1, *(10 * i for i in range(1, COUNT))]
        assert pool.vectors.shape == (COUNT, 5)

    @pytest.mark.parametrize(
        ("by", "names", "codes"),
        [
            ("source", ("books", "code", "web"), [0] * 15 + [1] * 10 + [2] * 5),
            ("cluster", ("0", "1", "2", "3"), [i % 4 for i in range(COUNT)]),
            ("my licence", ("(none)", "free", "paid"), [1, 2, 0] * 10),
        ],
    )
    def test_groups_come_from_a_column_or_a_metadata_key(
        self, paths: Paths, by: str, names: tuple[str, ...], codes: list[int]
    ) -> None:
        pool, _ = load(paths, group_by=by)
        assert pool.group_names == names
        assert pool.group[:, 0].tolist() == codes
        other, _ = load(paths, selector="stratified", settings={"by": by})
        assert other.stratum.tolist() == codes

    def test_several_columns_are_attributes_with_groups_of_their_own(self, paths: Paths) -> None:
        pool, limits = load(
            paths,
            group_by=["source", "my licence"],
            group_floors={"source:web": 2, "my licence:*": 1},
            group_caps={"source:*": 5, "source:code": 3, "my licence:(none)": 4},
        )
        assert pool.group_names == (
            "source:books", "source:code", "source:web",
            "my licence:(none)", "my licence:free", "my licence:paid",
        )  # fmt: skip
        assert pool.group[:, 0].tolist() == [0] * 15 + [1] * 10 + [2] * 5
        assert pool.group[:, 1].tolist() == [4, 5, 3] * 10
        assert limits.floors == {2: 2, 3: 1, 4: 1, 5: 1}
        assert limits.caps == {0: 5, 1: 3, 2: 5, 3: 4}

    def test_strata_and_features_come_from_one_column_or_several(self, paths: Paths) -> None:
        by = ["source", "my licence"]
        pool, _ = load(paths, selector="feature_based", settings={"by": by})
        assert pool.features is not None
        source = [0] * 15 + [1] * 10 + [2] * 5
        expected = np.zeros((COUNT, 5))
        expected[np.arange(COUNT), source] = 1
        for row in range(COUNT):  # every third row has no licence, and no label for it
            if row % 3 < 2:
                expected[row, 3 + row % 3] = 1
        np.testing.assert_array_equal(pool.features.toarray(), expected)
        assert len(set(pool.stratum.tolist())) == 9
        other, _ = load(paths, selector="stratified", settings={"by": by})
        assert other.features is None, "filled for those that need it alone"
        assert other.stratum.tolist() == pool.stratum.tolist()

    @pytest.mark.parametrize("key", ["missing", 'it"s', "a.b", "*", "$"])
    def test_a_metadata_key_that_no_row_has_is_named(self, paths: Paths, key: str) -> None:
        with pytest.raises(SettingsError, match="metadata key") as error:
            load(paths, group_by=key)
        assert repr(key) in str(error.value)

    def test_a_metadata_key_is_taken_as_it_is_written(self) -> None:
        fields = {"a.b": "x", 'it"s': "y", "long": "z" * 100_000 + "\0"}
        rows = pl.DataFrame({"metadata": [json.dumps(fields), "{}"]})
        for key, value in fields.items():
            names, codes = codes_of(rows, key)
            assert sorted(names) == sorted(["(none)", value])
            assert names[codes[0]] == value


class TestLimits:
    @pytest.mark.parametrize(
        ("budget", "amount", "in_tokens"),
        [
            ("7", 7, False),
            ("400 rows", 400, False),
            ("10%", 3, False),
            ("0.5", 15, False),
            ("1%", 1, False),
            ("99 tokens", 99, True),
        ],
    )
    def test_a_budget_is_rows_a_share_or_tokens(
        self, paths: Paths, budget: str, amount: int, in_tokens: bool
    ) -> None:
        _, limits = load(paths, budget=budget)
        assert (limits.budget, limits.in_tokens) == (amount, in_tokens)

    def test_a_share_is_of_the_eligible_rows(self, paths: Paths) -> None:
        pool, limits = load(
            paths, budget="50%", min_quality=0.5, must_exclude=["row-00", "row-29"],
            preselected=["row-15"],
        )  # fmt: skip
        assert np.flatnonzero(eligible(pool, limits)).tolist() == list(range(16, 29))
        assert limits.budget == 6  # half of 30 - 14 - 2 - 1, rounded down

    def test_a_star_stands_for_the_groups_not_named(self, paths: Paths) -> None:
        _, limits = load(paths, group_floors={"*": 1, "web": 3}, group_caps={"*": 6, "code": 2})
        assert limits.floors == {0: 1, 1: 1, 2: 3}
        assert limits.caps == {0: 6, 1: 2, 2: 6}
        assert load(paths, group_caps={"web": 2})[1].caps == {2: 2}

    @pytest.mark.parametrize(
        ("choose", "named"),
        [
            ({"group_floors": {"wbe": 1}}, "no group is called 'wbe'"),
            ({"group_caps": {"wbe": 1}}, "choose.group_caps"),
            ({"group_caps": {"wbe": 1}}, "books, code, web"),
            ({"group_caps": {"web": -1}}, "'web' is below 0"),
            ({"must_include": ["row-00", "row-77"]}, "'row-77'"),
            ({"must_exclude": ["nobody"]}, "choose.must_exclude"),
            ({"preselected": ["row-01", "zzz"]}, "choose.preselected"),
            (
                {"group_by": "source, cluster", "group_caps": {"web": 1}},
                "source:\\*, cluster:\\*, s",
            ),
            ({"group_by": "source, cluster", "group_floors": {"*": 1}}, "no group is called"),
        ],
    )
    def test_an_unknown_group_or_id_is_named(
        self, paths: Paths, choose: dict[str, Any], named: str
    ) -> None:
        with pytest.raises(SettingsError, match=named):
            load(paths, **choose)

    def test_a_row_may_be_included_in_spite_of_its_quality(self, paths: Paths) -> None:
        pool, limits = load(paths, min_quality=0.2, must_include=["row-03", "row-01", "row-03"])
        assert limits.include == (1, 3)
        assert np.flatnonzero(~eligible(pool, limits)).tolist() == [0, 2, 4, 5]


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("budget", ["8", "700 tokens"])
def test_kept_and_rejected_rows_make_up_the_pool(paths: Paths, selector: str, budget: str) -> None:
    kept, lost, facts = chosen(
        paths,
        selector=selector,
        budget=budget,
        min_quality=0.1,
        must_include=["row-01"],
        must_exclude=["row-00", "row-20"],
        preselected=["row-07", "row-21"],
        min_distance=0.05,
        group_by="source, my licence",
        group_floors={"source:web": 1, "my licence:free": 1},
        group_caps={"source:books": 2},
    )
    ids = sorted([*kept["id"], *lost["id"]])
    assert ids == [f"row-{i:02d}" for i in range(COUNT)]
    rules = dict(lost.select("id", "rule").rows())
    assert [rules.get(f"row-{i:02d}") for i in (0, 1, 2, 7, 20, 21)] == [
        "must_exclude",
        None,
        "below_min_quality",
        "preselected",
        "must_exclude",
        "preselected",
    ]
    reasons = dict(kept.select("id", "reason").rows())
    assert [name for name, reason in reasons.items() if reason == "must_include"] == ["row-01"]
    sources = [SOURCES[int(name[-2:])] for name in kept["id"]]
    assert sources.count("books") <= 2
    assert sources.count("web") >= 1
    near = dict(lost.select("id", "nearest_kept_id").rows())
    assert near["row-07"] is None
    assert near["row-21"] is None
    others = [near[name] for name in near if name not in ("row-07", "row-21")]
    assert set(others) <= {*kept["id"], "row-07", "row-21"}
    assert kept["covers"].sum() == len(kept) + sum(name in set(kept["id"]) for name in others)
    assert kept.sort("rank")["rank"].to_list() == list(range(1, len(kept) + 1))
    tokens = sum(max(1, 10 * int(name[-2:])) for name in kept["id"])
    spent = tokens if "tokens" in budget else len(kept)
    assert spent <= int(budget.split()[0])
    assert facts["budget"]["spent"] == spent
    assert facts["budget"]["tokens"] == kept["tokens"].sum() == tokens
    assert facts["eligible"] == COUNT - 1 - 2 - 2  # row-02 is poor, two excluded, two preselected
    assert facts["preselected"] == 2
    curve = facts["gain_curve"]
    assert curve["rank"] == list(range(1, len(kept) + 1))
    assert curve["gain"] == kept.sort("rank")["gain"].to_list()
    assert curve["spent"][-1] == spent


def test_the_nearest_kept_row_is_the_closest_by_cosine(paths: Paths) -> None:
    kept, lost, _ = chosen(paths, budget="5")
    pool, _ = load(paths)
    place = {row_id: index for index, row_id in enumerate(pool.ids)}
    selected = [place[name] for name in kept["id"]]
    for name, nearest, similarity in lost.select(
        "id", "nearest_kept_id", "nearest_kept_similarity"
    ).rows():
        cosines = pool.vectors[selected].astype(float) @ pool.vectors[place[name]]
        assert kept["id"][int(cosines.argmax())] == nearest
        assert similarity == pytest.approx(cosines.max(), abs=2e-6)


def test_a_pool_without_an_eligible_row_gives_an_empty_selection(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    fill(paths, quality=np.zeros(COUNT))
    kept, lost, facts = chosen(paths, min_quality=0.5)
    assert (len(kept), len(lost), facts["eligible"]) == (0, COUNT, 0)
    assert lost["nearest_kept_similarity"].null_count() == COUNT
    assert set(lost["rule"]) == {"below_min_quality"}


def test_demands_that_cannot_be_met_stop_the_stage_before_it_writes(paths: Paths) -> None:
    with pytest.raises(InfeasibleError, match=r"choose\.group_floors 'web' = 6"):
        chosen(paths, group_floors={"web": 6})
    assert not paths.table("selection").exists()


def test_another_run_writes_the_same_bytes(paths: Paths) -> None:
    names = [paths.table("selection"), paths.table("rejected"), paths.json("choose")]
    chosen(paths)
    first = [path.read_bytes() for path in names]
    chosen(paths)
    assert [path.read_bytes() for path in names] == first


def before(paths: Paths, rows: list[int], content: str = "a" * 64) -> None:
    """Write what the previous run selected: these rows, in this order."""
    write_rows(
        paths.table("previous_selection"),
        pl.DataFrame(
            {
                "id": [f"row-{row:02d}" for row in rows],
                "rank": list(range(1, len(rows) + 1)),
                "source": "books",
                "content_sha256": content,
            },
            schema_overrides={"rank": pl.Int64},
        ).sort("id"),
    )


@pytest.mark.parametrize("selector", SELECTORS)
def test_without_stability_the_previous_run_changes_no_byte(paths: Paths, selector: str) -> None:
    run(Params.model_validate({"choose": {"selector": selector, "budget": "8"}}), paths)
    names = ("selection.parquet", "rejected.parquet", "choose.json")
    alone = {name: (paths.artifacts / name).read_bytes() for name in names}
    before(paths, [0, 1, 2, 3])
    run(Params.model_validate({"choose": {"selector": selector, "budget": "8"}}), paths)
    assert {name: (paths.artifacts / name).read_bytes() for name in names} == alone


def test_rows_kept_by_the_bound_and_rows_it_keeps_out_say_so(paths: Paths) -> None:
    before(paths, [0, 1, 2, 3, 4, 28, 29])
    settings = {"selector": "top_quality", "budget": "7", "max_replacements": 2}
    kept, lost, facts = chosen(paths, **settings)
    reasons = dict(kept.select("id", "reason").iter_rows())
    assert reasons == {
        "row-02": "stability", "row-03": "stability", "row-04": "stability",
        "row-26": "gain", "row-27": "gain", "row-28": "gain", "row-29": "gain",
    }  # fmt: skip
    assert kept.sort("rank")["id"].to_list() == sorted(reasons, reverse=True)
    rules = dict(lost.select("id", "rule").iter_rows())
    assert [name for name, rule in rules.items() if rule == "replacement_limit"] == [
        "row-23", "row-24", "row-25",
    ]  # fmt: skip
    told = facts["stability"]
    assert (told["eligible"], told["most"], told["from_scratch"]) == (7, 2, 5)
    assert (told["replaced"], told["forced_out"], told["kept_by_bound"]) == (2, 0, 3)


def test_rows_whose_content_changed_or_that_must_not_be_there_are_not_kept(paths: Paths) -> None:
    settings = {"selector": "top_quality", "budget": "5", "stability": 1.0}
    before(paths, [0, 1, 2, 3, 4], content="b" * 64)
    kept, _, facts = chosen(paths, **settings)
    assert facts["stability"]["eligible"] == 0
    assert kept["reason"].unique().to_list() == ["gain"]
    before(paths, [0, 1, 2, 3, 4])
    kept, _, facts = chosen(paths, **settings, must_exclude=["row-03"], min_quality=0.05)
    assert sorted(kept.filter(reason="stability")["id"]) == ["row-02", "row-04"]
    assert facts["stability"]["eligible"] == 2
