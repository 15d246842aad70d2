"""Curves as inline SVG: the points stand where the numbers say, in colours of the style sheet."""

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from logoflow.report.charts import DASHES, draw, tick
from logoflow.report.page import Curve, Series


def points_of(svg: str, colour: int) -> np.ndarray:
    """The vertices of the line of one colour, `[N, 2]` in the units of the view box, y downwards."""
    for path in ElementTree.fromstring(svg).iter("path"):
        if f"var(--series-{colour})" in path.attrib.get("style", ""):
            return np.array(re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", path.attrib["d"]), dtype=float)
    raise AssertionError(f"no line of colour {colour}")


def curve(*lines: tuple[tuple[float, ...], tuple[float, ...]], log_y: bool = False) -> Curve:
    return Curve("Loss", "epoch", "loss", tuple(Series(f"line {n}", x, y) for n, (x, y) in enumerate(lines)), log_y)


@pytest.mark.parametrize("log_y", [False, True])
def test_points_are_drawn_in_proportion(log_y: bool) -> None:
    x, y = (0.0, 1.0, 3.0, 4.0), (1.0, 100.0, 10.0, 50.0)
    drawn = points_of(draw(curve((x, y), log_y=log_y)).svg, 0)
    heights = np.log10(y) if log_y else np.array(y)
    # A chart is an affine map of its data, so the fit leaves only the rounding to a tenth of a unit.
    for axis, values in ((0, np.array(x)), (1, heights)):
        slope, offset = np.polyfit(values, drawn[:, axis], 1)
        assert np.abs(slope * values + offset - drawn[:, axis]).max() <= 0.1
        assert (slope > 0) == (axis == 0)


def test_values_that_cannot_be_drawn_leave_a_gap() -> None:
    drawn = draw(curve(((0.0, 1.0, 2.0, 3.0, 4.0), (1.0, 2.0, math.nan, 4.0, 5.0))))
    assert drawn.svg.count("M ", drawn.svg.index("--series-0") - 200, drawn.svg.index("--series-0")) == 2
    assert (drawn.keys[0].first, drawn.keys[0].last, drawn.keys[0].lowest, drawn.keys[0].highest) == (1, 5, 1, 5)


def test_what_a_logarithm_lacks_is_left_out() -> None:
    drawn = draw(curve(((0.0, 1.0, 2.0), (0.0, 0.1, 10.0)), ((0.0, 1.0), (-1.0, 0.0)), log_y=True))
    assert [key.name for key in drawn.keys] == ["line 0"]
    assert drawn.keys[0].lowest == 0.1


@pytest.mark.parametrize("y", [(), (math.nan,), (math.inf,)])
def test_a_curve_without_points_has_no_keys(y: tuple[float, ...]) -> None:
    assert draw(curve((y, y))).keys == ()


def test_a_single_point_is_a_dot() -> None:
    drawn = points_of(draw(curve(((5.0,), (2.0,)))).svg, 0)
    assert len(drawn) == 2
    assert (drawn[0] == drawn[1]).all()


def test_a_chart_brings_nothing_that_could_clash_on_a_page() -> None:
    svg = draw(curve(*[((0.0, 1.0), (0.0, float(n))) for n in range(9)])).svg
    assert not re.search(r'id="|url\(|xmlns|href|<style|<metadata|font|#[0-9a-f]{6}|\bwidth="', svg)


def test_lines_of_one_colour_differ_in_their_dashes() -> None:
    keys = draw(curve(*[((0.0, 1.0), (0.0, float(n))) for n in range(9)])).keys
    assert len({(key.colour, key.dashes) for key in keys}) == 9
    assert len({key.dashes for key in keys}) == len(DASHES)


def test_the_description_says_what_the_chart_shows() -> None:
    svg = draw(curve(((0.0, 1.0), (3.5, 0.25)))).svg
    assert 'aria-label="Line chart of loss over epoch: line 0 goes from 3.5 to 0.25."' in svg


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (0.25, "0.25"),
        (9_000, "9000"),
        (25_000, "25k"),
        (1_500_000, "1.5M"),
        (2e9, "2G"),
        (-0.5, "\N{MINUS SIGN}0.5"),
    ],
)
def test_ticks_are_short(value: float, expected: str) -> None:
    assert tick(value) == expected


@pytest.mark.parametrize("log_y", [False, True])
def test_two_charts_beside_each_other_have_the_same_axes(log_y: bool) -> None:
    short = curve(((0.0, 2.0, 4.0), (5.0, 3.0, 2.0)), log_y=log_y)
    long = curve(((0.0, 2.0, 4.0, 90.0), (5.0, 700.0, 2.0, 0.1)), ((0.0,), (math.nan,)), log_y=log_y)
    first, second = points_of(draw(short, beside=long).svg, 0), points_of(draw(long, beside=short).svg, 0)
    shift = np.ptp(np.stack([first[[0, 2]], second[[0, 2]]]), axis=0)  # the same two points in both
    assert shift.max() <= 0.1
    assert np.abs(points_of(draw(short).svg, 0) - first).max() > 10
