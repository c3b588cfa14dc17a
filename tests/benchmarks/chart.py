"""Time and memory against n as one static SVG: two panels with logarithmic axes, on its own ground.

Colours follow the reader's light or dark setting; nothing is loaded and nothing runs in it.
"""

from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Final

WIDTH, HEIGHT = 420, 320  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 58, 132, 34, 44
LABEL_GAP = 14
MINOR: Final = (2, 5)
STYLE: Final = """
  .ground{fill:#fff} .ink{fill:#24292f} .line{stroke:#d0d7de}
  .c0{stroke:#0969da} .f0{fill:#0969da} .c1{stroke:#8250df} .f1{fill:#8250df}
  .c2{stroke:#bc4c00} .f2{fill:#bc4c00} .c3{stroke:#57606a} .f3{fill:#57606a}
  @media (prefers-color-scheme: dark) {
    .ground{fill:#0d1117} .ink{fill:#e6edf3} .line{stroke:#30363d}
    .c0{stroke:#58a6ff} .f0{fill:#58a6ff} .c1{stroke:#bc8cff} .f1{fill:#bc8cff}
    .c2{stroke:#f0883e} .f2{fill:#f0883e} .c3{stroke:#9198a1} .f3{fill:#9198a1}
  }
  text{font:12px system-ui,sans-serif} .title{font-weight:600}
  polyline,.cross{fill:none;stroke-width:2} .lost{stroke-width:1;stroke-dasharray:3 3}
"""


@dataclass(frozen=True)
class Series:
    """A method's points (n, value), and the n at which it failed with the reason."""

    name: str
    points: tuple[tuple[float, float], ...]
    failed: tuple[float, str] | None = None


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis from `low` to `high` onto pixels."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        share = (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return round(self.start + share * (self.stop - self.start), 1)

    def ticks(self) -> list[float]:
        """Powers of ten inside; with 2 and 5 times them where those are few."""
        powers = [10.0**e for e in range(floor(log10(self.low)), ceil(log10(self.high)) + 1)]
        inside = [tick for tick in powers if self.low <= tick <= self.high]
        if len(inside) < 3:
            more = [power * times for power in powers for times in (1, *MINOR)]
            inside = [tick for tick in more if self.low <= tick <= self.high]
        return inside


def chart(panels: list[tuple[str, str, list[Series]]]) -> str:
    """An SVG of panels side by side; a panel is its title, the unit of its values, its series."""
    width = WIDTH * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{HEIGHT}" rx="6"/>',
    ]
    for place, (title, unit, series) in enumerate(panels):
        parts.append(f'<g transform="translate({place * WIDTH} 0)">')
        parts += _panel(title, unit, series)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(title: str, unit: str, series: list[Series]) -> list[str]:
    sizes = [n for each in series for n, _ in each.points]
    sizes += [each.failed[0] for each in series if each.failed]
    values = [value for each in series for _, value in each.points]
    x = Scale(min(sizes), max(sizes) * 1.0001, LEFT, WIDTH - RIGHT)
    y = Scale(min(values) / 1.3, max(values) * 1.6, HEIGHT - BOTTOM, TOP)
    parts = [f'<text class="ink title" x="{LEFT}" y="18">{escape(title)}</text>']
    for tick in y.ticks():
        parts.append(
            f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick)}" y2="{y(tick)}"/>'
            f'<text class="ink" x="{LEFT - 6}" y="{y(tick) + 4}" text-anchor="end">'
            f"{_number(tick)} {unit}</text>"
        )
    for tick in x.ticks():
        parts.append(
            f'<text class="ink" x="{x(tick)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f"{_number(tick)}</text>"
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="ink" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">rows</text>'
    )
    for colour, each in enumerate(series):
        parts += _curve(each, colour, x, y)
    return parts + _labels(series, y)


def _curve(series: Series, colour: int, x: Scale, y: Scale) -> list[str]:
    places = [(x(n), y(value)) for n, value in series.points]
    line = " ".join(f"{px},{py}" for px, py in places)
    parts = [f'<polyline class="c{colour}" points="{line}"/>']
    parts += [f'<circle class="f{colour}" cx="{px}" cy="{py}" r="3"/>' for px, py in places]
    if series.failed:
        px, py, r = x(series.failed[0]), _cross(colour, y), 5
        last = f"{places[-1][0]},{places[-1][1]}"
        parts.append(
            f'<polyline class="c{colour} lost" points="{last} {px},{py}"/>'
            f'<path class="cross c{colour}" d="M{px - r} {py - r}L{px + r} {py + r}'
            f'M{px - r} {py + r}L{px + r} {py - r}"><title>{escape(series.name)}: '
            f"{escape(series.failed[1])}</title></path>"
        )
    return parts


def _cross(colour: int, y: Scale) -> float:
    """The height of a failure's mark: at the top, apart from those of other curves."""
    return y(y.high) + 12 * colour


def _labels(series: list[Series], y: Scale) -> list[str]:
    """Names at the right, in order of where the curves end, kept apart."""
    ends = sorted(
        (_cross(colour, y) if each.failed else y(each.points[-1][1]), colour)
        for colour, each in enumerate(series)
        if each.points
    )
    parts, last = [], float("-inf")
    for wanted, colour in ends:
        last = max(wanted, last + LABEL_GAP)
        name = series[colour].name + (" (fails: ×)" if series[colour].failed else "")
        parts.append(
            f'<text class="f{colour}" x="{WIDTH - RIGHT + 10}" y="{last + 4}">{escape(name)}</text>'
        )
    return parts


def _number(value: float) -> str:
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
