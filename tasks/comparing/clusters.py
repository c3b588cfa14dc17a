"""One set of clusters for two runs: B's clusters, which A's selected rows join too."""

from typing import Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from jaxtyping import Float
from scipy.sparse import csr_array

from tasks.comparing.side import Side
from tasks.engine.neighbours import nearest_in
from tasks.storage.rows import ROW_GROUP_ROWS

NOTE: Final = (
    "clusters are B's, of its whole pool; a row of A with the same id and content there has its "
    "cluster, any other joins the nearest centre by cosine"
)


def in_clusters_of_b(a: Side, b: Side) -> tuple[pl.DataFrame, pl.DataFrame, str] | None:
    """Both selections as (id, group), and how A's rows were placed; None where B has no clusters.

    A's rows that B does not hold need vectors of the same model; without, their group is null.
    """
    path = b.table("scores")
    if path is None:
        return None
    known = pl.read_parquet(path, columns=["id", "cluster"])
    of_b = _named(b.chosen.select("id").join(known, on="id", how="left"))
    shared = _shared(a, b).join(known, on="id", how="inner")
    left = a.chosen.select("id").join(shared, on="id", how="anti")
    placed, why_not = _by_centre(left, a, b, known) if len(left) else (None, "")
    parts = [shared.select("id", "cluster"), *([] if placed is None else [placed])]
    of_a = a.chosen.select("id").join(pl.concat(parts), on="id", how="left")
    return _named(of_a), of_b, f"{NOTE}{why_not}"


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("id", group=pl.format("cluster {}", "cluster"))


def _shared(a: Side, b: Side) -> pl.DataFrame:
    """A's rows that B's pool holds with the same content, as far as contents are known."""
    if a.contents is None or b.contents is None:
        return a.chosen.select("id")
    return a.chosen.join(b.contents.select("id", "content"), on=["id", "content"], how="semi")


def _by_centre(
    rows: pl.DataFrame, a: Side, b: Side, known: pl.DataFrame
) -> tuple[pl.DataFrame | None, str]:
    models = [
        one.facts.get("model_identity") if (one := side.manifest("embed")) else None
        for side in (a, b)
    ]
    if not (a.table("vectors") and b.table("vectors")) or models[0] is None:
        return None, "; rows that B does not hold are left out: their vectors are not at hand"
    if models[0] != models[1]:
        return None, "; rows that B does not hold are left out: another model made their vectors"
    ids, vectors = vectors_of(a, rows["id"])
    names, means = _centres(b, known)
    at, _ = nearest_in(vectors, means)
    return pl.DataFrame({"id": ids, "cluster": names[at]}), ""


def vectors_of(side: Side, ids: pl.Series) -> tuple[pl.Series, Float[np.ndarray, "n d"]]:
    """Vectors of some rows, in the table's order; ids without one are missing."""
    path = side.table("vectors")
    assert path is not None
    wanted = pl.LazyFrame({"id": ids})
    found = pl.scan_parquet(path).select("id", "vector").join(wanted, on="id", how="semi").collect()
    return found["id"], found["vector"].to_numpy()


def _centres(side: Side, known: pl.DataFrame) -> tuple[np.ndarray, Float[np.ndarray, "k d"]]:
    """Cluster numbers and the unit mean of each one's rows, read part by part."""
    path = side.table("vectors")
    assert path is not None
    numbers, place = np.unique(known["cluster"].to_numpy(), return_inverse=True)
    of_row = pl.DataFrame({"id": known["id"], "place": place})
    sums = None
    for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP_ROWS, columns=["id", "vector"]):
        part = pl.DataFrame(batch).join(of_row, on="id", how="inner")
        at = (part["place"].to_numpy(), np.arange(len(part)))
        ones = csr_array((np.ones(len(part)), at), shape=(len(numbers), len(part)))
        total = ones @ part["vector"].to_numpy().astype(np.float64)
        sums = total if sums is None else sums + total
    assert sums is not None
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return numbers, (sums / np.where(length > 0, length, 1.0)).astype(np.float32)
