"""How well `decontaminate` finds planted leaks: `python -m tests.benchmarks.contamination`.

Items are passages held out of the demo corpus; a stated share of the other rows is replaced by
leaks of them. A row found is right if it is one of these; each way of leaking has its own recall.
Then real evaluation rows (`../shared/data`, if there) against real rows of other origin: what is
found there is a false alarm unless someone quotes. `--similarity 0` leaves the model out.
"""

import argparse
import gzip
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from schemas.params import Params
from tasks import decontaminate, deduplicate, embed
from tasks.engine.neighbours import nearest_in
from tasks.overlap import ItemNgrams
from tasks.stage import Paths, peak_memory_mb
from tasks.storage.rows import read_vectors, write_rows
from tests.tasks.test_score import sha, write_documents

DEMO = Path("data/demo/open_docs.jsonl.gz")
SHARED = Path("../shared/data")
ITEMS, CHUNK_ROWS = 60, decontaminate.CHUNK_ROWS
Leak = Callable[[str, str, random.Random], str]  # item, clean row, chance -> row


def punctuation(item: str, _row: str, _chance: random.Random) -> str:
    """Other case, commas for stops, other white space."""
    return re.sub(r"[^\w\s]", ",", item).swapcase().replace(" ", "  ")


def embedded(item: str, row: str, _chance: random.Random) -> str:
    """Somewhere inside a clean row."""
    return f"{row[:300]}\n\n{item}\n\n{row[300:600]}"


