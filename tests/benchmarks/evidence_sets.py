"""The data sets of the evidence: which half each belongs to, and the pools planted in some.

The halves were fixed before a result was seen, but for `mixed` and the small pools, added to
`development` when a default had failed on mixed sources and on few rows of `report` (README tells).
Settings are tuned on `development` alone, and `report` is looked at once they stand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl

from tasks.engine.draws import uniform_keys

TRAIN_ROWS, TEST_ROWS = 4_000, 1_500  # at most
SMALL_ROWS = 1_000
COLUMNS: Final = ("text", "label", "split")
MIXED: Final = {  # instruction sources, and the rows taken from each
    "alpaca_52k": 2_000,
    "code_instruct": 1_200,
    "gsm8k_train": 900,
    "dolly_chatgpt_top3k": 700,
    "roleplay_instruct": 500,
    "gpteacher_toolformer_dedup": 300,
}
Half = Literal["development", "report"]


@dataclass(frozen=True)
class DataSet:
    """A pool with labels: `make` reads the folder of public data into `text`, `label`, `split`."""

    name: str
    half: Half
    structure: str  # what there is to exploit; empty: a clean pool of few groups
    make: Callable[[Path], pl.DataFrame]


def few(frame: pl.DataFrame, rows: int, seed: int) -> pl.DataFrame:
    """At most so many rows, by a seeded hash of their place."""
    keys = uniform_keys(np.arange(len(frame)).astype(str), seed, "evidence")
    return frame[np.sort(np.argsort(keys, kind="stable")[:rows])]


def halved(frame: pl.DataFrame, test: pl.Expr, train_rows: int = TRAIN_ROWS) -> pl.DataFrame:
    """Name the split and keep at most so many rows of either side."""
    named = frame.with_columns(split=pl.when(test).then(pl.lit("test")).otherwise(pl.lit("train")))
    sides = {"train": train_rows, "test": TEST_ROWS}
    parts = [few(named.filter(split=side), rows, 0) for side, rows in sides.items()]
    return pl.concat(parts).select(*COLUMNS).cast(pl.String)


def held(every: int = 4) -> pl.Expr:
    """One row in so many is held out."""
    return pl.col("row_id") % every == 0


def clinc(folder: Path) -> pl.DataFrame:
    """150 intents without the out-of-scope rows."""
    frame = pl.read_parquet(folder / "clinc150.parquet").filter(pl.col("label") != "oos")
    return halved(frame, pl.col("split") == "test", 6_000)


def ag_news(folder: Path) -> pl.DataFrame:
    """4 news topics."""
    frame = pl.read_parquet(folder / "ag_news_7600.parquet")
    text = pl.col("title") + ". " + pl.col("description")
    return halved(frame.with_columns(text=text), held())


def noisy(folder: Path) -> pl.DataFrame:
    """Learn from noisy labels, answer for the experts' ones."""
    frame = pl.read_parquet(folder / "noisy_relation_cause.parquet")
    label = pl.coalesce("expert_label", "noisy_label")
    return halved(frame.with_columns(label=label), pl.col("expert_label").is_not_null())


