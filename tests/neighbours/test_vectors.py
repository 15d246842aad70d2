"""Vectors at rest, and outlines beside them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from neighbours.vectors import Vectors, read_vectors, with_outlines, write_vectors


def unit_rows(rows: int, width: int) -> Vectors:
    drawn: NDArray[np.float64] = np.random.default_rng(width).standard_normal((rows, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def test_vectors_come_back_as_they_were_without_being_copied(tmp_path: Path) -> None:
    vectors, outlines, ids = unit_rows(5, 3), unit_rows(5, 4), ["b", "a", "ä", "", "c"]
    write_vectors(tmp_path / "v.arrow", ids, vectors, outlines)
    before = pa.total_allocated_bytes()
    found, back, beside = read_vectors(tmp_path / "v.arrow")
    assert pa.total_allocated_bytes() == before
    assert found == ids
    np.testing.assert_array_equal(back, vectors)
    np.testing.assert_array_equal(beside, outlines)
    assert not back.flags.writeable


def test_none_are_a_file_as_well_and_outlines_may_be_missing(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.arrow", [], np.empty((0, 3), np.float32), np.empty((0, 4), np.float32))
    assert [part.shape for part in read_vectors(tmp_path / "v.arrow")[1:]] == [(0, 3), (0, 4)]  # type: ignore[union-attr]
    write_vectors(tmp_path / "w.arrow", ["a"], unit_rows(1, 3))
    assert read_vectors(tmp_path / "w.arrow")[2].shape == (1, 0)


@pytest.mark.parametrize("weight", [0.5, 2.5])
def test_cosines_with_outlines_are_weighted_means_of_both_parts(weight: float) -> None:
    vectors, outlines = unit_rows(4, 5), unit_rows(4, 9)
    outlines[3] = 0  # a picture without edges
    both = with_outlines(vectors, outlines, weight)
    assert both.shape == (4, 14)
    expected = (vectors @ vectors.T + weight**2 * outlines @ outlines.T) / (1 + weight**2)
    np.testing.assert_allclose((both @ both.T)[:3, :3], expected[:3, :3], atol=1e-6)
    np.testing.assert_allclose(both[3], [*vectors[3], *[0] * 9], atol=1e-6)
    assert with_outlines(vectors, outlines, 0) is vectors
