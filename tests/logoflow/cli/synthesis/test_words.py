"""The small languages of options, against lists that were written out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logoflow.cli.synthesis.words import cluster_name, clusters, layers, noises, numbers
from logoflow.errors import UserError
from stylegan2.settings import NetworkSettings

SETTINGS = NetworkSettings(width=64, height=64)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 50)), min_size=1, max_size=5))
def test_numbers_are_those_of_the_ranges(spans: list[tuple[int, int]]) -> None:
    text = ", ".join(f"{first}-{first + more}" if more else f"{first}" for first, more in spans)
    assert numbers(text, "seeds") == [first + step for first, more in spans for step in range(more + 1)]


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,,2", "1.5", "0-10000", "0-1e3"])
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(UserError, match="is no list of numbers: write it as 3, as 0-7, or as 0-3,12"):
        numbers(text, "seeds")


def test_clusters_and_mixes_become_weights() -> None:
    assert clusters([], 3) == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert clusters([], 0) == []
    assert clusters(["2", "0-1", "0:1,2:3"], 3) == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0.25, 0, 0.75]]
    assert [cluster_name(row) for row in clusters(["1", "0:1,2:3", "0:1,1:1,2:1"], 3)] == [
        "cluster 1",
        "clusters 0:0.25 2:0.75",
        "all clusters",
    ]


def test_layers_have_names_and_numbers() -> None:
    assert layers("coarse", SETTINGS) == [0, 1, 2]
    assert layers("fine, 4-5,coarse", SETTINGS) == [0, 1, 2, 4, 5, 7, 8, 9]
    assert layers("all", SETTINGS) == list(range(10))
    with pytest.raises(
        UserError, match=r"layers 0 to 9, coarse \(0-2\), middle \(3-6\), fine \(7-9\): '10' names others"
    ):
        layers("10", SETTINGS)


def test_noise_is_said_for_all_layers_or_for_some() -> None:
    assert noises("none", SETTINGS) == ["none"] * 10
    assert noises("coarse=none,9=random", SETTINGS) == ["none"] * 3 + ["const"] * 6 + ["random"]
    assert noises("all=random,3-4=const", SETTINGS) == ["random"] * 3 + ["const"] * 2 + ["random"] * 5
