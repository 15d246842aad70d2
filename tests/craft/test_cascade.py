"""The cascade: CRAFT sees what the screen is not sure of, and what is audited; the screen answers for the rest."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from craft.cascade import Cascade, square_canvas
from craft.detection import Detection, Detector
from craft.letterbox import letterbox


@pytest.fixture(scope="module")
def cascade(detector: Detector) -> Cascade:
    return Cascade(detector)


@pytest.fixture(scope="module")
def found(cascade: Cascade, logos: list[NDArray[np.uint8]]) -> list[Detection]:
    return cascade.detect(logos)


def test_craft_answers_where_the_screen_is_unsure_and_only_there(
    cascade: Cascade, found: list[Detection], detections: list[Detection]
) -> None:
    unsure = [cascade.bounds.low < d.screen < cascade.bounds.high for d in found if d.screen is not None]
    assert len(unsure) == len(found)
    assert 0 < sum(unsure) < len(unsure) / 2
    for ours, craft, asked in zip(found, detections, unsure, strict=True):
        assert (ours.region is not None) == asked
        if asked:
            assert ours.score == pytest.approx(craft.score, abs=1e-3)
            assert ours.characters == craft.characters
        else:
            assert ours.score == ours.screen


def test_the_clear_cases_are_decided_as_craft_decides_them_but_for_the_allowed_error(
    cascade: Cascade, found: list[Detection], detections: list[Detection]
) -> None:
    bounds = cascade.bounds
    clear = [(ours, craft) for ours, craft in zip(found, detections, strict=True) if ours.region is None]
    threshold = (bounds.lowest + bounds.highest) / 2
    wrong = sum((craft.score >= threshold) != (ours.score >= bounds.high) for ours, craft in clear)
    assert wrong <= 1 + bounds.error * len(found)


def test_it_ranks_labelled_logos_as_craft_does(
    found: list[Detection], detections: list[Detection], has_text: NDArray[np.bool_]
) -> None:
    ours, craft = ([d.score for d in side] for side in (found, detections))
    assert roc_auc_score(has_text, ours) >= roc_auc_score(has_text, craft) - 0.01


def test_audited_pictures_have_both_answers(
    cascade: Cascade, found: list[Detection], logos: list[NDArray[np.uint8]]
) -> None:
    clear = next(index for index, d in enumerate(found) if d.region is None)
    both = cascade.detect(logos[clear : clear + 1], audit=[0])[0]
    assert both.region is not None
    assert both.screen == pytest.approx(found[clear].screen, abs=1e-4)


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
