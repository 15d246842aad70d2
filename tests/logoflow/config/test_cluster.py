"""cluster.k is a number or auto, and says one thing when it is neither."""

from typing import Any

import pytest
from pydantic import ValidationError

from logoflow.config.sections import ClusterConfig


@pytest.mark.parametrize(("given", "k", "fewest"), [(10, 10, 10), ("12", 12, 12), ("auto", "auto", 2)])
def test_k_is_a_number_or_auto(given: Any, k: object, fewest: int) -> None:
    config = ClusterConfig(k=given)
    assert (config.k, config.fewest) == (k, fewest)
    assert ClusterConfig.model_validate(config.model_dump()) == config
    assert ClusterConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("given", [1, 0, -3, 2.5, "ten", "Auto", None, [3]])
def test_anything_else_is_one_error(given: Any) -> None:
    with pytest.raises(ValidationError) as error:
        ClusterConfig(k=given)
    assert [detail["loc"] for detail in error.value.errors()] == [("k",)]


def test_the_schema_lets_a_form_offer_both() -> None:
    schema = ClusterConfig.model_json_schema()["properties"]["k"]
    assert {"type": "integer", "minimum": 2} in schema["anyOf"]
    assert {"type": "string", "const": "auto"} in schema["anyOf"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"compare": (2, 1)}, "1 is no number of clusters to compare: choose 2 or more."),
        ({"k": "auto", "compare": ()}, "k is auto, but compare is empty: list the numbers of clusters to choose from."),
    ],
)
def test_there_must_be_something_to_compare(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        ClusterConfig(**settings)
