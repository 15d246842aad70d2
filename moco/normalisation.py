"""Batch norm that cannot leak: statistics from parts of the batch (He et al. 2020, section 3.3)."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SplitBatchNorm2d(nn.BatchNorm2d):
    """Batch norm whose statistics come from parts of the batch, as if each part were on a device of its own.

    The key encoder sees the same images in another order, so that a query and its key do not share their statistics:
    otherwise the network solves the task by recognising the company instead of the image.

    Attributes:
        groups: number of parts; the batch must be divisible by it in training.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(channels)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `[N, C, H, W]` by its part of the batch in training, by the running statistics otherwise."""
        if not self.training:
            return super().forward(x)
        n, c, h, w = x.shape
        assert n % self.groups == 0, "the batch must be divisible by the groups"
        mean, variance = cast(Tensor, self.running_mean), cast(Tensor, self.running_var)
        means, variances = mean.repeat(self.groups), variance.repeat(self.groups)  # each part updates a copy of its own
        parts = x.reshape(self.groups, n // self.groups, c, h, w).transpose(0, 1)
        parts = parts.reshape(n // self.groups, self.groups * c, h, w)
        weight, bias = self.weight.repeat(self.groups), self.bias.repeat(self.groups)
        parts = F.batch_norm(parts, means, variances, weight, bias, True, cast(float, self.momentum), self.eps)
        with torch.no_grad():
            mean.copy_(means.view(self.groups, c).mean(dim=0))
            variance.copy_(variances.view(self.groups, c).mean(dim=0))
        return parts.reshape(n // self.groups, self.groups, c, h, w).transpose(0, 1).reshape(n, c, h, w)
