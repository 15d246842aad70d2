"""Arrays on the disk that leave nothing behind."""

from pathlib import Path

import numpy as np
import pytest

from tasks.scratch import scratch


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (0, 3, 4, 4)])
def test_it_is_an_array_of_zeros_whose_file_nobody_sees(shape: tuple[int, ...], tmp_path: Path) -> None:
    array = scratch(shape, tmp_path)
    assert isinstance(array, np.memmap)
    assert (array.shape, array.dtype, int(array.sum())) == (shape, np.uint8, 0)
    array[3:4] = 7
    assert int(array.sum()) == 7 * 48 * (len(array) > 3)
    assert list(tmp_path.iterdir()) == []
