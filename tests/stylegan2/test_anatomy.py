"""A picture's parts add up to it; what noise does, against draws one at a time."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from stylegan2.anatomy import contributions, noise_deviation
from stylegan2.generator import Generator
from stylegan2.sampling import mapped, synthesised
from stylegan2.settings import NetworkSettings


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("noise", ["const", "none", "random"])
def test_contributions_add_up_to_the_picture(small: NetworkSettings, channels: int, noise: str) -> None:
    generator = Generator(small.model_copy(update={"channels": channels, "width": 32, "height": 16})).eval()
    for layer in generator.synthesis.convolutions:
        layer.noise_strength.data.fill_(0.5)  # type: ignore[union-attr, operator]
    seeds = list(range(35))  # more than a batch
    ws = mapped(generator, seeds, [seed % 3 for seed in seeds])
    parts = contributions(generator, ws, noise, seeds)  # type: ignore[arg-type]
    assert parts.shape == (4, 35, channels, 16, 32)
    assert_close(parts.sum(dim=0), synthesised(generator, ws, noise, seeds), rtol=0, atol=1e-5)  # type: ignore[arg-type]
    assert not generator.synthesis.pictures[0]._forward_hooks


def test_the_smallest_size_contributes_nothing_sharper_than_itself(generator: Generator) -> None:
    ws = mapped(generator, [1], [0])
    coarse, *_, fine = contributions(generator, ws).double().numpy()[:, 0, 0]
    high = [np.abs(np.fft.fft2(part))[8, 8] / np.abs(np.fft.fft2(part)).max() for part in (coarse, fine)]
    assert high[0] < 1e-4  # [1, 3, 3, 1] has a zero at the highest frequency; a trace enters at the edges
    assert high[1] > 1e-3


def test_deviation_is_that_of_pictures_drawn_one_by_one(generator: Generator) -> None:
    ws = mapped(generator, [1, 2], [0, 1])
    pictures = [torch.cat([synthesised(generator, w[None], "random", [draw]) for w in ws]) for draw in range(5)]
    expected = np.sqrt(np.var(torch.stack(pictures).numpy(), axis=0, ddof=1).mean(axis=1))
    assert_close(noise_deviation(generator, ws, 5).numpy(), expected, rtol=1e-4, atol=1e-5)
    for layer in generator.synthesis.convolutions:
        layer.noise_strength.data.fill_(0.0)  # type: ignore[union-attr, operator]
    assert noise_deviation(generator, ws, 3).max() < 1e-5
