"""The cascade: each look sees what the one before it left unclear; CRAFT sees the last of it, and what is audited."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from craft.boxes import Box
from craft.cascade import Cascade, detect_views, square_canvas
from craft.detection import Detection, Detector
from craft.letterbox import letterbox


@pytest.fixture(scope="module")
def cascade(detector: Detector) -> Cascade:
    return Cascade(detector)


@pytest.fixture(scope="module")
def found(cascade: Cascade, logos: list[NDArray[np.uint8]]) -> list[Detection]:
    return cascade.detect(logos)


def test_each_look_answers_where_it_is_clear_and_leaves_the_rest_to_the_next(
    cascade: Cascade,
    detector: Detector,
    logos: list[NDArray[np.uint8]],
    found: list[Detection],
    detections: list[Detection],
) -> None:
    glances = Detector(detector.canvas // 2).detect(logos)
    screen, glance = cascade.bounds.screen, cascade.bounds.glance
    for ours, glanced, craft in zip(found, glances, detections, strict=True):
        assert ours.screen is not None
        if not screen.low < ours.screen < screen.high:
            assert (ours.by, ours.score, ours.glance, ours.region) == ("screen", ours.screen, None, None)
            continue
        assert ours.glance == pytest.approx(glanced.score, abs=1e-3)
        if not glance.low < glanced.score < glance.high:
            assert (ours.by, ours.score, ours.characters) == ("glance", ours.glance, glanced.characters)
        else:
            assert (ours.by, ours.characters) == ("craft", craft.characters)
            assert ours.score == pytest.approx(craft.score, abs=1e-3)
    counts = Counter(ours.by for ours in found)
    assert min(counts[look] for look in ("screen", "glance", "craft")) > 0
    assert counts["craft"] < len(found) / 3


def test_boxes_of_a_glance_are_in_pixels_of_the_picture(found: list[Detection], detections: list[Detection]) -> None:
    both = [(o, c) for o, c in zip(found, detections, strict=True) if o.by == "glance" and o.boxes and c.boxes]
    overlaps = [overlap(ours.boxes[0], craft.boxes[0]) for ours, craft in both]
    assert len(both) > 2
    assert np.median(overlaps) > 0.6


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = max(0.0, min(a.right, b.right) - max(a.left, b.left))
    height = max(0.0, min(a.bottom, b.bottom) - max(a.top, b.top))
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (a, b))
    return width * height / (areas - width * height)


def test_the_clear_cases_are_decided_as_craft_decides_them_but_for_the_allowed_error(
    cascade: Cascade, found: list[Detection], detections: list[Detection]
) -> None:
    bounds = cascade.bounds
    threshold = (bounds.lowest + bounds.highest) / 2
    wrong = sum((a.score >= threshold) != (b.score >= threshold) for a, b in zip(found, detections, strict=True))
    assert wrong <= 1 + bounds.error * len(found)


def test_it_ranks_labelled_logos_as_craft_does(
    found: list[Detection], detections: list[Detection], has_text: NDArray[np.bool_]
) -> None:
    ours, craft = ([d.score for d in side] for side in (found, detections))
    assert roc_auc_score(has_text, ours) >= roc_auc_score(has_text, craft) - 0.01


def test_audited_pictures_have_both_answers(
    cascade: Cascade, found: list[Detection], logos: list[NDArray[np.uint8]]
) -> None:
    for look in ("screen", "glance"):
        clear = next(index for index, seen in enumerate(found) if seen.by == look)
        both = cascade.detect(logos[clear : clear + 1], audit=[0])[0]
        assert both.by == "craft"
        assert both.region is not None
        assert both.screen == pytest.approx(found[clear].screen, abs=1e-4)
        assert both.glance == pytest.approx(found[clear].glance, abs=1e-3)


def test_of_several_views_the_one_with_the_highest_score_counts(
    cascade: Cascade, detector: Detector, found: list[Detection], logos: list[NDArray[np.uint8]]
) -> None:
    order = sorted(range(len(logos)), key=lambda index: found[index].score)
    low, high, middle = order[0], order[-1], order[len(order) // 2]
    best = detect_views(cascade, [[logos[low], logos[high]], [logos[middle]], [logos[high], logos[low]]])
    assert [seen.score for seen in best] == pytest.approx([found[i].score for i in (high, middle, high)], abs=1e-3)
    audited = detect_views(cascade, [[logos[low]], [logos[low], logos[low]]], audit=[1])
    assert [seen.by for seen in audited] == [found[low].by, "craft"]
    alone = detect_views(detector, [[logos[low], logos[high]]], audit=[0])
    assert alone[0].by == "craft"


def test_what_stands_beside_a_picture_does_not_change_its_answer(
    cascade: Cascade, found: list[Detection], logos: list[NDArray[np.uint8]]
) -> None:
    alone = [cascade.detect([logo])[0] for logo in logos[:6]]
    assert [d.screen for d in alone] == pytest.approx([d.screen for d in found[:6]], abs=1e-4)


def test_a_wide_canvas_is_centred_on_a_square_of_its_background() -> None:
    image = np.full((30, 120, 3), (10, 200, 90), np.uint8)
    image[10:20, 40:80] = 255
    box = letterbox(image, 256, 0.125)
    square = square_canvas(box)
    height, width = box.pixels.shape[:2]
    assert square.shape == (256, 256, 3)
    assert width == 256 > height
    top = (256 - height) // 2
    assert_array_equal(square[top : top + height], box.pixels)
    assert (square[:top] == (10, 200, 90)).all()
    assert (square[top + height :] == (10, 200, 90)).all()


def test_another_canvas_than_the_screens_is_refused() -> None:
    with pytest.raises(ValueError, match="choose a canvas of 256"):
        Cascade(Detector(128))
