"""Losses against closed forms, and their second derivatives against finite differences."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.losses import fake_loss, generator_loss, path_lengths, r1_penalty, real_loss
from stylegan2.settings import NetworkSettings


def test_the_penalty_of_a_linear_judge_is_the_square_of_its_weights() -> None:
    images = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(3, 5, 5, dtype=torch.float64, requires_grad=True)
    penalty = r1_penalty((images * weights).sum(dim=(1, 2, 3)), images)
    assert_close(penalty, weights.square().sum().expand(4))


def test_path_lengths_of_a_linear_generator_are_the_norms_of_the_transposed_product() -> None:
    matrix = torch.randn(2 * 3 * 3, 4, dtype=torch.float64)
    ws = torch.randn(5, 6, 4, dtype=torch.float64, requires_grad=True)
    images = (ws.sum(dim=1) @ matrix.T).reshape(5, 2, 3, 3)  # every layer's w counts alike
    directions = torch.randn(5, 2, 3, 3, dtype=torch.float64)
    assert_close(path_lengths(images, ws, directions), (directions.flatten(1) @ matrix).norm(dim=1))


def test_adversarial_losses_are_cross_entropies() -> None:
    logits = torch.randn(9, dtype=torch.float64)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    ones, zeros = torch.ones_like(logits), torch.zeros_like(logits)
    assert_close(generator_loss(logits), entropy(logits, ones, reduction="none"))
    assert_close(real_loss(logits), entropy(logits, ones, reduction="none"))
    assert_close(fake_loss(logits), entropy(logits, zeros, reduction="none"))


def central_difference(loss: Callable[[], Tensor], weight: Tensor, direction: Tensor, step: float = 1e-6) -> Tensor:
    values = []
    for offset in (step, -2 * step, step):
        with torch.no_grad():
            weight.add_(offset * direction)
        values.append(loss().detach())
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize("architecture", ["resnet", "orig"])
def test_the_gradient_penalty_has_the_right_gradient(small: NetworkSettings, architecture: str) -> None:
    settings = small.model_copy(update={"discriminator": architecture})
    discriminator = Discriminator(settings).double()
    images, labels = torch.randn(4, 3, 16, 16, dtype=torch.float64), torch.tensor([0, 1, 2, 1])

    def loss() -> Tensor:
        inputs = images.clone().requires_grad_()
        return r1_penalty(discriminator(inputs, labels), inputs).sum()

    weights = dict(discriminator.named_parameters())
    for name in ("blocks.0.weight", "from_picture.weight", "conv.weight", "mapping.embed.weight"):
        direction = torch.randn_like(weights[name])
        (gradient,) = torch.autograd.grad(loss(), weights[name])
        measured = central_difference(loss, weights[name], direction)
        assert_close((gradient * direction).sum(), measured, rtol=1e-5, atol=1e-9)


def test_the_path_length_has_the_right_gradient(small: NetworkSettings) -> None:
    generator = Generator(small).double()
    z, labels = torch.randn(3, 8, dtype=torch.float64), torch.tensor([0, 1, 2])
    directions = torch.randn(3, 3, 16, 16, dtype=torch.float64)

    def loss() -> Tensor:
        ws = generator.map(z, labels)
        return path_lengths(generator.synthesis(ws), ws, directions).square().sum()

    weights = dict(generator.named_parameters())
    for name in ("synthesis.convolutions.1.weight", "synthesis.const", "mapping.layers.0.weight"):
        direction = torch.randn_like(weights[name])
        (gradient,) = torch.autograd.grad(loss(), weights[name])
        measured = central_difference(loss, weights[name], direction)
        assert_close((gradient * direction).sum(), measured, rtol=1e-5, atol=1e-9)
