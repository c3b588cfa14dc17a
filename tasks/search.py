"""Search the store: the rows nearest to a text, with what was decided about them."""

from typing import Any

import numpy as np

from schemas.errors import SettingsError
from schemas.params import Params
from tasks.catalog import publish_decisions
from tasks.encoders import load_encoder
from tasks.stage import Paths
from tasks.storage.vectors import VectorStore

COLUMNS = ["id", "source", "verdict", "stage", "rule", "rank", "quality", "text"]


def search(
    text: str, k: int, params: Params, paths: Paths, where: str = ""
) -> list[dict[str, Any]]:
    """The k rows of largest cosine to `text`, best first, as dictionaries with `similarity`.

    `where` filters by a LanceDB expression such as `verdict = 'kept'`. The store is rebuilt from
    the Parquet artifacts if it does not hold them.
    """
    if not text.strip():
        raise SettingsError("the text to search for is blank")
    if k < 1:
        raise SettingsError(f"k is the number of rows wanted, at least 1; found {k}")
    tag = publish_decisions(params, paths)
    encoder = load_encoder(params.embed)
    vector = np.zeros(encoder.width, dtype=np.float32)
    for part in encoder.encode([text]):
        vector = part.vectors[0]
    if not vector.any():
        raise SettingsError(f"the model knows no word of {text[:80]!r}")
    try:
        store = VectorStore(paths.store(params.store))
        return store.nearest(tag, vector, k, COLUMNS, where).to_dicts()
    except ValueError as error:  # LanceDB's word for an expression it cannot read
        if not where:
            raise
        raise SettingsError(
            f"the filter {where[:200]!r} cannot be read: {str(error).splitlines()[0][:300]}",
            expected="an SQL expression over the columns, such as verdict = 'kept'",
        ) from None
