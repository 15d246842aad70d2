"""Vectors at rest."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neighbours.vectors import read_outlines, read_vectors, with_outlines, write_vectors


def test_vectors_come_back_as_they_were_in_lists_of_float32(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    names = ["b", "a", "ä", "", "c"]
    write_vectors(tmp_path / "v.parquet", names, vectors, column="name")
    found, back = read_vectors(tmp_path / "v.parquet", column="name")
    assert found == names
    np.testing.assert_array_equal(back, vectors)
    table = pq.read_table(tmp_path / "v.parquet")
    assert table.schema.names == ["name", "vector"]
    assert table.schema.field("vector").type == pa.list_(pa.float32())
    np.testing.assert_array_equal(table["vector"].to_pylist(), vectors)


def test_floats_that_hardly_repeat_are_written_without_a_dictionary(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.parquet", ["a", "b"], np.eye(2, dtype=np.float32))
    group = pq.ParquetFile(tmp_path / "v.parquet").metadata.row_group(0)
    assert not any("DICTIONARY" in encoding for n in range(2) for encoding in group.column(n).encodings)


def test_no_vectors_are_a_table_as_well(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v.parquet", [], np.empty((0, 3), np.float32))
    assert pq.read_table(tmp_path / "v.parquet").num_rows == 0


@pytest.mark.parametrize("weight", [0.5, 2.5])
def test_cosines_with_outlines_are_weighted_means_of_both_parts(weight: float, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    vectors, outlines = (
        (lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True))(random.standard_normal((4, width)))
        for width in (5, 9)
    )
    outlines[3] = 0  # a picture without edges
    path = tmp_path / "v.parquet"
    write_vectors(path, list("abcd"), vectors.astype(np.float32), outlines.astype(np.float32))
    both = read_vectors(path, weight)[1]
    assert both.shape == (4, 14)
    expected = (vectors @ vectors.T + weight**2 * outlines @ outlines.T) / (1 + weight**2)
    np.testing.assert_allclose((both @ both.T)[:3, :3], expected[:3, :3], atol=1e-6)
    np.testing.assert_allclose(both[3], [*vectors[3], *[0] * 9], atol=1e-6)
    np.testing.assert_array_equal(read_vectors(path)[1], vectors.astype(np.float32))
    np.testing.assert_array_equal(read_outlines(path), outlines.astype(np.float32))
    assert with_outlines(vectors, outlines, 0) is vectors
