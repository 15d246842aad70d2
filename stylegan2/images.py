"""The training images and their order."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.streams import stream


class TrainingImages:
    """Images and labels, read batch by batch in an order that depends on the seed alone.

    Args:
        pixels: uint8 `[N, C, H, W]`; a memory map is read as it is needed.
        labels: class of each image, int64 `[N]`, or None.
        seed: of the order.
        device: where batches go.
        mirror: half of the images of a batch, at random, are mirrored.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64] | None,
        seed: int,
        device: torch.device,
        mirror: bool = False,
    ) -> None:
        self.pixels, self.seed, self.device, self.mirror = pixels, seed, device, mirror
        self.labels = None if labels is None else torch.from_numpy(np.array(labels, dtype=np.int64)).to(device)
        self._orders: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor | None]:
        """The batch of a step: images `[count, C, H, W]`, -1 to 1, and labels `[count]`."""
        chosen = self.indices(step * count, count)
        pixels = np.stack([self.pixels[index] for index in chosen.tolist()])
        images = torch.from_numpy(pixels).to(self.device).to(torch.float32) / 127.5 - 1
        if self.mirror:
            random = stream(self.seed, "mirror", step, self.device)
            flip = torch.rand(count, generator=random, device=self.device) < 0.5
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return images, None if self.labels is None else self.labels[chosen.to(self.device)]

    def indices(self, first: int, count: int) -> Tensor:
        """Which images stand at places `first` ... `first + count - 1` of the endless order, `[count]`."""
        return torch.stack(
            [self._order(place // len(self))[place % len(self)] for place in range(first, first + count)]
        )

    def draw_labels(self, count: int, random: torch.Generator) -> Tensor | None:
        """Labels for fakes, as frequent as among the images, `[count]`."""
        if self.labels is None:
            return None
        return self.labels[torch.randint(len(self), (count,), generator=random, device=self.device)]

    def _order(self, epoch: int) -> Tensor:
        if epoch not in self._orders:
            order = torch.randperm(len(self), generator=stream(self.seed, "order", epoch))
            self._orders = {epoch - 1: self._orders.get(epoch - 1, order), epoch: order}
        return self._orders[epoch]
