"""How many entries came and went."""

import pytest

from logoflow.changes import MINUS, difference


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (["a:1", "b:2"], ["a:1", "b:2", "c:3"], "+1 images"),
        (["a:1", "b:2"], ["b:2"], f"{MINUS}1 images"),
        (["a:1", "b:2"], ["a:9", "b:2"], f"+1 {MINUS}1 images"),
        (["a:1", "a:1"], ["a:1"], f"{MINUS}1 images"),
        (["a:1"], [], f"{MINUS}1 images"),
    ],
)
def test_a_changed_file_comes_and_goes(before: list[str], now: list[str], told: str) -> None:
    pairs = [
        [(name, version) for name, _, version in (entry.partition(":") for entry in side)] for side in (before, now)
    ]
    assert difference(*pairs) == told


def test_of_a_container_that_was_written_anew_the_names_are_compared() -> None:
    before = [("a", "old:0"), ("b", "old:1")]
    assert difference(before, [("b", "new:0"), ("c", "new:1"), ("d", "new:2")]) == f"+2 {MINUS}1 images"
    assert difference(before, [("a", "new:0"), ("b", "new:1")]) == "rewritten"
