"""Squares beside a shard are those that its images would give."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from data.images import Limits, decode
from data.png import encode_png
from data.squares import SquareKind, SquaresWriter, read_squares
from data.table import Picture, ShardWriter

RGB = SquareKind(24, "rgb", (10, 200, 30), "1")


@pytest.fixture
def shard(tmp_path: Path, blocks: Callable[..., NDArray[np.uint8]]) -> Path:
    path = tmp_path / "shard.parquet"
    with ShardWriter(path) as writer:
        for n in range(300):  # more than one row group
            data = encode_png(blocks(20 + n % 9, 24, 3 + n % 2, seed=n))
            writer.add(Picture(f"{n:03}", "", data, "", 20, 24, "RGB", ()))
    return path


def pixels_of(blocks: Callable[..., NDArray[np.uint8]], n: int) -> NDArray[np.uint8]:
    return decode(encode_png(blocks(20 + n % 9, 24, 3 + n % 2, seed=n)), Limits()).pixels


@pytest.mark.parametrize("kind", [RGB, SquareKind(24, "rgba", (0, 0, 0), "1")])
def test_squares_beside_a_shard_and_those_made_of_it_are_the_same(
    shard: Path, blocks: Callable[..., NDArray[np.uint8]], kind: SquareKind
) -> None:
    ids = ["299", "007", "100"]
    made = read_squares(shard, kind, ids)
    with SquaresWriter(shard.with_name(kind.file)) as writer:
        for n in range(300):
            writer.add(f"{n:03}", kind.fit(pixels_of(blocks, n)))
    assert made.shape == (3, *kind.shape)
    assert_array_equal(read_squares(shard, kind, ids), made)
    assert_array_equal(made[1], kind.fit(pixels_of(blocks, 7)))
    shard.unlink()  # it was not needed
    assert_array_equal(read_squares(shard, kind, ids), made)


def test_squares_of_another_kind_are_not_taken(shard: Path) -> None:
    others = [SquareKind(25, "rgb", (10, 200, 30), "1"), SquareKind(24, "rgb", (10, 200, 31), "1")]
    others += [SquareKind(24, "rgba", (10, 200, 30), "1"), SquareKind(24, "rgb", (10, 200, 30), "2")]
    assert RGB.file not in {other.file for other in others}
    assert SquareKind(24, "rgba", (0, 0, 0), "1").file == SquareKind(24, "rgba", (9, 9, 9), "1").file
