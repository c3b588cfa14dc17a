"""The export as a whole: rows into data files, then the papers that describe them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from tasks.exports.card import card
from tasks.exports.columns import Columns, Survey
from tasks.exports.croissant import croissant
from tasks.exports.folder import PAPERS, filled
from tasks.exports.provenance import provenance
from tasks.exports.records import fields_of, recorder
from tasks.exports.rows import spooled
from tasks.exports.settings import ExportSettings
from tasks.exports.shards import Shard, write_shards
from tasks.exports.subset import Subset
from tasks.storage.rows import write_text


@dataclass(frozen=True)
class Exported:
    """What an export holds: its data files, the fields of a record, and what the rows showed."""

    settings: ExportSettings
    shards: list[Shard]
    fields: dict[str, str]
    survey: Survey
    columns: Columns

    @property
    def rows(self) -> int:
        """Rows in all data files."""
        return sum(shard.rows for shard in self.shards)


def export(subset: Subset, target: Path, settings: ExportSettings, force: bool) -> Exported:
    """Write a subset into a new folder; raises `WinnowError`, and then leaves no trace of it.

    Memory: a batch of rows, and what `rows.spooled` holds; disk: the subset's texts once more, for
    a while. The folder's bytes depend on the subset, its run and the settings alone.
    """
    with filled(target, force) as folder:
        exported = _data(subset, folder, settings)
        papers = (
            card(subset, exported),
            croissant(subset, exported),
            provenance(subset, exported),
        )
        for name, text in zip(PAPERS, papers, strict=True):
            write_text(folder / name, text)
    return exported


def _data(subset: Subset, folder: Path, settings: ExportSettings) -> Exported:
    with (
        tempfile.TemporaryDirectory(prefix=".rows-", dir=folder) as scratch,
        spooled(subset, settings.order, Path(scratch)) as rows,
    ):
        survey = Survey(subset.keys)
        for row in rows.any_order():
            survey.see(row)
        columns = survey.columns()
        fields = fields_of(settings.format, columns)
        record = recorder(settings.format, columns, subset.keys, settings.licence)
        records = map(record, rows.in_order())
        told = {"winnow.run": subset.run, "winnow.selection_sha256": subset.selection_sha256}
        shards = write_shards(folder, records, rows.count, fields, settings, told)
    return Exported(settings, shards, fields, survey, columns)
