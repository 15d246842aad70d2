"""Inception-v3 against torch-fidelity's, with weights by formula, since the published file is not the project's.

The figures in the reference were computed once, by torch-fidelity 0.4.0 (Apache-2.0) on a CPU.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from inception_weights import checkpoint
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from torch import Tensor

from evaluation.inception import Inception, fold_batch_norms, inception, resize
from evaluation.weights import WeightsError

# features: of the pictures below, `[3, 2048]`. larger, smaller: the picture of 21 px, resized to 37 and 13 px.
REFERENCE = np.load(Path(__file__).with_name("inception_reference.npz"))
SIDES = (64, 299, 333)


def picture(side: int) -> NDArray[np.uint8]:
    """`[3, side, side]`."""
    return np.random.default_rng(side).integers(0, 256, (3, side, side), np.uint8)


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    return checkpoint()


def test_features_equal_those_of_torch_fidelity(
    published: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.pth"
    torch.save(published, file)
    monkeypatch.setattr("evaluation.inception.PUBLISHED_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    network = Inception(file)
    features = np.concatenate([network.extract(picture(side)[None]) for side in SIDES])
    expected = REFERENCE["features"]
    assert np.abs(expected[0] - expected[1]).mean() > 1  # the weights let the pictures through
    assert np.abs(features - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", ["larger", "smaller"])
def test_pictures_are_resized_as_by_torch_fidelity(name: str) -> None:
    expected = REFERENCE[name]
    resized = resize(torch.from_numpy(picture(21)[None]).float(), expected.shape[-1])
    assert_allclose(resized[0].numpy(), expected, atol=1e-4)  # of 255 shades


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    file.write_bytes(b"another")
    with pytest.raises(WeightsError, match=r"is not pt_inception-2015-12-05-6726825d\.pth, .* take the file that"):
        Inception(file)


def test_tensors_that_are_foreign_or_missing_are_refused_and_torchs_counters_are_not(
    published: dict[str, Tensor],
) -> None:
    network = inception()
    counted = {**published, "Mixed_7c.branch1x1.bn.num_batches_tracked": torch.tensor(3)}
    assert fold_batch_norms(network, counted).keys() == network.state_dict().keys()
    with pytest.raises(WeightsError, match=r"hold AuxLogits\.fc\.weight, unlike"):
        fold_batch_norms(network, {**published, "AuxLogits.fc.weight": torch.zeros(1)})
    lacking = {name: tensor for name, tensor in published.items() if name != "Conv2d_1a_3x3.bn.bias"}
    with pytest.raises(WeightsError, match=r"lack Conv2d_1a_3x3\.bn\.bias, unlike"):
        fold_batch_norms(network, lacking)
