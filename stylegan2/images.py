"""The training images and their order."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.streams import stream

RESIDENT_SHARE = 0.25  # of a GPU's free memory: images that fit there move to it, and the rest stays for training


class TrainingImages:
    """Images and labels, read batch by batch in an order that depends on the seed alone.

    Args:
        pixels: uint8 `[N, C, H, W]`. They live on a GPU where they fit; else, and on a CPU, they are read as they are
            needed, from a memory map for instance.
        labels: class of each image, int64 `[N]`, or None.
        seed: of the order.
        device: where batches go.
        mirror: half of the images of a batch, at random, are mirrored.
        balanced: every class that has images is shown equally often; else each image is.
    """

    def __init__(
        self,
        pixels: NDArray[np.uint8],
        labels: NDArray[np.int64] | None,
        seed: int,
        device: torch.device,
        *,
        mirror: bool = False,
        balanced: bool = False,
    ) -> None:
        self.pixels, self.seed, self.device, self.mirror = pixels, seed, device, mirror
        self.labels = None if labels is None else torch.from_numpy(np.array(labels, dtype=np.int64)).to(device)
        self._resident = torch.from_numpy(np.array(pixels)).to(device) if _fits(pixels, device) else None
        present = np.unique(labels) if balanced and labels is not None else None
        self._present = None if present is None else torch.from_numpy(present).to(device)
        # Images are dealt from one deck, or from one deck for each class in turn.
        self._decks = [np.arange(len(pixels))] if present is None else [np.flatnonzero(labels == c) for c in present]
        self._order = lru_cache(maxsize=4 * len(self._decks))(self._shuffled)

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, step: int, count: int, share: int = 0, shares: int = 1) -> tuple[Tensor, Tensor | None]:
        """A share of the batch of a step.

        Args:
            step: steps before it.
            count: images in the whole batch.
            share: the share takes every `shares`-th image, from this one.
            shares: number of shares.

        Returns:
            Images `[count / shares, C, H, W]`, -1 to 1, and labels `[count / shares]`.
        """
        chosen = self.indices(step * count, count)[share::shares]
        there = chosen.to(self.device)
        if self._resident is not None:
            pixels = self._resident[there]
        else:
            pixels = torch.from_numpy(np.stack([self.pixels[index] for index in chosen.tolist()])).to(self.device)
        images = pixels.to(torch.float32) / 127.5 - 1
        if self.mirror:
            random = stream(self.seed, "mirror", step, self.device)
            flip = torch.rand(count, generator=random, device=self.device)[share::shares] < 0.5
            images = torch.where(flip[:, None, None, None], images.flip(3), images)
        return images, None if self.labels is None else self.labels[there]

    def indices(self, first: int, count: int) -> Tensor:
        """Which images stand at places `first` ... `first + count - 1` of the endless order, `[count]`."""
        return torch.tensor([self._image_at(place) for place in range(first, first + count)])

    def draw_labels(self, count: int, random: torch.Generator) -> Tensor | None:
        """Labels for fakes, as frequent as among the images that are shown, `[count]`."""
        if self.labels is None:
            return None
        labels = self.labels if self._present is None else self._present
        return labels[torch.randint(len(labels), (count,), generator=random, device=self.device)]

    def _image_at(self, place: int) -> int:
        turn, seat = divmod(place, len(self._decks))
        deck = self._order("decks", turn, len(self._decks))[seat] if len(self._decks) > 1 else 0
        lap, position = divmod(turn, len(self._decks[deck]))
        return int(self._decks[deck][self._order(f"order {deck}", lap, len(self._decks[deck]))[position]])

    def _shuffled(self, purpose: str, lap: int, count: int) -> NDArray[np.int64]:
        return torch.randperm(count, generator=stream(self.seed, purpose, lap)).numpy()


def _fits(pixels: NDArray[np.uint8], device: torch.device) -> bool:
    return device.type == "cuda" and pixels.nbytes <= RESIDENT_SHARE * torch.cuda.mem_get_info(device)[0]
