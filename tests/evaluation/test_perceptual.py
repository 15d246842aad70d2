"""Maps of the packaged network's first blocks: those of the whole network, whatever channels pictures have."""

import pytest
import torch
from torch.nn import functional as F

from evaluation.efficientnet import load_efficientnet
from evaluation.perceptual import TAPS, PerceptualMaps


@pytest.fixture(scope="module")
def maps() -> PerceptualMaps:
    return PerceptualMaps()


def test_maps_are_those_of_the_network_and_of_length_one(maps: PerceptualMaps) -> None:
    images = torch.rand(2, 3, 64, 96) * 2 - 1
    network = load_efficientnet()
    x, expected = network.stem(images), []
    for number, block in enumerate(network.blocks, start=1):
        x = block(x)
        if number in TAPS:
            expected.append(F.normalize(x, dim=1))
    found = maps(images)
    assert [tuple(one.shape[2:]) for one in found] == [(32, 48), (16, 24), (8, 12), (4, 6)]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one.norm(dim=1), torch.ones_like(one[:, 0]))


def test_gray_is_rgb_and_what_is_clear_is_white(maps: PerceptualMaps) -> None:
    gray = torch.rand(2, 1, 64, 64) * 2 - 1
    clear = torch.cat([torch.rand(2, 3, 64, 64) * 2 - 1, -torch.ones(2, 1, 64, 64)], dim=1)
    for one, other in ((gray, gray.expand(-1, 3, -1, -1)), (clear, torch.ones(2, 3, 64, 64))):
        for found, expected in zip(maps(one), maps(other), strict=True):
            torch.testing.assert_close(found, expected)


def test_small_pictures_are_enlarged_and_pixels_get_gradients(maps: PerceptualMaps) -> None:
    images = torch.zeros(1, 3, 16, 16, requires_grad=True)
    sum(one.square().sum() for one in maps(images)[:1]).backward()  # type: ignore[union-attr]
    assert maps(images)[0].shape[2:] == (32, 32)
    (maps(images)[-1] - maps(torch.rand(1, 3, 16, 16))[-1]).square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().max() > 0
