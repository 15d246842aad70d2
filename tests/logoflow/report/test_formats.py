"""Numbers, durations, names and tables as a reader sees them."""

import math
from datetime import UTC, datetime

import pytest

from logoflow.report.formats import duration, flatten, key_metrics, label, moment, number, share, value
from logoflow.report.page import Table
from logoflow.report.tables import lay_out


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (48652, "48,652"),
        (0.98412, "0.9841"),
        (3191.2, "3,191"),
        (2.0, "2"),
        (-1.5, "\N{MINUS SIGN}1.5"),
        (1e-7, "1e\N{MINUS SIGN}07"),
        (10**20, "1.000e+20"),
        (math.nan, "not a number"),
        (-math.inf, "\N{MINUS SIGN}infinite"),
    ],
)
def test_numbers_have_four_significant_digits(given: float, expected: str) -> None:
    assert number(given) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.41, "410 ms"), (1, "1.0 s"), (59.96, "1 min 0 s"), (432, "7 min 12 s"), (3600, "1 h 0 min"),
     (72 * 3600 + 59, "72 h 0 min")],
)  # fmt: skip
def test_durations_have_two_units(seconds: float, expected: str) -> None:
    assert spaced(duration(seconds)) == expected


def test_shares_have_one_decimal() -> None:
    assert [spaced(share(part, 1640)) for part in (0, 41, 521, 1640)] == ["0.0 %", "2.5 %", "31.8 %", "100.0 %"]
    assert spaced(share(0, 0)) == "0.0 %"


def test_a_moment_names_its_zone() -> None:
    assert moment(datetime(2025, 11, 2, 1, 54, tzinfo=UTC)) == "2 November 2025, 01:54 UTC"


@pytest.mark.parametrize(
    ("name", "content", "words", "shown"),
    [("side_px", 64, "side", "64 px"), ("images_per_s", 21.3, "images per s", "21.3"), ("wait_s", 2, "wait", "2 s"),
     ("ada.total_kimg", 600, "ada.total", "600 kimg"), ("reference", None, "reference", "\N{EN DASH}"),
     ("conditional", True, "conditional", "yes"), ("betas", [0, 0.99], "betas", "0, 0.99"), ("s", 3, "s", "3"),
     ("r_t", 0.58, "r_t", "0.58")],
)  # fmt: skip
def test_the_unit_that_ends_a_name_moves_to_the_value(name: str, content: object, words: str, shown: str) -> None:
    assert label(name) == words
    assert spaced(value(content, name)) == shown


def test_nested_settings_get_dotted_names() -> None:
    nested = {"ada": {"target": 0.6, "more": {"cap": 0.8}}, "none": {}, "k": 10}
    assert dict(flatten(nested)) == {"ada.target": 0.6, "ada.more.cap": 0.8, "none": {}, "k": 10}


def test_key_metrics_are_the_first_single_values() -> None:
    assert key_metrics({"a": 1, "by_class": {"x": 1}, "b": 2.5, "c": "low", "d": 4}, 3) == [
        ("a", 1),
        ("b", 2.5),
        ("c", "low"),
    ]


def test_the_numbers_of_a_column_have_equally_many_decimals() -> None:
    rows = ((0.8, 1, "a", 1e-9), (0.755, None, None, 1.5), (None, 12000, "1", 2), (math.nan, 3, "2", math.inf))
    table = Table("t", ("score", "count", "name", "far"), rows)
    laid_out = lay_out(table)
    assert laid_out.numeric == (True, True, False, True)
    assert [list(column) for column in zip(*laid_out.rows, strict=True)] == [
        ["0.800", "0.755", "\N{EN DASH}", "\N{EN DASH}"],
        ["1", "\N{EN DASH}", "12,000", "3"],
        ["a", "\N{EN DASH}", "1", "2"],
        ["1e\N{MINUS SIGN}09", "1.5", "2", "\N{EN DASH}"],
    ]


def test_numbers_that_lie_far_apart_keep_their_own_decimals() -> None:
    scores = lay_out(Table("t", ("score", "near"), ((106.0, 106.0), (0.1081, -9.31), (None, 1204))))
    assert [row[0] for row in scores.rows] == ["106", "0.1081", "\N{EN DASH}"]
    assert [row[1] for row in scores.rows] == ["106.00", "\N{MINUS SIGN}9.31", "1,204.00"]
