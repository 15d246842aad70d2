"""The funnel as a stream: each width across it is a number of images."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from logoflow.report.model import Departure, Funnel, Portion
from logoflow.report.sankey import ROOM, draw_sankey

KEPT, LEFT = "fill: var(--keep)", "fill: var(--leave)"


def bands(svg: str, colour: str) -> np.ndarray:
    """Corners of the bands of one colour: top left, bottom left, bottom right, top right, `[N, 4, 2]`.

    In images and rows: the width of the view box is that of all images with the room beside them.
    """
    root = ElementTree.fromstring(svg)
    paths = [path.attrib["d"] for path in root.iter("path") if colour in path.attrib.get("style", "")]
    points = np.array(
        [np.reshape(re.findall(r"-?\d+(?:\.\d+)?", d), (-1, 2))[[0, 3, 4, 7]] for d in paths], dtype=float
    )
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    rows = 2 + svg.count(LEFT)
    return points.reshape(-1, 4, 2) / (width / (1 + ROOM), height / rows)


@pytest.mark.parametrize(("counts", "remaining"), [([521], 864), ([41, 2, 521, 214], 864), ([1, 1], 1)])
def test_the_stream_loses_at_each_departure_as_many_as_leave(counts: list[int], remaining: int) -> None:
    funnel = Funnel(sum(counts) + remaining, tuple(Departure("left", count) for count in counts))
    svg = draw_sankey(funnel)
    left, kept = bands(svg, LEFT), bands(svg, KEPT)
    for row, (band, count) in enumerate(zip(left, counts, strict=True), start=1):
        top, bottom = band[3] - band[0], band[2] - band[1]
        assert [top[0], bottom[0]] == pytest.approx([count / funnel.offered] * 2, abs=0.002)
        assert band[:, 1] == pytest.approx([row, row + 1, row + 1, row], abs=0.01)
        assert band[1, 0] > band[0, 0], "it turns away"
    widths = np.abs(kept[:, 3, 0] - kept[:, 0, 0])
    assert widths == pytest.approx(
        [n / funnel.offered for n in (*[funnel.offered], *funnel.after[1:], remaining)], abs=0.002
    )


def test_sources_flow_together_and_clusters_apart() -> None:
    sources = tuple(Portion(f"source {n}", n) for n in (600, 300, 100))
    groups = tuple(Portion(f"Cluster {n}", 100) for n in range(10))
    kept = bands(draw_sankey(Funnel(1000, (), sources, groups)), KEPT)
    above, below = kept[:3], kept[3:]
    # A source's band is given from its lower end, where the sources lie side by side.
    joined = [band[0, 0] for band in above] + [above[-1][3, 0]]
    assert joined == pytest.approx([0, 0.6, 0.9, 1], abs=0.002)
    fanned = np.array([(band[1, 0], band[2, 0]) for band in below])
    assert fanned[:, 1] - fanned[:, 0] == pytest.approx([0.1] * 10, abs=0.002)
    assert (fanned[1:, 0] - fanned[:-1, 1] > 0.015).all()
    assert fanned.max() <= 1 + ROOM


def test_nobody_leaving_is_no_band_and_the_words_say_what_the_picture_does() -> None:
    svg = draw_sankey(Funnel(1640, (Departure("Quarantined", 0), Departure("With <text>", 521))))
    assert len(bands(svg, LEFT)) == 1
    root = ElementTree.fromstring(svg)
    assert root.attrib["aria-label"] == (
        "Sankey diagram: of 1,640 images offered leave 0 quarantined; 521 with <text>; 1,119 become the training set."
    )
    assert root.attrib["preserveAspectRatio"] == "none"
    assert not re.search(r'id="|url\(|href|<style|#[0-9a-f]{6}', svg)
