"""Numbers to drawings: heat maps and loss curves as plain values that a template turns into HTML and SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grader.report.words import number

ROWS = 10
COLUMNS = 40
_CURVE_POINTS = 240


@dataclass(frozen=True, slots=True)
class Square:
    """One value of a heat map: `text` in it, `value` in full, colours as #rrggbb."""

    text: str
    value: str
    fill: str
    ink: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Rows of squares under `axis`; `limit` is drawn in full red, `largest` is the largest size seen."""

    axis: tuple[str, ...]
    rows: tuple[tuple[Square, ...], ...]
    limit: float
    largest: float

    @property
    def visible(self) -> bool:
        """Whether any value shows at three decimals; NaN and infinity do."""
        return any(square.text != "0" for row in self.rows for square in row)


def heat_map(
    rows: Sequence[Sequence[float]], axis: Sequence[str], limit: float = 1.0, *, signed: bool = False
) -> HeatMap:
    """Return the first rows as squares, coloured blue-white-red from `-limit` to `limit`."""
    shown = [list(row[:COLUMNS]) for row in rows[:ROWS]]
    width = max((len(row) for row in shown), default=0)
    names = tuple(axis[:width]) if len(axis) >= width else tuple(str(column) for column in range(width))
    squares = tuple(tuple(_square(value, limit, signed) for value in row) for row in shown)
    return HeatMap(names, squares, limit, _largest(shown))


def difference_map(
    values: Sequence[Sequence[float]], target: Sequence[Sequence[float]], axis: Sequence[str]
) -> HeatMap | None:
    """Return `values - target` on its own colour scale (at least +-0.001); None where the shapes differ."""
    if [len(row) for row in values[:ROWS]] != [len(row) for row in target[:ROWS]]:
        return None
    rows = [
        [mine - theirs for mine, theirs in zip(left, right, strict=True)]
        for left, right in zip(values[:ROWS], target[:ROWS], strict=True)
    ]
    return heat_map(rows, axis, max(0.001, _largest(rows)), signed=True)


def blue_white_red(value: float, limit: float = 1.0) -> tuple[int, int, int]:
    """Return the colour of `value` on a scale from -limit (blue) over 0 (white) to limit (red)."""
    share = min(1.0, max(-1.0, value / limit))
    other = round(255 * (1 - abs(share)))
    return (other, other, 255) if share < 0 else (255, other, other)


def _square(value: float, limit: float, signed: bool) -> Square:
    if not math.isfinite(value):
        return Square(number(value), number(value), "#d8dee4", "#000000")
    red, green, blue = blue_white_red(value, limit)
    text = f"{value:+.3f}".replace("0.", ".", 1) if signed and abs(value) < 1 else f"{value:.3f}"
    text = text if abs(value) >= 0.0005 else "0"
    return Square(text, number(value), f"#{red:02x}{green:02x}{blue:02x}", _ink(red, green, blue))


def _ink(*colour: int) -> str:
    """Return black or white, whichever has more contrast: at least 4.5 to 1 (relative luminance, WCAG 2)."""
    shares = (part / 255 for part in colour)
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return "#000000" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "#ffffff"


def _largest(rows: Sequence[Sequence[float]]) -> float:
    return max((abs(value) for row in rows for value in row if math.isfinite(value)), default=0.0)


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class LossPlot:
    """Polylines in a box of `width` by `height` with its origin at the top left; `target` may be empty."""

    width: int
    height: int
    own: str
    target: str
    ticks: tuple[Tick, ...]
    steps: int
    first: str
    last: str
    dropped: bool


def loss_plot(
    own: Sequence[float], target: Sequence[float], width: int = 400, height: int = 130
) -> LossPlot | None:
    """Return both loss curves on one logarithmic scale; None where nothing of `own` can be drawn.

    Values that are not finite, not above zero or absurdly far from 1 are dropped.
    """
    mine, theirs = _drawable(own), _drawable(target)
    if not mine:
        return None
    levels = [math.log10(value) for _, value in (*mine, *theirs)]
    low, high = min(levels), max(levels)
    if high - low < 0.5:
        low, high = (low + high) / 2 - 0.25, (low + high) / 2 + 0.25
    steps = max(len(own), len(target))

    def points(curve: Sequence[tuple[int, float]]) -> str:
        return " ".join(
            f"{width * step / max(1, steps - 1):.1f},{height * (high - math.log10(value)) / (high - low):.1f}"
            for step, value in curve
        )

    every = max(1, math.ceil((high - low) / 5))
    decades = range(math.ceil(low), math.floor(high) + 1, every)
    ticks = tuple(Tick(height * (high - decade) / (high - low), number(10.0**decade)) for decade in decades)
    if not ticks:
        ticks = (Tick(0, number(10.0**high)), Tick(height, number(10.0**low)))
    return LossPlot(
        width=width,
        height=height,
        own=points(mine),
        target=points(theirs),
        ticks=ticks,
        steps=len(own),
        first=number(mine[0][1]),
        last=number(mine[-1][1]),
        dropped=any(not 1e-30 < value < 1e30 for value in own),
    )


def _drawable(losses: Sequence[float]) -> list[tuple[int, float]]:
    kept = [(step, value) for step, value in enumerate(losses) if 1e-30 < value < 1e30]
    every = math.ceil(len(kept) / _CURVE_POINTS) if kept else 1
    return kept[::every] if every == 1 or not kept else [*kept[:-1:every], kept[-1]]
