"""The groups that floors and caps speak of: values of one or several columns, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from jaxtyping import Int

from schemas.errors import SettingsError
from tasks.documents import metadata_values
from tasks.engine.cells import partition

NONE: Final = "(none)"  # the value of a row that has none
SHOWN: Final = 20  # names in an error


def values_of(rows: pl.DataFrame, column: str) -> pl.Series:
    """Source, cluster or a metadata key of each row, as text; raises `SettingsError` for no key."""
    if column in ("source", "cluster"):
        return rows[column].cast(pl.String).fill_null(NONE)
    values = metadata_values(rows["metadata"], column)
    if values.null_count() == len(values) and len(values):
        raise SettingsError(
            f"no row has the metadata key {column!r}",
            expected="source, cluster or a key of the records' other fields",
            where="choose.group_by or choose.settings.by",
        )
    return values.fill_null(NONE)


def codes_of(rows: pl.DataFrame, column: str) -> tuple[tuple[str, ...], Int[np.ndarray, " n"]]:
    """Sorted distinct values of a column, and each row's place among them."""
    values = values_of(rows, column)
    names = values.unique().sort()
    codes = values.cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int64)
    return tuple(names.to_list()), codes


def by_columns(by: Any) -> tuple[str, ...]:
    """The columns that a selector's setting `by` names: one, or a list of several."""
    names = tuple(by) if isinstance(by, list | tuple) else (by,)
    if not names or not all(isinstance(name, str) for name in names):
        raise SettingsError(
            f"by must name columns; got {by!r}",
            expected="source, cluster or a metadata key, or several in a list",
            where="choose.settings.by",
        )
    return names


def joint_codes(rows: pl.DataFrame, columns: Sequence[str]) -> Int[np.ndarray, " n"]:
    """One code per row for its combination of values of these columns, in their order."""
    return partition(np.column_stack([codes_of(rows, column)[1] for column in columns]))[0]


@dataclass(frozen=True)
class Groups:
    """The groups of all rows by some columns: each is a column and one of its values."""

    columns: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]  # (column, value), a column's after another's

    @property
    def names(self) -> tuple[str, ...]:
        """What the settings call each group: its value; with several columns `column:value`."""
        return tuple(self.name(column, value) for column, value in self.pairs)

    def name(self, column: str, value: str) -> str:
        """What the settings call a group; value `*` stands for all of a column."""
        return value if len(self.columns) == 1 else f"{column}:{value}"

    def bound(self, bounds: Mapping[str, int], column: str, value: str) -> int | None:
        """The floor or cap of a group: its own, or that of all groups of its column."""
        return bounds.get(self.name(column, value), bounds.get(self.name(column, "*")))

    def bounds(self, bounds: Mapping[str, int], where: str) -> dict[int, int]:
        """Floors or caps by place in `pairs`; raises `SettingsError` if below 0 or of no group."""
        if negative := [name for name, bound in bounds.items() if bound < 0]:
            raise SettingsError(f"a bound of group {negative[0]!r} is below 0", where=where)
        stars = [self.name(column, "*") for column in self.columns]
        unknown = sorted(set(bounds) - {*self.names, *stars})
        if unknown:
            raise SettingsError(
                f"no group is called {unknown[0]!r}",
                expected=f"one of {', '.join([*stars, *self.names[:SHOWN]])}",
                where=where,
            )
        found = [self.bound(bounds, column, value) for column, value in self.pairs]
        return {code: bound for code, bound in enumerate(found) if bound is not None}


def groups_of(rows: pl.DataFrame, columns: Sequence[str]) -> tuple[Groups, Int[np.ndarray, "n c"]]:
    """All groups by these columns, and each row's group in every column."""
    pairs: list[tuple[str, str]] = []
    codes = np.empty((len(rows), len(columns)), dtype=np.int64)
    for place, column in enumerate(columns):
        values, own = codes_of(rows, column)
        codes[:, place] = own + len(pairs)
        pairs += [(column, value) for value in values]
    return Groups(tuple(columns), tuple(pairs)), codes
