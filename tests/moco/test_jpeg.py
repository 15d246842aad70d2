"""JPEG on tensors against Pillow's encoder."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn

from moco.jpeg import _cosine_transform, compress


def test_the_cosine_transform_is_scipys() -> None:
    block = np.random.default_rng(0).standard_normal((8, 8))
    transform = _cosine_transform().double().numpy()
    assert np.allclose(transform @ block @ transform.T, dctn(block, norm="ortho"), atol=1e-6)


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_it_is_close_to_what_pillow_makes(quality: int) -> None:
    y, x = np.mgrid[0:64, 0:64]
    picture = np.stack([128 + 100 * np.sin(x / 9), 2.0 * y + 60, 128 + 90 * np.cos((x + y) / 7)], axis=2)
    picture = picture.clip(0, 255).astype(np.uint8)
    picture[20:40, 12:50] = (200, 30, 30)
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    expected = np.asarray(Image.open(buffer)).astype(float)
    tensor = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None] / 255
    result = compress(tensor, torch.tensor([float(quality)]))[0].permute(1, 2, 0).numpy() * 255
    damage = np.sqrt(np.square(expected - picture).mean())
    assert np.sqrt(np.square(result - expected).mean()) < 0.35 * damage


def test_each_image_has_its_own_quality() -> None:
    images = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)).expand(2, 3, 32, 32)
    together = compress(images, torch.tensor([10.0, 90.0]))
    assert torch.equal(together[:1], compress(images[:1], torch.tensor([10.0])))
    assert torch.equal(together[1:], compress(images[1:], torch.tensor([90.0])))
    errors = (together - images).square().mean(dim=(1, 2, 3))
    assert errors[0] > 2 * errors[1]


def test_a_flat_image_is_left_as_it_is() -> None:
    flat = torch.full((1, 3, 32, 32), 128 / 255)
    assert torch.allclose(compress(flat, torch.tensor([75.0])), flat, atol=1 / 255)
