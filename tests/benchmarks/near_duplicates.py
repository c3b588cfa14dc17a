"""How well `deduplicate` finds planted revisions: `python -m tests.benchmarks.near_duplicates`.

Demo corpus: rows that are older revisions of another (`near_duplicate_of`, `jaccard5`). PEP
revisions (`../shared/data/pep_revisions.parquet`, if there): rows of one family. A dropped row is
right if it and its keeper are of one family; a planted row counts as to be found if its stated
Jaccard similarity reaches the threshold.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

from schemas.params import DeduplicateParams
from tasks.near_duplicates import NgramSets, candidate_pairs, jaccard, resolve

DEMO = Path("data/demo/open_docs.jsonl.gz")
PEPS = Path("../shared/data/pep_revisions.parquet")


def evaluate(name: str, rows: pl.DataFrame, threshold: float) -> dict[str, float | str]:
    """Precision and recall; `rows` has id, text, family and stated (null for an original)."""
    rows = rows.sort("id")
    params = DeduplicateParams(threshold=threshold)
    sets = NgramSets.of(rows["text"], params.ngram_words)
    pairs = candidate_pairs(sets, threshold, params.permutations, seed=0)
    similarity = jaccard(sets, pairs)
    close = similarity >= threshold
    lost, keeper, _ = resolve(pairs[close], similarity[close], sets.words)
    family = rows["family"].to_numpy()
    right = family[lost] == family[keeper]
    planted = (rows["stated"].fill_null(-1.0) >= threshold).to_numpy()
    touched = np.zeros(len(rows), dtype=bool)
    touched[lost] = touched[keeper] = True  # either twin may be the one that stays
    return {
        "data": name,
        "threshold": threshold,
        "rows": len(rows),
        "dropped": len(lost),
        "precision": round(float(right.mean()), 4) if len(lost) else float("nan"),
        "planted": int(planted.sum()),
        "recall": round(float(touched[planted].mean()), 4),
    }


def demo() -> pl.DataFrame:
    """The demo corpus with its families of revisions."""
    rows = pl.read_ndjson(DEMO.read_bytes() if DEMO.suffix != ".gz" else _unzipped(DEMO))
    family = pl.coalesce("near_duplicate_of", "id").alias("family")
    return rows.select("id", "text", family, pl.col("jaccard5").cast(pl.Float64).alias("stated"))


def _unzipped(path: Path) -> bytes:
    import gzip

    return gzip.decompress(path.read_bytes())


def peps() -> pl.DataFrame:
    """The revisions of whole documents; 2026 is the current one."""
    rows = pl.read_parquet(PEPS)
    stated = pl.when(pl.col("revision") != "2026").then("jaccard5_to_current").alias("stated")
    return rows.select(pl.col("row_id").cast(pl.String).alias("id"), "text", "family", stated)


def main() -> None:
    """Print one line per data set and threshold."""
    sets = [("demo", demo())] + ([("pep_revisions", peps())] if PEPS.exists() else [])
    table = [evaluate(name, rows, t) for name, rows in sets for t in (0.5, 0.7, 0.9)]
    with pl.Config(tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        sys.stdout.write(f"{pl.DataFrame(table)}\n")


if __name__ == "__main__":
    main()
