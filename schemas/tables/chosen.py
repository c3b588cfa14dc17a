"""What was chosen, what was not, and the ledger of every record."""

import pandera.polars as pa

from schemas.tables.contract import SHA256, VERDICTS, Table


class SelectionTable(Table):
    """One row per selected document. Key: id; also rank, from 1 in order of choice.

    `gain`: marginal gain when chosen, in the selector's own unit; `weight`: 1 unless the draw is
    importance-weighted; `reason`: must_include, coverage (one of the first,
    for what it covers), gain, or stability (a row of the previous run that
    only the bound on replacements keeps); `covers`: pool rows whose nearest row,
    among the selected and the preselected ones, this is.
    """

    id: str = pa.Field(unique=True)
    rank: int = pa.Field(unique=True, ge=1)
    gain: float
    weight: float = pa.Field(gt=0)
    reason: str
    covers: int = pa.Field(ge=0)
    tokens: int = pa.Field(ge=0)


class RejectedTable(Table):
    """One row per embedded document that was not selected. Key: id.

    `rule`: see schemas.results. `final_gain` against the last accepted `gain` of the selection; an
    upper bound where `is_bound`. `nearest_kept_id`: the selected or preselected row closest to it
    (cosine), null for a preselected row itself.
    `needed_quality`, `needed_budget_rows`: what would have let it in, null where not computable
    (no quality in [0, 1] would do, or the method gives no answer); lower bounds where `is_bound`.
    """

    id: str = pa.Field(unique=True)
    rule: str
    final_gain: float = pa.Field(nullable=True)
    is_bound: bool
    nearest_kept_id: str = pa.Field(nullable=True)
    nearest_kept_similarity: float = pa.Field(nullable=True)
    needed_quality: float = pa.Field(nullable=True)
    needed_budget_rows: float = pa.Field(nullable=True)


class Selected(Table):
    """One row per selected document of a promoted run, with its text. Key: id; also rank."""

    id: str = pa.Field(unique=True)
    rank: int = pa.Field(unique=True, ge=1)
    weight: float = pa.Field(gt=0)
    source: str
    content_sha256: str = pa.Field(str_matches=SHA256)
    text: str
    metadata: str


class Decisions(Table):
    """The ledger: one row per input record. Key: (source_file, row).

    `stage` and `rule` say where and by what the verdict fell; `keeper_id` is the row that took its
    place (duplicate) or covers it best (outranked), `similarity` to it. Sorted by id and verdict.
    """

    id: str
    verdict: str = pa.Field(isin=VERDICTS)
    stage: str
    rule: str
    detail: str
    source: str = pa.Field(nullable=True)
    source_file: str
    row: int = pa.Field(ge=0)
    line: int = pa.Field(ge=1, nullable=True)
    raw_sha256: str
    quality: float = pa.Field(nullable=True)
    rank: int = pa.Field(nullable=True)
    gain: float = pa.Field(nullable=True)
    threshold: float = pa.Field(nullable=True)
    is_bound: bool = pa.Field(nullable=True)
    keeper_id: str = pa.Field(nullable=True)
    similarity: float = pa.Field(nullable=True)
    needed_quality: float = pa.Field(nullable=True)
    needed_budget_rows: float = pa.Field(nullable=True)
