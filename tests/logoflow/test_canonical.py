"""One value, one text."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logoflow.canonical import canonical_json, digest_of

# Whole numbers stand apart from booleans and floats: Python calls 1, 1.0 and True equal, JSON does not.
SCALARS = st.none() | st.text() | st.integers().map(lambda n: n + 2 if n in (0, 1) else n)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def shuffled(value: Any, random: Any) -> Any:
    """The same value, its keys inserted in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key], random) for key in keys}
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


@settings(max_examples=50, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_equal_values_have_equal_texts_whatever_the_order_of_their_keys(value: Any, random: Any) -> None:
    assert canonical_json(shuffled(value, random)) == canonical_json(value)


@settings(max_examples=50, deadline=None)
@given(VALUES, VALUES)
def test_texts_are_equal_only_when_values_are(one: Any, other: Any) -> None:
    assert (canonical_json(one) == canonical_json(other)) == (one == other)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_a_text_reads_back_as_its_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_every_bit(value: float) -> None:
    assert json.loads(canonical_json(value)).hex() == value.hex()


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_cannot_say_is_refused_however_deep_it_lies(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"augment": [{"p": number}]})


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical_json({"path": object()})


def test_the_digest_is_the_sha256_of_a_text_without_spaces_and_with_sorted_keys() -> None:
    text = '{"b":[1,2.5,null],"k":10,"ä":"ö"}'
    assert canonical_json({"ä": "ö", "k": 10, "b": [1, 2.5, None]}) == text
    assert digest_of({"k": 10, "b": (1, 2.5, None), "ä": "ö"}) == hashlib.sha256(text.encode()).hexdigest()
