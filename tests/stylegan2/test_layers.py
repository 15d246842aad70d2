"""Equalised layers, the mapping, and minibatch deviation, each against its definition."""

from itertools import product
from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from stylegan2.discriminator import Block, minibatch_deviation
from stylegan2.layers import EqualizedConv2d, EqualizedLinear, normalize_second_moment
from stylegan2.mapping import Mapping


def deviation_by_loops(x: Tensor, group: int) -> Tensor:
    count, channels, height, width = x.shape
    strides = count // group
    result = torch.zeros(count, 1, height, width, dtype=x.dtype)
    for first in range(strides):
        members = [first + strides * i for i in range(group)]
        total = 0.0
        for c, i, j in product(range(channels), range(height), range(width)):
            values = [float(x[m, c, i, j]) for m in members]
            mean = sum(values) / group
            total += sqrt(sum((v - mean) ** 2 for v in values) / group + 1e-8)
        for m in members:
            result[m] = total / (channels * height * width)
    return result


@pytest.mark.parametrize("group", [1, 2, 4, 8])
def test_minibatch_deviation_equals_the_loop(group: int) -> None:
    x = torch.randn(8, 3, 2, 3, dtype=torch.float64)
    assert_close(minibatch_deviation(x, group), deviation_by_loops(x, group))


@pytest.mark.parametrize("shares", [2, 3])
def test_shares_of_a_batch_hold_whole_deviation_groups(shares: int) -> None:
    x = torch.randn(12, 2, 4, 4, dtype=torch.float64)
    whole = minibatch_deviation(x, 2)
    for share in range(shares):
        assert_close(minibatch_deviation(x[share::shares], 2), whole[share::shares])


@given(st.integers(2, 64), st.sampled_from([0.01, 1.0]))
def test_a_linear_layer_is_scaled_when_it_is_used(size: int, lr_multiplier: float) -> None:
    layer = EqualizedLinear(size, 3, activate=True, lr_multiplier=lr_multiplier)
    x = torch.randn(5, size)
    plain = x @ (layer.weight * lr_multiplier / sqrt(size)).T + layer.bias * lr_multiplier
    assert_close(layer(x), sqrt(2) * torch.nn.functional.leaky_relu(plain, 0.2))


def test_fresh_layers_keep_the_second_moment() -> None:
    x = torch.randn(64, 32, 16, 16)
    for layer in (EqualizedConv2d(32, 64, 3), EqualizedConv2d(32, 64, 1)):
        inside = layer(x).detach()[:, :, 1:-1, 1:-1]
        assert abs(float(inside.square().mean()) - 1.04) < 0.1  # E lrelu(x)^2 = (1 + 0.2^2) / 2, times 2
    vectors = torch.randn(500, 256)
    assert abs(float(EqualizedLinear(256, 256, activate=True)(vectors).detach().square().mean()) - 1.04) < 0.1


def test_a_residual_block_halves_its_branches_power() -> None:
    block = Block(4, 6, residual=True)
    x = torch.randn(2, 4, 8, 8)
    with torch.no_grad():
        both = block(x)
        block.skip.zero_()  # type: ignore[union-attr]
        branch = block(x)
        plain = Block(4, 6, residual=False)
        plain.load_state_dict({k: v for k, v in block.state_dict().items() if k != "skip"})
        assert_close(branch, plain(x) * sqrt(0.5))
        assert not torch.allclose(both, branch)


def test_second_moment_normalisation_gives_a_mean_square_of_one() -> None:
    x = torch.randn(7, 33, dtype=torch.float64) * torch.logspace(-2, 3, 7, dtype=torch.float64)[:, None]
    moment = normalize_second_moment(x).square().mean(dim=1)
    assert_close(moment, torch.ones(7, dtype=torch.float64), rtol=1e-3, atol=0)


def test_a_class_given_as_a_number_or_as_weights_is_the_same() -> None:
    mapping = Mapping(4, 3, 8, 2)
    z, labels = torch.randn(3, 4), torch.tensor([2, 0, 1])
    assert_close(mapping(z, labels), mapping(z, torch.eye(3)[labels]))


def test_a_conditional_mapping_asks_for_classes() -> None:
    with pytest.raises(ValueError, match="3 classes: say which"):
        Mapping(4, 3, 8, 2)(torch.randn(3, 4), None)
