"""Does `winnow sources` advise well? Planted cases on real mixtures, checked by training.

`make bench-sources` needs `../shared/data`. Vectors are those of a static model distilled from the
packaged one, so that it takes minutes; `--folder` keeps it for the next time.
Prints one line per source with what was expected; where rows have labels also what a linear probe
gains from the rows advised, on test rows, against as many random rows of the pool taken twice.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from schemas.params import Params
from tasks import deduplicate, embed, ingest
from tasks import sources as sources_stage
from tasks.paths import Paths
from tasks.sources import find_sources
from tasks.sourcing.weigh import Settings, Weighed, weigh
from tests.benchmarks.instruction_rows import distil
from tests.benchmarks.source_training import gains

SHARED = Path("../shared/data")
SEED = 0


@dataclass(frozen=True)
class Case:
    """A pool and what could be added to it; frames have text and source, some a label."""

    name: str
    pool: pl.DataFrame
    candidates: dict[str, tuple[pl.DataFrame, str]]  # name -> rows, verdicts expected
    target: pl.DataFrame | None = None
    test: pl.DataFrame | None = None
    expected_of_pool: dict[str, str] = field(default_factory=dict)


def shuffled(frame: pl.DataFrame, seed: int = SEED) -> pl.DataFrame:
    return frame.sample(fraction=1, shuffle=True, seed=seed)


def noise(texts: pl.Series, rows: int) -> pl.DataFrame:
    """Letters of real texts in random order: as long as text, and without any sense."""
    random = np.random.default_rng(SEED)
    mixed = ["".join(random.permutation(list(text))) for text in texts.head(rows).to_list()]
    return pl.DataFrame({"text": mixed, "source": ["noise"] * len(mixed)})


def documents() -> pl.DataFrame:
    frame = pl.read_parquet(SHARED / "docs_mix.parquet", columns=["source", "text"])
    return shuffled(frame.unique("text", maintain_order=True))


def docs_case() -> Case:
    """Seven sources of documents: one of them is missing from the pool and is in the target."""
    frame = documents()
    new, parts = "recipes", dict(frame.partition_by("source", as_dict=True))
    rows = {str(key[0]): part for key, part in parts.items()}
    names = [name for name in sorted(rows) if name != new]
    pool = pl.concat([rows[name].head(400) for name in names])
    first = names[0]
    target = pl.concat([part.tail(100) for part in rows.values()])
    return Case(
        "docs_mix, target of all seven",
        pool,
        {
            "copy": (shuffled(pool).head(400), "leave out"),
            "noise": (noise(frame["text"], 300), "leave out"),
            "more_of_the_same": (rows[first].slice(400, 200), "add, add a little"),
            "new_source": (rows[new].head(200), "add"),
        },
        target,
    )


def docs_case_without_target() -> Case:
    case = docs_case()
    frame = documents().group_by("source", maintain_order=True).head(700)
    names = case.pool["source"].unique()
    same = frame.filter(pl.col("source").is_in(names.implode()))
    held = same.join(case.pool, on="text", how="anti").group_by("source").head(80)
    new = case.candidates["new_source"][0]
    candidates = {**case.candidates, "new_source": (new, "add a little")}
    candidates["held_out_of_all"] = (held, "add")
    return Case("docs_mix, no target", case.pool, candidates)


def instructions(name: str, rows: int, columns: tuple[str, ...]) -> pl.DataFrame:
    frame = shuffled(pl.read_parquet(SHARED / f"{name}.parquet")).head(rows)
    text = pl.concat_str([pl.col(column).fill_null("") for column in columns], separator="\n\n")
    return frame.select(text=text, source=pl.lit(name)).unique("text", maintain_order=True)


def instruction_case() -> Case:
    """Instructions as pool; the target wants code beside them."""
    usual = ("instruction", "input", "output")
    alpaca = instructions("alpaca_52k", 3500, usual)
    code = instructions("code_instruct", 1500, usual)
    play = instructions("roleplay_instruct", 700, usual)
    pool = alpaca.head(2500)
    return Case(
        "instructions, target of instructions and code",
        pool,
        {
            "copy": (shuffled(pool).head(500), "leave out"),
            "noise": (noise(alpaca["text"], 300), "leave out"),
            "more_of_the_same": (alpaca.slice(2500, 500), "add, add a little"),
            "code": (code.head(800), "add"),
            "roleplay": (play, "leave out, add a little"),
        },
        pl.concat([alpaca.slice(3000, 500), code.slice(800, 500)]),
    )


def intents_case() -> Case:
    """CLINC150: four of ten domains are not in the pool; the target is all ten, without labels."""
    frame = pl.read_parquet(SHARED / "clinc150.parquet").rename({"domain": "source"})
    train = shuffled(frame.filter(split="train"))
    test = shuffled(frame.filter(pl.col("split") == "test", pl.col("source") != "oos"))
    names = sorted(set(test["source"].unique()))
    per_label = {name: train.filter(source=name).group_by("label", maintain_order=True)
                 for name in names}  # fmt: skip
    pool = pl.concat([per_label[name].head(30) for name in names[:6]])
    more = per_label[names[0]].head(60).join(pool, on="text", how="anti")
    foreign = pl.read_parquet(SHARED / "sst2.parquet").head(800).select(
        text="text", source=pl.lit("films"), label=pl.lit("films")
    )  # fmt: skip
    columns = ["text", "source", "label"]
    missing = {f"missing_{name}": (per_label[name].head(30).select(columns), "add")
               for name in names[6:]}  # fmt: skip
    return Case(
        "CLINC150, six domains of ten, target of all ten",
        pool.select(columns),
        {
            "copy": (shuffled(pool).select(columns).head(400), "leave out"),
            "noise": (noise(train["text"], 400).with_columns(label=pl.lit("none")), "leave out"),
            "films": (foreign, "leave out"),
            "more_of_the_same": (more.select(columns), "add a little"),
            **missing,
        },
        test.head(1500).select("text", "source"),
        test.slice(1500).select(columns),
    )


CASES: tuple[Callable[[], Case], ...] = (
    intents_case, docs_case, docs_case_without_target, instruction_case,
)  # fmt: skip


def weighed(case: Case, folder: Path, model: Path) -> tuple[Weighed, Params]:
    """Run the stages that a pool needs, then weigh the candidates."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "pool.jsonl", case.pool)
    for name, (rows, _) in case.candidates.items():
        write(folder / f"{name}.jsonl", rows)
    params = Params.model_validate({
        "store": str(folder.resolve() / "lancedb"),
        "ingest": {"sources": ["pool.jsonl"], "id_key": "", "source_key": "source"},
        "embed": {"model": str(model.resolve())},
    })  # fmt: skip
    paths = Paths(folder)
    for stage in (sources_stage, ingest, deduplicate, embed):
        stage.run(params, paths)
    files = find_sources([f"{name}.jsonl" for name in case.candidates], paths)
    target = None
    if case.target is not None:
        write(folder / "target.jsonl", case.target)
        (target,) = find_sources(["target.jsonl"], paths)
    return weigh(files, target, params, paths, Settings(seed=SEED)), params


