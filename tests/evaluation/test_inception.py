"""Inception-v3 against torch-fidelity's, with weights by formula, since the published file is not the project's.

The figures in the reference were computed once, by torch-fidelity 0.4.0 (Apache-2.0) on a CPU.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch import Tensor

from evaluation.inception import FEATURES, Inception, fold_batch_norms, inception, load_inception, resize
from evaluation.weights import WeightsError

# features: of the pictures below, `[3, 2048]`. larger, smaller: the picture of 21 px, resized to 37 and 13 px.
REFERENCE = np.load(Path(__file__).with_name("inception_reference.npz"))
SIDES = (64, 299, 333)


def picture(side: int) -> NDArray[np.uint8]:
    """`[3, side, side]`."""
    return np.random.default_rng(side).integers(0, 256, (3, side, side), np.uint8)


def checkpoint() -> dict[str, Tensor]:
    """Weights under the names and in the shapes of the published file; activations keep their size from end to end."""
    tensors: dict[str, Tensor] = {}

    def draw(name: str, shape: tuple[int, ...], low: float, high: float) -> None:
        random = np.random.default_rng(crc32(name.encode()))
        tensors[name] = torch.from_numpy(random.uniform(low, high, shape).astype(np.float32))

    for name, tensor in inception().named_parameters():
        layer, _, kind = name.rpartition(".")
        shape = tuple(tensor.shape)
        if kind == "weight":
            reach = (6 / np.prod(shape[1:])) ** 0.5
            draw(f"{layer}.conv.weight", shape, -reach, reach)
            continue
        draw(f"{layer}.bn.weight", shape, 0.5, 1.5)
        draw(f"{layer}.bn.bias", shape, -0.3, 0.3)
        draw(f"{layer}.bn.running_mean", shape, -0.3, 0.3)
        draw(f"{layer}.bn.running_var", shape, 0.5, 1.5)
    draw("fc.weight", (1008, FEATURES), -0.1, 0.1)
    draw("fc.bias", (1008,), -0.1, 0.1)
    return tensors


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "weights.pth"
    torch.save(checkpoint(), path)
    return path


@pytest.fixture
def accepted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Have a file taken for the published one."""

    def accept(path: Path) -> Path:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr("evaluation.inception.PUBLISHED_SHA256", digest)
        return path

    return accept


def test_features_equal_those_of_torch_fidelity(file: Path, accepted: Callable[[Path], Path]) -> None:
    network = Inception(accepted(file))
    features = np.concatenate([network.extract(picture(side)[None]) for side in SIDES])
    expected = REFERENCE["features"]
    assert expected.std() > 0.1  # the weights let the pictures through
    assert np.abs(features - expected).max() <= 1e-5 * np.abs(expected).max()
