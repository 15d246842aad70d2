"""Decisions on text: by people before the network, by the policy on letters, and what is told of the screen."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from craft.decision import load_bounds, load_calibration, proven_thresholds
from data.table import Picture
from logoflow.config.sections import DetectTextConfig
from logoflow.errors import UserError
from tasks.detect_text import AUDITED, decide, for_review, is_audited, known_only, metrics
from tasks.text_page import borderline

CALIBRATION = load_calibration()


def scores(score: float, **others: Any) -> dict[str, Any]:
    """A row of a unit's scores, as CRAFT leaves it."""
    return {
        "id": "0" * 64,
        "score": score,
        "region": score,
        "by": "craft",
        "screen": None,
        "boxes": [],
        **others,
    }


def decided(score: float, verdict: bool | None = None, **others: Any) -> dict[str, Any]:
    return decide(scores(score, **others), verdict, DetectTextConfig(), CALIBRATION)


def test_a_picture_has_text_from_the_threshold_on() -> None:
    config = DetectTextConfig(threshold=0.6)
    edge = CALIBRATION.score(0.6)
    rows = [decide(scores(score), None, config, CALIBRATION) for score in (edge - 1e-6, edge + 1e-6)]
    assert [row["has_text"] for row in rows] == [False, True]
    assert rows[1]["probability"] == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize("score", [0.01, 0.99])
@pytest.mark.parametrize("verdict", [True, False])
def test_people_overrule_the_network(score: float, verdict: bool) -> None:
    row = decided(score, verdict)
    assert row["has_text"] is verdict
    assert row["decided_by"] == "review"


def test_a_lone_letter_is_a_symbol_unless_letters_are_text() -> None:
    letter = scores(0.05, region=0.98)
    assert not decide(letter, None, DetectTextConfig(), CALIBRATION)["has_text"]
    config = DetectTextConfig(letters="text")
    assert decide(letter, None, config, load_calibration("text"))["has_text"]


def test_the_audit_is_a_fixed_sample_of_the_intended_size() -> None:
    pictures = [Picture(sha256(b"%d" % n).hexdigest(), "", b"", "", 1, 1, "RGB", ()) for n in range(8000)]
    assert sum(map(is_audited, pictures)) / 8000 == pytest.approx(AUDITED, rel=0.2)


def test_where_screen_and_craft_disagree_is_counted_among_the_audited() -> None:
    bounds = load_bounds()
    clear, unclear = bounds.low / 2, (bounds.low + bounds.high) / 2
    rows = [
        decided(0.01, screen=clear),  # audited, the same
        decided(0.95, screen=clear),  # audited, the other way
        decided(0.95, screen=unclear),  # CRAFT was asked
        decided(clear, screen=clear, region=None, by="screen"),
    ]
    told = metrics(rows, DetectTextConfig(), CALIBRATION)
    assert (told["spared"], told["audited"], told["audited_wrong"]) == (1, 2, 1)
    assert [row["decided_by"] for row in rows] == ["craft", "craft", "craft", "screen"]


def test_borderline_pictures_come_nearest_first_and_without_the_reviewed() -> None:
    rows = [decided(score) for score in (0.2, 0.55, 0.66, 0.99)] + [decided(0.58, True)]
    near = borderline(rows, DetectTextConfig(borderline=0.3))
    assert [row["score"] for row in near] == [0.55, 0.66]


@pytest.mark.parametrize("values", [{"cascade": False}, {"canvas": 384}, {"letters": "text"}])
def test_the_screen_stands_aside_where_it_is_not_proven(values: dict[str, Any]) -> None:
    lowest, highest = proven_thresholds()
    assert not DetectTextConfig(**values).screened
    for threshold in (lowest + 0.001, 0.5, highest - 0.001):
        assert DetectTextConfig(threshold=threshold).screened
    for threshold in (0.02, lowest - 0.001, highest + 0.001):
        assert not DetectTextConfig(threshold=threshold).screened


def test_the_screen_is_never_surer_than_it_was_right() -> None:
    bounds = load_bounds()
    doubt = (bounds.wrong + 1) / (bounds.decided + 2)
    surest = decided(0.0, screen=0.0, region=None, by="screen")
    assert surest["probability"] == pytest.approx(doubt)
    assert 0.001 < doubt < 0.05
    assert decided(1.0, screen=1.0, region=None, by="screen")["probability"] == pytest.approx(1 - doubt)
    assert decided(0.0)["probability"] == CALIBRATION.probability(0.0) < doubt


def test_an_audit_that_contradicts_the_proof_is_told() -> None:
    bounds = load_bounds()
    clear = bounds.low / 2
    spared = [decided(clear, screen=clear, region=None, by="screen")] * 900
    right, wrong = [decided(0.01, screen=clear)], [decided(0.95, screen=clear)]
    assert not metrics(spared + 100 * right, DetectTextConfig(), CALIBRATION)["audit_failed"]
    assert not metrics(spared + 98 * right + 2 * wrong, DetectTextConfig(), CALIBRATION)["audit_failed"]
    assert metrics(spared + 80 * right + 20 * wrong, DetectTextConfig(), CALIBRATION)["audit_failed"]


def test_a_review_of_other_pictures_is_refused_and_one_of_some_is_taken() -> None:
    path = Path("review.csv")
    assert known_only({"a": True, "gone": False}, ["a", "b"], path) == {"a": True}
    assert known_only({}, ["a"], path) == {}
    with pytest.raises(UserError, match="none of which is in this run"):
        known_only({"gone": False}, ["a", "b"], path)


def test_the_next_review_holds_what_was_decided() -> None:
    rows = [decided(0.66), decided(0.2, True), decided(0.999)]
    assert [row["decided_by"] for row in for_review(rows, DetectTextConfig())] == ["review", "craft"]
