"""The cascade: CRAFT sees what the screen is not sure of, and what is audited; the screen answers for the rest."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from craft.calibrate import LABELS, read_logo
from craft.captions import captioned
from craft.cascade import Cascade, detect_views, square_canvas
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
        assert ours.by == ("craft" if asked else "screen")
        assert (ours.region is not None) == asked
        if asked:
            assert ours.score == pytest.approx(craft.score, abs=1e-3)
            assert ours.characters == craft.characters
        else:
            assert ours.score == ours.screen


def test_captions_that_craft_reads_are_not_lost(cascade: Cascade, detector: Detector) -> None:
    """A name of a twentieth of the height under a real symbol: the labelled logos have none as small."""
    rows = pq.read_table(LABELS).to_pylist()
    symbols = [row["png"] for row in rows if row["kind"] == "symbol"][::15]
    pictures = [captioned(read_logo(png), np.random.default_rng(seed)) for seed, png in enumerate(symbols)]
    craft = [seen.score >= 0.65 for seen in detector.detect(pictures)]
    ours = [seen.score >= 0.65 for seen in cascade.detect(pictures)]
    assert sum(craft) > 15
    assert sum(a and not b for a, b in zip(craft, ours, strict=True)) <= 1


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
    clear = next(index for index, seen in enumerate(found) if seen.by == "screen")
    both = cascade.detect(logos[clear : clear + 1], audit=[0])[0]
    assert both.by == "craft"
    assert both.region is not None
    assert both.screen == pytest.approx(found[clear].screen, abs=1e-4)


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