def mixed(folder: Path) -> pl.DataFrame:
    """News, questions to an assistant and relations in one pool; source and label are the label."""
    parts = []
    for name, make, rows in (
        ("news", ag_news, 2_400),
        ("intent", clinc, 1_200),
        ("cause", noisy, 400),
    ):
        frame = make(folder).with_columns(label=pl.format("{}: {}", pl.lit(name), "label"))
        parts += [few(frame.filter(split="train"), rows, 6)]
        parts += [few(frame.filter(split="test"), rows * 3 // 8, 6)]
    return pl.concat(parts)


def sst2(folder: Path) -> pl.DataFrame:
    """Sentences, good or bad."""
    frame = pl.read_parquet(folder / "sst2.parquet").filter(pl.col("split") != "dev")
    return halved(frame, pl.col("split") == "test")


def docs_mix(folder: Path) -> pl.DataFrame:
    """Passages of seven sources; the source is the label."""
    frame = pl.read_parquet(folder / "docs_mix.parquet")
    return halved(frame.with_columns(label="source"), held())


def dolly(folder: Path) -> pl.DataFrame:
    """Instructions written by people; the kind of task is the label."""
    frame = pl.read_parquet(folder / "dolly_chatgpt_top3k.parquet")
    text = pl.concat_str("instruction", pl.col("input").fill_null(""), separator="\n")
    return halved(frame.with_columns(text=text, label="category"), held())


def instructions(folder: Path) -> pl.DataFrame:
    """Six instruction sets in one pool; the set is the label."""
    parts = []
    for name, rows in MIXED.items():
        frame = few(pl.read_parquet(folder / f"{name}.parquet"), rows, 1)
        keys = [key for key in ("instruction", "input", "output", "question", "answer")
                if key in frame.columns]  # fmt: skip
        text = pl.concat_str([pl.col(key).fill_null("") for key in keys], separator="\n")
        parts.append(frame.select("row_id", text=text, label=pl.lit(name)))
    return halved(pl.concat(parts), held())


def rare(make: Callable[[Path], pl.DataFrame]) -> Callable[[Path], pl.DataFrame]:
    """Of four labels in five one train row in ten stays; the test rows stay as they are."""

    def made(folder: Path) -> pl.DataFrame:
        frame = make(folder).with_row_index("place")
        labels = few(frame.select(pl.col("label").unique().sort()), 10**6, 2)["label"]
        names = labels.gather(np.argsort(uniform_keys(labels.to_numpy(), 2, "rare")))
        large = pl.col("label").is_in(names[: max(1, len(names) // 5)].implode())
        stays = (pl.col("split") == "test") | large | (pl.col("place") % 10 == 0)
        return frame.filter(stays).drop("place")

    return made


def small(make: Callable[[Path], pl.DataFrame]) -> Callable[[Path], pl.DataFrame]:
    """A pool of SMALL_ROWS; the test rows stay as they are."""

    def made(folder: Path) -> pl.DataFrame:
        frame = make(folder)
        return pl.concat(
            [few(frame.filter(split="train"), SMALL_ROWS, 7), frame.filter(split="test")]
        )

    return made


def copied(make: Callable[[Path], pl.DataFrame]) -> Callable[[Path], pl.DataFrame]:
    """A tenth of the train rows three more times, each time without another word."""

    def made(folder: Path) -> pl.DataFrame:
        frame = make(folder)
        some = few(frame.filter(split="train"), len(frame) // 10, 3)
        again = [some.with_columns(pl.col("text").map_elements(_without(place), pl.String))
                 for place in range(3)]  # fmt: skip
        return pl.concat([frame, *again])

    return made


def littered(
    make: Callable[[Path], pl.DataFrame], other: Callable[[Path], pl.DataFrame]
) -> Callable[[Path], pl.DataFrame]:
    """A fifth of the pool is of another set, words shuffled, with labels drawn at random."""

    def made(folder: Path) -> pl.DataFrame:
        frame, random = make(folder), np.random.default_rng(4)
        train = frame.filter(split="train")
        litter = few(other(folder).filter(split="train"), len(train) // 4, 4)
        texts = [" ".join(random.permutation(text.split())) for text in litter["text"]]
        labels = random.choice(train["label"].to_numpy(), len(litter))
        return pl.concat([frame, litter.with_columns(text=pl.Series(texts), label=labels)])

    return made


def flipped(make: Callable[[Path], pl.DataFrame]) -> Callable[[Path], pl.DataFrame]:
    """A fifth of the train rows gets a label drawn at random."""

    def made(folder: Path) -> pl.DataFrame:
        frame, random = make(folder), np.random.default_rng(5)
        wrong = (frame["split"] == "train").to_numpy() & (random.random(len(frame)) < 0.2)
        labels = frame["label"].to_numpy().copy()
        labels[wrong] = random.choice(labels, int(wrong.sum()))
        return frame.with_columns(label=pl.Series(labels))

    return made


def _without(place: int) -> Callable[[str], str]:
    def cut(text: str) -> str:
        words = text.split(" ")
        return " ".join([*words[:-1][:place], *words[place + 1 :]]) if len(words) > 4 else text

    return cut


DATA_SETS: Final = (
    DataSet("clinc150", "development", "150 groups", clinc),
    DataSet("clinc150_rare", "development", "rare groups", rare(clinc)),
    DataSet("clinc150_copies", "development", "150 groups, copies", copied(clinc)),
    DataSet("ag_news", "development", "", ag_news),
    DataSet("ag_news_litter", "development", "garbage", littered(ag_news, noisy)),
    DataSet("ag_news_flipped", "development", "label noise", flipped(ag_news)),
    DataSet("noisy_relation", "development", "label noise", noisy),
    DataSet("mixed", "development", "mixed sources", mixed),
    DataSet("clinc150_small", "development", "150 groups", small(clinc)),
    DataSet("ag_news_small", "development", "", small(ag_news)),
    DataSet("mixed_small", "development", "mixed sources", small(mixed)),
    DataSet("sst2", "report", "", sst2),
    DataSet("sst2_litter", "report", "garbage", littered(sst2, dolly)),
    DataSet("docs_mix", "report", "mixed sources", docs_mix),
    DataSet("docs_mix_rare", "report", "rare groups", rare(docs_mix)),
    DataSet("instructions", "report", "mixed sources", instructions),
    DataSet("instructions_copies", "report", "mixed sources, copies", copied(instructions)),
    DataSet("dolly", "report", "", dolly),
)