def write(path: Path, frame: pl.DataFrame) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in frame.to_dicts()), encoding="utf-8")


def show(case: Case, found: Weighed) -> Iterator[str]:
    yield f"\n{case.name}: pool {found.pool_rows:,} rows"
    yield (f"{'source':22} {'verdict':20} {'take':>6} {'as expected':>11} {'AUC':>6} {'gain':>6} "
           f"{'known':>6} {'near':>6} {'quality':>7} {'like':>5} {'of':>5}")  # fmt: skip
    for one, verdict in found.sources:
        wanted = case.candidates[one.name][1] if one.kind == "candidate" else ""
        right = ("yes" if verdict.word in wanted.split(", ") else "NO") if wanted else ""
        worth = one.gain.ratio if one.gain else None
        yield (
            f"{one.name:22} {verdict.word:20} {verdict.take:6,} {right:>11} {one.auc:6.3f} "
            f"{'' if worth is None else f'{worth:6.2f}'} {one.known_share:6.1%} "
            f"{one.redundant:6.1%} {one.quality:7.3f} {one.like_target:5.2f} {one.of_target:5.2f}"
        )


def main() -> None:
    """Print every case; exit status 1 if a verdict on a planted source is not as expected."""
    reader = argparse.ArgumentParser(description=main.__doc__)
    reader.add_argument("--folder", type=Path, help="keeps the model and the pools")
    reader.add_argument("--only", type=int, choices=range(len(CASES)), help="number of a case")
    asked = reader.parse_args()
    if not SHARED.exists():
        sys.exit(f"{SHARED} is not here: this benchmark needs the shared data")
    numbers = range(len(CASES)) if asked.only is None else [asked.only]
    with tempfile.TemporaryDirectory(prefix="winnow-sources-") as scratch:
        folder = asked.folder or Path(scratch)
        model = folder / "static"
        if not model.exists():
            distil(model)
        wrong = sum([_run(CASES[each](), folder / f"case{each}", model) for each in numbers])
    sys.exit(1 if wrong else 0)


def _run(case: Case, folder: Path, model: Path) -> int:
    """Print one case as far as it is known; returns how many verdicts are not as expected."""
    found, params = weighed(case, folder, model)
    lines = list(show(case, found))
    print("\n".join(lines), flush=True)
    if case.test is not None:
        for line in gains(case.pool, case.candidates, case.test, found, params):
            print(line, flush=True)
    return sum(" NO " in line for line in lines)


if __name__ == "__main__":
    main()
