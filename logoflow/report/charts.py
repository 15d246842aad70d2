"""Draws a curve as inline SVG that takes its colours and letters from the page's style sheet."""

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import AutoLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from logoflow.report.drawings import COLOURS, RULE, SERIES, drawing, inline
from logoflow.report.formats import MINUS, number
from logoflow.report.page import Curve, Series

DASHES = ((), (6.0, 2.0), (2.0, 1.6), (7.0, 2.0, 1.6, 2.0))  # lines differ without colour too, in line widths


@dataclass(frozen=True)
class Key:
    """One line of the legend, with what the line says in numbers."""

    name: str
    colour: int
    dashes: str
    first: float
    last: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Chart:
    """A drawn curve: the legend and the labels are left to the page, whose text wraps and is escaped."""

    curve: Curve
    svg: Markup
    keys: tuple[Key, ...]


def draw(curve: Curve, beside: Curve | None = None) -> Chart:
    """Draw a curve; values that the chart cannot show (not finite, or not positive on a log axis) leave gaps.

    Args:
        curve: what to draw.
        beside: a curve that this one is compared with: axes reach as far as both need, so that the two charts have
            the same ones.
    """
    drawn = [series for series in curve.series if any(_visible(y, curve.log_y) for y in series.y)]
    with drawing(5.4, 2.9) as figure:
        axes = figure.add_subplot()
        for place, series in enumerate(drawn):
            _draw_line(axes, series, place, curve.log_y)
        for series in beside.series if beside else ():
            seen = [point for point in zip(series.x, series.y, strict=True) if _visible(point[1], curve.log_y)]
            if seen:
                axes.update_datalim(seen)
        _style(axes, curve.log_y and bool(drawn))
        keys = tuple(_key(series, place, curve.log_y) for place, series in enumerate(drawn))
        return Chart(curve, inline(figure, _description(curve, keys)), keys)


def _visible(y: float, log_y: bool) -> bool:
    return math.isfinite(y) and (y > 0 or not log_y)


def _draw_line(axes: Axes, series: Series, place: int, log_y: bool) -> None:
    x = np.array(series.x, dtype=float)
    y = np.array([value if _visible(value, log_y) else np.nan for value in series.y])
    # Unclipped, because clip paths need identifiers, which would clash between the charts of a page.
    (line,) = axes.plot(x, y, color=SERIES[place % COLOURS], linewidth=1.5, clip_on=False)
    if dashes := DASHES[place % len(DASHES)]:
        line.set_dashes(dashes)
    if np.isfinite(y).sum() == 1:  # one point makes no line: a round cap at both its ends is a dot
        line.set(xdata=np.repeat(x[np.isfinite(y)], 2), ydata=np.repeat(y[np.isfinite(y)], 2), linestyle="-")
        line.set(linewidth=6, solid_capstyle="round")


def _style(axes: Axes, log_y: bool) -> None:
    axes.figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=RULE, linewidth=1)
    axes.grid(axis="y", color=RULE, linewidth=0.6, clip_on=False)
    axes.tick_params(length=0, pad=5)
    axes.margins(x=0.01, y=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    if log_y:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        decades = math.log10(high / low)
        subdivisions = (1, 2, 5) if decades < 2 else (1,)
        axes.yaxis.set_major_locator(AutoLocator() if decades < 0.8 else LogLocator(subs=subdivisions, numticks=7))
        axes.yaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tick(value: float) -> str:
    """A tick's number in few letters: 25000 → "25k"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 1e4):
            return f"{value / size:.4g}{letter}".replace("-", MINUS)
    return f"{value:.4g}".replace("-", MINUS)


def _key(series: Series, place: int, log_y: bool) -> Key:
    values = [y for y in series.y if _visible(y, log_y)]
    dashes = " ".join(str(1.5 * length) for length in DASHES[place % len(DASHES)])
    return Key(series.name, place % COLOURS, dashes, values[0], values[-1], min(values), max(values))


def _description(curve: Curve, keys: tuple[Key, ...]) -> str:
    lines = "; ".join(f"{key.name} goes from {number(key.first)} to {number(key.last)}" for key in keys)
    return f"Line chart of {curve.y_label} over {curve.x_label}: {lines or 'no points yet'}."
