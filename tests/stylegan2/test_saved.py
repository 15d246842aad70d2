"""w in files: what goes in comes out, in every form that is taken, and what does not fit is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylegan2.generator import Generator
from stylegan2.sampling import mapped
from stylegan2.saved import load_w, save_w


def test_what_was_saved_is_read(generator: Generator, tmp_path: Path) -> None:
    ws, weights = mapped(generator, [1, 2], [0, 1]), torch.eye(3)[[0, 1]]
    save_w(tmp_path / "a.safetensors", ws, weights)
    loaded, classes = load_w(tmp_path / "a.safetensors", generator.settings)
    assert torch.equal(loaded, ws)
    assert classes is not None
    assert torch.equal(classes, weights)
    save_w(tmp_path / "b.safetensors", ws)
    assert load_w(tmp_path / "b.safetensors", generator.settings)[1] is None


def test_arrays_of_one_w_of_several_and_of_one_for_each_layer_are_read(generator: Generator, tmp_path: Path) -> None:
    ws = mapped(generator, [1, 2], [0, 1])
    path = tmp_path / "w.npy"
    for array in (ws, ws[:, 0], ws[0, 0]):
        np.save(path, array.numpy())
        loaded, _ = load_w(path, generator.settings)
        assert torch.equal(loaded, ws[: 1 if array.ndim == 1 else 2])


def test_what_is_no_w_is_refused(generator: Generator, tmp_path: Path) -> None:
    ws = mapped(generator, [1], [0])
    path = tmp_path / "w.npy"
    for wrong in (ws[:, :3], ws[..., :4], ws * float("nan"), ws.int()):
        np.save(path, wrong.numpy())
        with pytest.raises(ValueError, match="use the generator that it was made with"):
            load_w(path, generator.settings)
    np.save(path, np.array([object()]), allow_pickle=True)
    for name in (path, tmp_path / "none.npy", Path(__file__)):
        with pytest.raises(ValueError, match="cannot be read as saved w"):
            load_w(name, generator.settings)
