"""How far a long stage is, as one line of its log, and that line read back.

`<what>: <done>[ of <total>] rows[, <share> %], <rate> rows/s[, about <seconds> s left][; <more>]`
"""

import re
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(
    r"(?P<what>[^:]+): (?P<done>[\d,]+)(?: of (?P<total>[\d,]+))? rows(?:, (?P<share>[\d.]+) %)?"
    r", (?P<rate>[\d,.]+) rows/s(?:, about (?P<left>[\d,]+) s left)?(?:; .*)?"
)


@dataclass(frozen=True)
class Pace:
    """Rows done, rows a second, the share done in [0, 1] and the seconds left, where known."""

    what: str
    done: int
    rows_per_second: float
    total: int | None = None
    share: float | None = None
    seconds_left: float | None = None

    @classmethod
    def after(cls, what: str, done: int, seconds: float, total: int) -> "Pace":
        """Work out rate, share and rest from `done` of `total` rows in `seconds`."""
        rate = done / max(seconds, 1e-9)
        left = (total - done) / rate if rate else None
        return cls(what, done, rate, total, done / max(total, 1), left)

    @classmethod
    def read(cls, line: str) -> "Pace | None":
        """Read a line as `line` writes it; None for any other line."""
        found = _LINE.fullmatch(line)
        if not found:
            return None
        total, share, left = (_number(found[key]) for key in ("total", "share", "left"))
        return cls(
            found["what"],
            int(_number(found["done"]) or 0),
            _number(found["rate"]) or 0.0,
            None if total is None else int(total),
            None if share is None else share / 100,
            left,
        )

    def line(self, more: str = "") -> str:
        """Write it as a line of the log."""
        of = "" if self.total is None else f" of {self.total:,}"
        share = "" if self.share is None else f", {self.share * 100:.1f} %"
        left = "" if self.seconds_left is None else f", about {self.seconds_left:,.0f} s left"
        rest = f"; {more}" if more else ""
        return (
            f"{self.what}: {self.done:,}{of} rows{share}, "
            f"{self.rows_per_second:,.1f} rows/s{left}{rest}"
        )


def _number(text: str | None) -> float | None:
    return None if text is None else float(text.replace(",", ""))
