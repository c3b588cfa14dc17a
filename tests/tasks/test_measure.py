"""Stage `measure`: controls under the selection's limits, the same files whenever it runs."""

import csv
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.errors import ContractError
from schemas.params import ChooseParams, MeasureParams, Params
from schemas.tables import Comparison, Contaminated, check
from tasks.engine.constraints import Limits
from tasks.engine.pool import Pool
from tasks.measure import CONTROLS, control_seed, draw_controls, eligible_rows, run
from tasks.metrics import METRICS
from tasks.stage import Paths
from tasks.storage.rows import write_rows

COUNT, WIDTH, KEPT = 160, 12, 24


def pool(count: int = COUNT) -> Pool:
    """Rows in eight directions with noise; group is the row number modulo 3."""
    random = np.random.default_rng(0)
    vectors = np.eye(8, WIDTH)[np.arange(count) % 8] + random.normal(scale=0.2, size=(count, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Pool(
        np.array([f"r{i:04d}" for i in range(count)], dtype=object),
        vectors.astype(np.float32),
        random.random(count).round(6),
        random.integers(5, 60, count),
        np.arange(count)[:, None] % 3,
        ("books", "code", "web"),
        np.arange(count) % 8,
    )


class TestControls:
    def test_random_controls_are_drawn_often_and_fixed_ones_once(self) -> None:
        drawn = draw_controls(pool(), Limits(KEPT), seed=0, draws=5)
        assert {name: len(draws) for name, draws in drawn.items()} == {
            "uniform": 5,
            "stratified": 5,
            "top_quality": 1,
            "diversity_only": 1,
        }
        for name in ("uniform", "stratified"):
            assert len({tuple(sorted(draw)) for draw in drawn[name]}) == 5

    @pytest.mark.parametrize("name", CONTROLS)
    def test_a_control_keeps_the_selections_limits(self, name: str) -> None:
        rows = pool()
        limits = Limits(
            600, in_tokens=True, floors={2: 6}, caps={0: 3}, include=(7,), exclude=(1, 2)
        )
        for chosen in draw_controls(rows, limits, seed=0, draws=2)[name]:
            assert rows.cost[chosen].sum() <= 600
            assert (rows.group[chosen] == 2).sum() >= 6
            assert (rows.group[chosen] == 0).sum() <= 3
            assert 7 in chosen
            assert not {1, 2} & set(chosen.tolist())

    def test_top_quality_takes_the_best_and_diversity_only_does_not_care(self) -> None:
        rows = pool()
        drawn = draw_controls(rows, Limits(KEPT), seed=0, draws=2)
        best = np.sort(rows.quality)[-KEPT:]
        np.testing.assert_array_equal(np.sort(rows.quality[drawn["top_quality"][0]]), best)
        worse = Pool(**{**rows.__dict__, "quality": 1 - rows.quality})
        again = draw_controls(worse, Limits(KEPT), seed=0, draws=2)
        np.testing.assert_array_equal(again["diversity_only"][0], drawn["diversity_only"][0])

    def test_no_control_shares_its_seed_with_the_run_or_another(self) -> None:
        seeds = {control_seed(0, name, draw) for name in CONTROLS for draw in range(50)}
        assert len(seeds) == 200
        assert 0 not in seeds

    def test_rows_shut_out_before_the_search_are_not_part_of_the_pool(self) -> None:
        limits = Limits(KEPT, exclude=(3,), closed={5: "below_min_quality"})
        left = eligible_rows(pool(), limits)
        assert len(left) == COUNT - 2
        assert not {3, 5} & set(left.tolist())


def fill(paths: Paths, selected: list[str] | None = None) -> Pool:
    """Write what `measure` reads; the selection is every sixth row by default."""
    rows = pool()
    ids, sha = rows.ids.tolist(), "a" * 64
    sources = [rows.group_names[code] for code in rows.group[:, 0]]
    fixed = {"metadata": "{}", "content_sha256": sha, "raw_sha256": sha, "source_file": "f.jsonl"}
    documents = pl.DataFrame({"id": ids, "text": ids, "source": sources})
    documents = documents.with_columns(
        *(pl.lit(value).alias(name) for name, value in fixed.items()),
        row=pl.int_range(1, COUNT + 1),
        line=pl.int_range(1, COUNT + 1),
        duplicate_of=pl.lit(None, dtype=pl.String),
    )
    write_rows(paths.table("documents"), documents)
    vector = pl.Series(rows.vectors, dtype=pl.Array(pl.Float32, WIDTH))
    vectors = pl.DataFrame({"id": ids, "tokens": rows.cost, "vector": vector})
    vectors = vectors.select("id", "tokens", pl.lit(sha).alias("content_sha256"), "vector")
    write_rows(paths.table("vectors"), vectors)
    write_rows(paths.table("contaminated"), Contaminated.empty())
    scores = {"id": ids, "quality": rows.quality, "nearest_id": ids, "cluster": rows.stratum}
    write_rows(
        paths.table("scores"),
        pl.DataFrame(scores).with_columns(
            nearest_similarity=pl.lit(0.5),
            density=pl.lit(0.5),
            semantic_keeper_id=pl.lit(None, dtype=pl.String),
            semantic_similarity=pl.lit(None, dtype=pl.Float64),
        ),
    )
    chosen = ids[::6][:KEPT] if selected is None else selected
    table = {"id": chosen, "rank": range(1, len(chosen) + 1), "gain": [1.0] * len(chosen)}
    write_rows(paths.table("selection"), pl.DataFrame(table))
    return rows


def params() -> Params:
    return Params(choose=ChooseParams(budget=str(KEPT)), measure=MeasureParams(control_seeds=3))


def written(paths: Paths) -> dict[str, bytes]:
    files = sorted(path for path in paths.artifacts.rglob("*") if path.is_file())
    return {path.relative_to(paths.artifacts).as_posix(): path.read_bytes() for path in files}


class TestStage:
    @pytest.fixture(scope="class")
    def paths(self, tmp_path_factory: pytest.TempPathFactory) -> Paths:
        paths = Paths(tmp_path_factory.mktemp("measure"))
        fill(paths)
        run(params(), paths)
        return paths

    def test_the_table_has_every_subset_and_metric(self, paths: Paths) -> None:
        table = check(Comparison, pl.read_parquet(paths.table("comparison")))
        names = {"selected", *CONTROLS, "pool"}
        assert set(table.select("subset", "metric").rows()) == {
            (subset, metric) for subset in names for metric in METRICS
        }
        assert set(table.filter(metric="rows").select("subset", "value").rows()) == {
            *((name, float(KEPT)) for name in names - {"pool"}),
            ("pool", float(COUNT)),
        }

    def test_the_metrics_file_nests_subset_metric_value(self, paths: Paths) -> None:
        metrics = json.loads(paths.json("metrics").read_text())
        quality = pool().quality[::6][:KEPT].mean()
        assert metrics["selected"]["mean_quality"] == pytest.approx(quality, abs=1e-6)
        assert metrics["diversity_only"]["coverage_mean"] > metrics["uniform"]["coverage_mean"]
        assert metrics["top_quality"]["mean_quality"] > metrics["selected"]["mean_quality"]

    def test_plots_have_one_line_per_subset_and_per_rank(self, paths: Paths) -> None:
        folder = paths.artifacts / "plots"
        with (folder / "comparison.csv").open() as file:
            lines = list(csv.DictReader(file))
        assert [line["subset"] for line in lines] == ["selected", *CONTROLS, "pool"]
        assert len((folder / "gains.csv").read_text().splitlines()) == KEPT + 1

    def test_group_shares_of_every_subset_add_up_to_one(self, paths: Paths) -> None:
        facts = json.loads(paths.json("measure").read_text())["facts"]
        shares = facts["group_shares"]
        assert {line["group"] for line in shares} == {"books", "code", "web"}
        for name in ("pool_share", "selected", *CONTROLS):
            assert sum(line[name] for line in shares) == pytest.approx(1, abs=1e-5)
        assert sum(line["kept_rows"] for line in shares) == KEPT

    @pytest.mark.slow
    def test_another_run_on_more_threads_writes_the_same_bytes(
        self, paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        again = Paths(tmp_path)
        fill(again)
        run(params(), again)
        assert written(again) == written(paths)


@pytest.mark.parametrize("wrong", ["stranger", "zzz", "r0009"])
def test_a_selected_row_that_is_unknown_or_excluded_stops_the_run(
    tmp_path: Path, wrong: str
) -> None:
    paths = Paths(tmp_path)
    fill(paths, selected=["r0000", wrong])
    choose = ChooseParams(budget="2", must_exclude=["r0009"])
    with pytest.raises(ContractError, match=wrong):
        run(Params(choose=choose), paths)