def half(item: str, _row: str, _chance: random.Random) -> str:
    """The first half of the words."""
    words = item.split()
    return " ".join(words[: len(words) // 2])


def reordered(item: str, _row: str, chance: random.Random) -> str:
    """Runs of six words in another order: no n-gram of 13 words is left."""
    words = item.split()
    runs = [words[at : at + 6] for at in range(0, len(words), 6)]
    chance.shuffle(runs)
    return " ".join(word for run in runs for word in run)


LEAKS: dict[str, Leak] = {
    "verbatim": lambda item, _row, _chance: item,
    "punctuation": punctuation,
    "embedded": embedded,
    "half": half,
    "reordered": reordered,
}


def planted(rate: float, rows: int, seed: int) -> tuple[list[str], pl.DataFrame]:
    """Items, and rows (id, text, leak) of which the stated share leaks an item."""
    chance = random.Random(seed)
    corpus = pl.read_ndjson(gzip.decompress(DEMO.read_bytes()))
    corpus = corpus.filter(pl.col("near_duplicate_of").is_null()).sort("id")
    texts = corpus["text"].to_list()
    chance.shuffle(texts)
    long = [text for text in texts if len(text.split()) >= 60][:ITEMS]
    items = [" ".join(text.split()[:60]) for text in long]
    clean = [text for text in texts if text not in set(long)][:rows]
    lost = set(chance.sample(range(len(clean)), round(rate * len(clean))))
    ways, table = list(LEAKS), list[dict[str, str]]()
    for place, text in enumerate(clean):
        leak = ways[sum(bool(row["leak"]) for row in table) % len(ways)] if place in lost else ""
        leaked = LEAKS[leak](chance.choice(items), text, chance) if leak else text
        table.append({"id": f"r{place:05}", "text": leaked, "leak": leak})
    return items, pl.DataFrame(table)


def by_ngram(items: list[str], texts: pl.Series, share: float) -> set[int]:
    """Rows found by n-grams of 13 words."""
    ngrams = ItemNgrams.of(pl.Series(items, dtype=pl.String), 13, 8)
    return {
        row + start
        for start in range(0, len(texts), CHUNK_ROWS)
        for row in ngrams.overlaps(texts.slice(start, CHUNK_ROWS), share)["row"]
    }


def cosines(items: list[str], texts: pl.Series, folder: Path) -> list[float]:
    """Each row's highest cosine to an item, by the default model."""
    paths, params = Paths(folder), Params()
    both = [*texts, *items]
    write_documents(paths, [{"id": f"{i:06}", "text": text} for i, text in enumerate(both)])
    deduplicate.run(params, paths)
    nothing = pl.read_parquet(paths.table("duplicates")).clear()
    write_rows(paths.table("duplicates"), nothing)  # every row is to have a vector
    embed.run(params, paths)
    keys, vectors = read_vectors(paths.table("vectors"))
    place = {name: at for at, name in enumerate(keys["content_sha256"].to_list())}
    at = [place[sha(text)] for text in both]
    found: list[float] = nearest_in(vectors[at[: len(texts)]], vectors[at[len(texts) :]])[
        1
    ].tolist()
    return found


def figures(rule: str, rate: float, rows: pl.DataFrame, found: set[int]) -> dict[str, object]:
    """Precision, recall of each way of leaking, and false alarms among the clean rows."""
    leak = rows["leak"].to_list()
    right = sum(bool(leak[row]) for row in found)
    recall = {
        name: f"{sum(leak[row] == name for row in found)}/{leak.count(name)}" for name in LEAKS
    }
    wrong = f"{len(found) - right}/{leak.count('')}"
    precision = round(right / len(found), 3) if found else float("nan")
    return {"rule": rule, "rate": rate, "precision": precision, **recall, "false alarms": wrong}


def clean(name: str, rows: pl.Series, items: pl.Series) -> dict[str, object]:
    """Rows found where items and rows are of different origin, and the time of it."""
    began, cpu = time.monotonic(), time.process_time()
    texts = rows.drop_nulls()
    found = {share: len(by_ngram(items.drop_nulls().to_list(), texts, share)) for share in (0, 0.5)}
    return {"rows by items": name, "rows": len(texts), "items": len(items), "any n-gram": found[0],
            "half of them": found[0.5], "seconds": round((time.monotonic() - began) / 2, 1),
            "cpu_seconds": round((time.process_time() - cpu) / 2, 1),
            "peak_mb": round(peak_memory_mb())}  # fmt: skip


def real(copies: int) -> list[dict[str, object]]:
    """Alpaca's instructions and the mixed documents against evaluation sets of other origin."""
    alpaca = pl.read_parquet(SHARED / "alpaca_52k.parquet")
    whole = alpaca.select(pl.concat_str(pl.selectors.string(), separator="\n", ignore_nulls=True))
    pools = {
        "alpaca": pl.concat([whole.to_series()] * copies),
        "docs_mix": _texts("docs_mix", "text"),
    }
    items = {
        "gsm8k": _texts("gsm8k_train", "question"),
        "ag_news": _texts("ag_news_7600", "description"),
    }
    return [clean(f"{pool} by {name}", rows, of) for pool, rows in pools.items()
            for name, of in items.items()]  # fmt: skip


def _texts(name: str, column: str) -> pl.Series:
    return pl.read_parquet(SHARED / f"{name}.parquet", columns=[column])[column]


def leaks(rate: float, asked: argparse.Namespace, folder: Path) -> list[dict[str, object]]:
    """One line per rule for rows of which the stated share leaks an item."""
    items, rows = planted(rate, asked.rows, asked.seed)
    shared = by_ngram(items, rows["text"], 0.0)
    found = {"any n-gram": shared, "half of them": by_ngram(items, rows["text"], 0.5)}
    near = cosines(items, rows["text"], folder) if any(asked.similarity) else []
    for least in asked.similarity if near else []:
        close = {row for row, cosine in enumerate(near) if cosine >= least}
        found |= {f"cosine {least}": close, f"n-gram or {least}": shared | close}
    return [figures(rule, rate, rows, which) for rule, which in found.items()]


def show(lines: list[dict[str, object]]) -> None:
    """Print a table."""
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_cols=-1,
                   tbl_rows=-1, tbl_width_chars=200):  # fmt: skip
        sys.stdout.write(f"{pl.DataFrame(lines)}\n")
        sys.stdout.flush()


def main() -> None:
    """Print one line per rate and rule, then one per pair of clean sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=600, help="of the demo, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--similarity", type=float, nargs="*", default=[0.9, 0.8])
    parser.add_argument("--copies", type=int, default=1, help="of Alpaca's rows: 20 make a million")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for rate in (0.02, 0.1):
            show(leaks(rate, asked, Path(folder)))
    if SHARED.exists():
        show(real(asked.copies))


if __name__ == "__main__":
    main()
