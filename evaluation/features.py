"""Feature spaces: a frozen network that turns images into vectors, named so that each metric can name its space."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from evaluation.efficientnet import FEATURES, SIDE, load_efficientnet
from evaluation.weights import PACKAGED_SHA256

Images = NDArray[np.uint8] | NDArray[np.float32]
"""Of shades from 0 to 255; uint8 where they are pictures, float32 where rounding would hide what is measured."""
Features = NDArray[np.float32]


class FeatureNetwork(Protocol):
    """A space to measure in.

    Attributes:
        name: stands in the name of each metric that is measured here.
        dimensions: length D of a feature vector.
        digest: sha256 over the weights and the way images are prepared; statistics hold while it stays the same.
    """

    name: str
    dimensions: int
    digest: str

    def extract(self, images: Images) -> Features:
        """Features `[N, D]` of images `[N, C, H, W]`."""
        ...


class EfficientNetLite0:
    """1280 pooled features of EfficientNet-Lite0, trained to classify ImageNet.

    Of the frozen networks that install from a package index it finds a logo's second rendering best (recall at 1 of
    0.80 against 0.63 for a small vision transformer), and it shares no training data with the pipeline's own encoder.

    Args:
        device: a torch device.
        batch: images that go through the network together; it changes speed and memory only.
    """

    name = "efficientnet-lite0"
    dimensions = FEATURES
    digest = hashlib.sha256(f"{name} {PACKAGED_SHA256} white, bicubic antialiased to {SIDE}".encode()).hexdigest()

    def __init__(self, device: str = "cpu", batch: int = 32) -> None:
        self._device = torch.device(device)
        self._batch = batch
        self._network = load_efficientnet().to(self._device)

    def extract(self, images: Images) -> Features:
        """Features of square images.

        Args:
            images: `[N, C, S, S]`: gray (C = 1), RGB (3), or RGBA (4), which is laid on white.

        Returns:
            float32 `[N, 1280]`.

        Raises:
            ValueError: the images are not square, or have another number of channels.
        """
        return in_batches(lambda batch: self._network(prepare(batch)), images, FEATURES, self._batch, self._device)


def in_batches(
    network: Callable[[Tensor], Tensor], images: Images, dimensions: int, batch: int, device: torch.device
) -> Features:
    """Features `[N, dimensions]` of images `[N, 1, 3 or 4, S, S]`, which a network describes a batch at a time.

    Raises:
        ValueError: the images are not square, or have another number of channels.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3, 4) or images.shape[2] != images.shape[3]:
        raise ValueError(f"Images of shape {images.shape} have no features: give [N, 1, 3 or 4 channels, side, side].")
    features = np.empty((len(images), dimensions), np.float32)
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            copied = np.array(images[start : start + batch])  # images may be a read-only map
            found = network(torch.from_numpy(copied).to(device))
            features[start : start + len(found)] = found.cpu().numpy()
    return features


def on_white(images: Tensor) -> Tensor:
    """Images `[N, C, S, S]` of 1, 3 or 4 channels as RGB, `[N, 3, S, S]` of shades in float32."""
    x = images.float()
    if x.shape[1] == 4:
        alpha = x[:, 3:] / 255
        x = x[:, :3] * alpha + 255 * (1 - alpha)
    return x.expand(-1, 3, -1, -1)


def prepare(images: Tensor) -> Tensor:
    """Lay images `[N, C, S, S]` on white and resize them to `[N, 3, 224, 224]`, scaled as (x - 127) / 128.

    Resizing without antialiasing shifts Fréchet distances by several points (Parmar et al. 2022), so it is on.
    """
    x = F.interpolate(on_white(images), (SIDE, SIDE), mode="bicubic", antialias=True, align_corners=False)
    return x.clamp(0, 255).sub_(127).div_(128)
