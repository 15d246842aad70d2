"""Decisions on text: by people before the network, by the policy on letters, and what is told of the screen."""

from hashlib import sha256
from typing import Any

import pytest

from craft.decision import load_bounds, load_calibration, proven_thresholds
from data.table import Picture
from logoflow.config.sections import DetectTextConfig
from tasks.detect_text import AUDITED, decide, is_audited, metrics
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
        "glance": None,
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


def test_where_a_faster_look_and_craft_disagree_is_counted_among_the_audited() -> None:
    bounds = load_bounds()
    clear, unclear = bounds.screen.low / 2, (bounds.screen.low + bounds.screen.high) / 2
    no, unsure = bounds.glance.low / 2, (bounds.glance.low + bounds.glance.high) / 2
    rows = [
        decided(0.01, screen=clear),  # audited, the same
        decided(0.95, screen=clear),  # audited, the other way
        decided(0.95, screen=unclear, glance=no),  # so, too
        decided(0.95, screen=unclear, glance=unsure),  # CRAFT was asked
        decided(clear, screen=clear, region=None, by="screen"),
        decided(no, screen=unclear, glance=no, by="glance"),
    ]
    told = metrics(rows, DetectTextConfig(), CALIBRATION)
    assert (told["spared"], told["audited"], told["audited_wrong"]) == (2, 3, 2)
    assert [row["decided_by"] for row in rows] == [*["craft"] * 4, "screen", "glance"]


def test_borderline_pictures_come_nearest_first_and_without_the_reviewed() -> None:
    rows = [decided(score) for score in (0.2, 0.55, 0.66, 0.99)] + [decided(0.58, True)]
    near = borderline(rows, DetectTextConfig(borderline=0.3))
    assert [row["score"] for row in near] == [0.55, 0.66]


@pytest.mark.parametrize("values", [{"cascade": False}, {"canvas": 384}, {"letters": "text"}])
def test_a_threshold_that_the_screen_is_not_proven_for_needs_craft_alone(values: dict[str, Any]) -> None:
    lowest, highest = proven_thresholds()
    for threshold in (lowest + 0.001, highest - 0.001):
        assert DetectTextConfig(threshold=threshold).threshold == threshold
    for threshold in (0.02, lowest - 0.001, highest + 0.001):
        with pytest.raises(ValueError, match="set cascade to false"):
            DetectTextConfig(threshold=threshold)
    assert DetectTextConfig(threshold=0.02, **values).threshold == 0.02
