"""Where augmentations take their numbers from: a random stream, or one quantile for everything."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Draws(Protocol):
    """One number for each of a batch of images, from a named distribution; all results are `[N]`.

    They are float64, so that what is computed from them does not depend on how a batch is divided.
    """

    def uniform(self, low: float, high: float, *, again: bool = False) -> Tensor:
        """Uniform on [low, high]; `again` marks the second draw of one and the same operation."""

    def normal(self, deviation: float) -> Tensor:
        """Normal with mean 0."""

    def choice(self, count: int) -> Tensor:
        """One of 0 ... count - 1, as a float64."""

    def applied(self, probability: Tensor) -> Tensor:
        """Whether an operation is applied, with a probability (scalar) that is the same for all images."""

    def noise(self, shape: torch.Size) -> Tensor:
        """Unit normal numbers `[N, *shape]`, float32."""


class RandomDraws:
    """Draws for a share of a batch, which are those that the whole batch would get.

    Args:
        random: stream of this batch; every share starts its own from the same seed.
        batch: images in the whole batch.
        share: the share takes every `shares`-th image, from this one.
        shares: number of shares.
    """

    def __init__(self, random: torch.Generator, batch: int, share: int = 0, shares: int = 1) -> None:
        self.random, self.batch, self.share, self.shares = random, batch, share, shares

    def uniform(self, low: float, high: float, *, again: bool = False) -> Tensor:
        """Uniform on [low, high], `[N]`."""
        unit = torch.rand(self.batch, generator=self.random, device=self.random.device, dtype=torch.float64)
        return self._mine(unit) * (high - low) + low

    def normal(self, deviation: float) -> Tensor:
        """Normal with mean 0, `[N]`."""
        unit = torch.randn(self.batch, generator=self.random, device=self.random.device, dtype=torch.float64)
        return self._mine(unit) * deviation

    def choice(self, count: int) -> Tensor:
        """One of 0 ... count - 1, `[N]`."""
        return self.uniform(0, count).floor().clamp(max=count - 1)

    def applied(self, probability: Tensor) -> Tensor:
        """True with the probability, `[N]`."""
        return self.uniform(0, 1) < probability

    def noise(self, shape: torch.Size) -> Tensor:
        """Unit normal numbers `[N, *shape]`."""
        return self._mine(torch.randn(self.batch, *shape, generator=self.random, device=self.random.device))

    def _mine(self, values: Tensor) -> Tensor:
        return values[self.share :: self.shares]


class FixedDraws:
    """Every operation applied, every draw at the same quantile: what tests and reference numbers compare.

    Args:
        quantile: between 0 and 1.
        batch: number of images.
    """

    def __init__(self, quantile: float, batch: int) -> None:
        self.quantile = torch.full((batch,), quantile, dtype=torch.float64)

    def uniform(self, low: float, high: float, *, again: bool = False) -> Tensor:
        """The quantile of the distribution; its middle when drawn again, so that nothing is applied twice."""
        return torch.full_like(self.quantile, (low + high) / 2) if again else low + self.quantile * (high - low)

    def normal(self, deviation: float) -> Tensor:
        """`deviation * erfinv(2 q - 1)`, as the reference numbers have it: without the factor sqrt(2)."""
        return torch.erfinv(2 * self.quantile - 1) * deviation

    def choice(self, count: int) -> Tensor:
        """`floor(q count)`."""
        return torch.floor(self.quantile * count).clamp(max=count - 1)

    def applied(self, probability: Tensor) -> Tensor:
        """Always."""
        return torch.ones_like(self.quantile, dtype=torch.bool)

    def noise(self, shape: torch.Size) -> Tensor:
        """The same quantile everywhere."""
        return self.normal(1.0).reshape(-1, *[1] * len(shape)).expand(-1, *shape)
