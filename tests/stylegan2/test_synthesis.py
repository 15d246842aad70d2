"""The synthesis network against convolutions with a weight for every image, and its interfaces."""

from math import sqrt

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from stylegan2.discriminator import Discriminator
from stylegan2.generator import W_AVERAGE_DECAY, Generator
from stylegan2.layers import leaky_relu_
from stylegan2.settings import NetworkSettings
from stylegan2.synthesis import ModulatedConv2d


def grouped(layer: ModulatedConv2d, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
    """The layer as the paper words it: modulate and demodulate the weights of each image, convolve in groups."""
    n, c, height, width = x.shape
    weight = layer.weight[None] * layer.affine(w)[:, None, :, None, None]  # [N, O, I, 3, 3]
    weight = weight / (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if layer.resampler is not None:
        convolved = torch.cat([layer.resampler.upsample_convolve(x[i : i + 1], weight[i]) for i in range(n)])
    else:
        convolved = F.conv2d(x.reshape(1, n * c, height, width), weight.flatten(0, 1), padding=1, groups=n)
        convolved = convolved.reshape(n, -1, height, width)
    biased = convolved + noise * layer.noise_strength + layer.bias[:, None, None]
    return F.leaky_relu(biased, 0.2) * sqrt(2)


@pytest.mark.parametrize("upsample", [False, True])
def test_scaled_activations_equal_a_convolution_of_its_own_for_each_image(upsample: bool) -> None:
    layer = ModulatedConv2d(5, 7, 6, (8, 8), upsample).double()
    with torch.no_grad():
        layer.noise_strength.fill_(0.3)
        layer.bias.normal_()
    side = 4 if upsample else 8
    x, w = torch.randn(3, 5, side, side, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    noise = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    assert_close(layer(x, w, noise), grouped(layer, x, w, noise))


def test_demodulation_makes_the_output_independent_of_the_scale_of_the_style() -> None:
    layer = ModulatedConv2d(5, 7, 6, (8, 8), upsample=False).double()
    with torch.no_grad():
        layer.affine.bias.zero_()
    x, w = torch.randn(2, 5, 8, 8, dtype=torch.float64), torch.randn(2, 6, dtype=torch.float64)
    assert_close(layer(x, w, "none"), layer(x, 10 * w, "none"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_half_precision_stays_finite_at_any_scale_of_weights_and_styles(scale: float) -> None:
    settings = NetworkSettings(width=32, height=32, channel_base=512, channel_max=32, w_dim=16, z_dim=16)
    generator = Generator(settings)
    with torch.no_grad():
        for convolution in generator.synthesis.convolutions:
            convolution.weight.mul_(scale)
            convolution.affine.weight.mul_(scale)
            convolution.affine.bias.mul_(scale)
    ws = generator.map(torch.randn(4, 16))
    half, exact = generator.synthesis(ws, dtype=torch.float16), generator.synthesis(ws)
    assert half.dtype == torch.float32
    assert_close(half, exact, rtol=0, atol=0.02 * float(exact.detach().abs().max()))


def test_activations_are_bounded_in_half_precision_alone() -> None:
    x = torch.tensor([-1e5, -2000.0, 100.0, 300.0, 6e4])
    assert leaky_relu_(x.half().clamp(-65504, 65504)).tolist() == [-256, -256, 100, 256, 256]
    assert_close(leaky_relu_(x.clone()), F.leaky_relu(x, 0.2))
    assert_close(leaky_relu_(x.bfloat16()), F.leaky_relu(x.bfloat16(), 0.2))


def test_a_discriminator_in_half_precision_judges_alike() -> None:
    settings = NetworkSettings(width=32, height=32, channel_base=512, channel_max=32)
    discriminator, pictures = Discriminator(settings), torch.randn(4, 3, 32, 32)
    half, exact = discriminator(pictures, dtype=torch.float16), discriminator(pictures)
    assert_close(half, exact, rtol=0, atol=0.02 * float(exact.detach().abs().max()))


@pytest.mark.parametrize(("width", "height"), [(32, 32), (32, 16), (24, 40), (48, 48)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_of_any_reachable_size_are_made_and_judged(width: int, height: int, channels: int) -> None:
    settings = NetworkSettings.model_validate(
        {"width": width, "height": height, "channels": channels, "channel_base": 64, "w_dim": 8, "z_dim": 8}
    )
    generator, discriminator = Generator(settings), Discriminator(settings)
    images = generator(torch.randn(4, 8))
    assert images.shape == (4, channels, height, width)
    assert discriminator(images).shape == (4,)
    assert generator.map(torch.randn(4, 8)).shape == (4, settings.layers, 8)


def test_each_w_reaches_its_convolution_and_the_picture_before(small: NetworkSettings) -> None:
    generator = Generator(small).double()
    ws = torch.randn(2, small.layers, 8, dtype=torch.float64)
    base = generator.synthesis(ws)
    for layer in range(small.layers):
        changed = ws.clone()
        changed[0, layer] += 1
        difference = (generator.synthesis(changed) - base).abs().amax(dim=(1, 2, 3))
        assert difference[0] > 1e-6
        assert difference[1] == 0


def test_a_mapping_may_give_each_layer_its_own_w(small: NetworkSettings) -> None:
    class PerLayer(torch.nn.Module):
        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            return z[:, None] * torch.arange(small.layers)[:, None]

    ws = Generator(small, PerLayer()).map(torch.ones(2, 8), torch.zeros(2))
    assert ws.shape == (2, small.layers, 8)
    assert ws[0, 3, 0] == 3


def test_noise_is_stored_or_given_or_left_out(small: NetworkSettings) -> None:
    generator = Generator(small)
    with torch.no_grad():
        for layer in generator.synthesis.convolutions:
            layer.noise_strength.fill_(0.5)  # type: ignore[union-attr, operator]
    ws = generator.map(torch.randn(2, 8), torch.tensor([0, 1]))
    stored = [layer.noise.expand(2, -1, -1, -1) for layer in generator.synthesis.convolutions]  # type: ignore[union-attr, operator]
    assert_close(generator.synthesis(ws, stored), generator.synthesis(ws, "const"))
    zeros = [torch.zeros_like(noise) for noise in stored]
    assert_close(generator.synthesis(ws, zeros), generator.synthesis(ws, "none"))
    drawn = generator.synthesis.draw_noise(2, torch.Generator().manual_seed(1))
    assert [n.shape for n in drawn] == [n.shape for n in stored]
    assert not torch.allclose(generator.synthesis(ws, drawn), generator.synthesis(ws, "const"))


@pytest.mark.parametrize("dtype", [torch.bfloat16])
def test_reduced_precision_stays_near_full_precision(small: NetworkSettings, dtype: torch.dtype) -> None:
    generator, discriminator = Generator(small), Discriminator(small)
    z, labels = torch.randn(4, 8), torch.tensor([0, 1, 2, 0])
    full, low = generator(z, labels), generator.synthesis(generator.map(z, labels), dtype=dtype)
    assert low.dtype == torch.float32
    assert 0 < (full - low).abs().max() / full.abs().max() < 0.05
    logits, low_logits = discriminator(full, labels), discriminator(full, labels, dtype)
    assert 0 < (logits - low_logits).abs().max() < 0.1


def test_truncation_goes_from_the_average_of_the_class_to_w(small: NetworkSettings) -> None:
    generator = Generator(small)
    generator.w_avg.normal_()
    generator.w_avg_by_class.normal_()
    labels = torch.tensor([2, 0])
    ws = generator.map(torch.randn(2, 8), labels)
    assert_close(generator.truncate(ws, 1.0, labels), ws)
    assert_close(generator.truncate(ws, 0.0, labels)[:, 3], generator.w_avg_by_class[labels])
    assert_close(generator.truncate(ws, 0.0, labels, "global")[0, 0], generator.w_avg)
    assert_close(generator.truncate(ws, 0.5)[1, 1], (ws[1, 1] + generator.w_avg) / 2)
    assert_close(generator.truncate(ws, 0.5, labels, layers=2)[:, 2:], ws[:, 2:])
    blend = generator.truncate(ws, 0.0, torch.tensor([[0.5, 0.5, 0.0]] * 2))
    assert_close(blend[0, 0], generator.w_avg_by_class[:2].mean(dim=0))


def test_the_average_of_w_moves_by_half_a_percent_and_that_of_a_class_by_its_share(small: NetworkSettings) -> None:
    generator = Generator(small)
    sums, counts = torch.randn(3, 8), torch.tensor([4.0, 0.0, 2.0])
    generator.track_average(sums, counts)
    assert_close(generator.w_avg, 0.005 * sums.sum(dim=0) / 6)
    assert_close(generator.w_avg_by_class[0], (1 - W_AVERAGE_DECAY**2) * sums[0] / 4)
    assert_close(generator.w_avg_by_class[1], torch.zeros(8))
    assert_close(generator.w_avg_by_class[2], 0.005 * sums[2] / 2)
