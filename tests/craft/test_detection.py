"""What the detector says of real logos and of text drawn here."""

import functools
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sklearn.metrics import roc_auc_score

from craft.detection import Detection, Detector, supports_bfloat16
from craft.drawing import CHARACTER, WORD, draw_boxes

THRESHOLD = 0.65  # on the score, where the probability is about a half


def written(text: str, size: tuple[int, int], corner: tuple[int, int]) -> tuple[NDArray[np.uint8], tuple[int, ...]]:
    """A white picture (width, height) with black text, and the text's tight box."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(40)
    pen.text(corner, text, fill="black", font=font)
    return np.asarray(image), tuple(map(round, pen.textbbox(corner, text, font=font)))


def test_labelled_logos_are_told_apart(detections: list[Detection], has_text: NDArray[np.bool_]) -> None:
    scores = np.array([detection.score for detection in detections])
    assert roc_auc_score(has_text, scores) >= 0.98
    assert ((scores >= THRESHOLD) == has_text).mean() >= 0.95


def test_affinity_corrects_the_published_rule_on_lone_letters(
    detections: list[Detection], has_text: NDArray[np.bool_]
) -> None:
    region = np.array([detection.region for detection in detections])
    score = np.array([detection.score for detection in detections])
    false_alarms = [(values >= THRESHOLD)[~has_text].sum() for values in (region, score)]
    assert false_alarms[0] >= 5
    assert false_alarms[1] <= 2


@pytest.mark.skipif(not supports_bfloat16(), reason="this processor has no bfloat16")
def test_bfloat16_decides_like_float32(detections: list[Detection], logos: list[NDArray[np.uint8]]) -> None:
    chosen = slice(None, None, 3)
    quick = Detector(dtype="bfloat16").detect(logos[chosen])
    slow = detections[chosen]
    assert_allclose([d.score for d in quick], [d.score for d in slow], atol=0.03)
    clear = [abs(d.score - THRESHOLD) > 0.03 for d in slow]
    decisions = [[d.score >= THRESHOLD for d in found] for found in (quick, slow)]
    assert [d for d, sure in zip(decisions[0], clear, strict=True) if sure] == [
        d for d, sure in zip(decisions[1], clear, strict=True) if sure
    ]


def test_words_and_characters_are_found_where_they_stand(detector: Detector) -> None:
    image, box = written("Figures", (300, 200), (60, 90))
    (found,) = detector.detect([image])
    (word,) = [b for b in found.boxes if b.kind == "word"]
    characters = [b for b in found.boxes if b.kind == "character"]
    assert found.score > 0.9
    assert found.characters == len(characters) == len("Figures")
    assert_allclose([word.left, word.top, word.right, word.bottom], box, atol=8)
    centres = sorted((c.left + c.right) / 2 for c in characters)
    assert all(right - left > 5 for left, right in pairwise(centres))
    assert 0 < found.area < (box[2] - box[0]) * (box[3] - box[1]) / (300 * 200)


def test_batches_and_neighbours_do_not_change_what_is_found(detector: Detector) -> None:
    pictures = [
        written("Logo", size, corner)[0]
        for size, corner in (((150, 60), (20, 5)), ((100, 100), (2, 30)), ((150, 60), (40, 10)), ((60, 140), (-20, 40)))
    ]
    together = detector.detect(pictures)  # three canvas shapes
    alone = [detector.detect([picture])[0] for picture in pictures]
    assert len({picture.shape for picture in pictures}) == 3
    assert_allclose([d.score for d in together], [d.score for d in alone], atol=1e-4)
    assert [d.characters for d in together] == [d.characters for d in alone]
    backwards = detector.detect(pictures[::-1])[::-1]
    assert_allclose([d.score for d in backwards], [d.score for d in together], atol=1e-4)


def test_a_compiled_network_sees_the_same_in_full_batches_and_in_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = functools.partial(torch.compile, backend="aot_eager")  # all of it but the minute of writing C++
    monkeypatch.setattr(torch, "compile", traced)
    pictures = [written("Logo", (64, 64), (corner, 20))[0] for corner in (2, 8, 14)]
    plain, compiled = (Detector(canvas=64, batch=2, compiled=compiled) for compiled in (False, True))
    for ours, expected in zip(compiled.maps(pictures), plain.maps(pictures), strict=True):
        assert_allclose(ours, expected, atol=1e-4)


def test_maps_cover_the_picture_at_half_its_canvas_resolution(detector: Detector) -> None:
    image, box = written("Figures", (300, 200), (60, 90))
    (maps,) = detector.maps([image])
    height, width = maps.shape[1:]
    assert_allclose(width / height, 300 / 200, rtol=0.03)
    y, x = np.unravel_index(maps[0].argmax(), maps[0].shape)
    assert box[0] < x / width * 300 < box[2]
    assert box[1] < y / height * 200 < box[3]


def test_a_blank_picture_and_a_single_pixel_have_no_text(detector: Detector) -> None:
    blank, pixel = detector.detect([np.full((50, 90, 3), 255, np.uint8), np.zeros((1, 1, 3), np.uint8)])
    for found in (blank, pixel):
        assert found.score < 0.05
        assert found.boxes == ()
        assert found.characters == 0
        assert found.area == 0


def test_frames_are_drawn_where_the_boxes_are(detector: Detector) -> None:
    image, _ = written("Figures", (300, 200), (60, 90))
    (found,) = detector.detect([image])
    drawn = np.asarray(draw_boxes(image, found.boxes, side=600))
    assert drawn.shape == (400, 600, 3)
    word = found.boxes[0]
    assert (drawn[round(word.top * 2), round(word.left * 2) + 10] == WORD).all()
    assert (drawn == CHARACTER).all(axis=2).any()


def test_settings_that_cannot_work_are_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        Detector(canvas=16)
    with pytest.raises(ValueError, match="such as 8"):
        Detector(batch=0)
