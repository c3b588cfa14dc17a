"""Settings that are written as text: budgets and lists of names."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

LARGEST_BUDGET: Final = 10**15  # whole numbers are exact in a float up to 9e15


@dataclass(frozen=True)
class Budget:
    """How much may be selected: `amount` rows, share of the eligible rows in (0, 1], or tokens."""

    unit: Literal["rows", "share", "tokens"]
    amount: float

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read `300`, `300 rows`, `20%`, `0.2` or `50000 tokens`; raises ValueError otherwise."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|rows?|tokens?)?\s*", str(text))
        if not found:
            raise ValueError(f"a budget is like 300, 20%, 0.2 or '50000 tokens'; found {text!r}")
        amount, unit = float(found[1]), found[2] or ""
        if unit == "%" or (not unit and "." in found[1]):
            share = amount / 100 if unit == "%" else amount
            if not 0 < share <= 1:
                raise ValueError(f"a share lies in (0, 1] or (0 %, 100 %]; found {text!r}")
            return cls("share", share)
        if not 1 <= amount <= LARGEST_BUDGET or amount != int(amount):
            raise ValueError(
                f"a budget in rows or tokens is a whole number in [1, 1e15]; found {text[:80]!r}"
            )
        return cls("tokens" if unit.startswith("token") else "rows", amount)


def split_names(text: str) -> tuple[str, ...]:
    """Read `source, language` or `["source", "language"]`; raises ValueError for anything else.

    A name with a comma in it, or with brackets around it, stands in double quotes.
    """
    try:
        if text.lstrip().startswith("["):
            names = [str(name) for name in yaml.safe_load(text)]
        else:
            (names,) = csv.reader([text], skipinitialspace=True)
    except (ValueError, csv.Error, yaml.YAMLError):
        names = []
    found = tuple(name.strip() for name in names)
    if not found or not all(found) or len(set(found)) < len(found):
        raise ValueError(f"columns are like source, or source, language; found {text[:80]!r}")
    return found


def join_names(names: Iterable[Any]) -> str:
    """Write names as `split_names` reads them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([str(name) for name in names])
    return text.getvalue()
