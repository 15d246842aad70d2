"""Split batch norm against ordinary batch norm on each part by itself."""

import pytest
import torch
from torch import nn

from moco.normalisation import SplitBatchNorm2d


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_each_part_is_normalised_as_if_it_were_alone(groups: int) -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    split, plain = SplitBatchNorm2d(3, groups).double(), nn.BatchNorm2d(3).double()
    for norm in (split, plain):
        nn.init.normal_(norm.weight, generator=torch.Generator().manual_seed(1))
        nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(2))
    expected = torch.cat([plain(part) for part in x.chunk(groups)])
    result = split(x)
    assert torch.allclose(result, expected, rtol=1e-12)
    weights = torch.randn(8, 3, 4, 4, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * weights).sum(), x)[0] for y in (result, expected)]
    assert torch.allclose(*gradients, rtol=1e-9)


def test_running_statistics_are_the_mean_over_the_parts_and_serve_in_evaluation() -> None:
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 + 5
    split = SplitBatchNorm2d(3, 4)
    split(x)
    parts = x.reshape(4, 2, 3, 4, 4).transpose(1, 2).flatten(2)  # [part, C, 2 x 4 x 4]
    assert torch.allclose(split.running_mean, 0.1 * parts.mean(dim=2).mean(dim=0), rtol=1e-5)
    assert torch.allclose(split.running_var, 0.9 + 0.1 * parts.var(dim=2).mean(dim=0), rtol=1e-5)
    split.eval()
    scaled = (x - split.running_mean[:, None, None]) / (split.running_var[:, None, None] + split.eps).sqrt()
    assert torch.allclose(split(x), scaled, atol=1e-5)
