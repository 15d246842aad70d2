"""How well copies land on their originals: measured on the same images and the same damage after every epoch."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from moco.augment import frame
from moco.encoder import Encoder, embed
from moco.jpeg import compress
from moco.randomness import generator
from moco.settings import AugmentationSettings, EncoderSettings

TWIN = 0.95  # cosine of the pixels at 16 x 16 above which two images count as copies of one another
NEIGHBOURS = 200  # with the temperature, those of MoCo's demonstration on CIFAR-10
TEMPERATURE = 0.1
UNKNOWN = -1  # the label of an image whose class nobody knows
REFRAMED = AugmentationSettings(crop_scale=0.85, zoom_out=1.6, stretch=0)


@dataclass(frozen=True)
class Retrieval:
    """What the monitor measures; the images that are searched are its own, so the figures fall as it grows.

    Attributes:
        low_resolution: share of reduced, recompressed copies whose nearest image is their original (recall at 1).
        reframed: the same for copies that were padded or slightly cropped.
        alignment: mean squared distance of a low-resolution copy to its original, 0..4 (Wang and Isola 2020).
        uniformity: log of the mean of exp(-2 squared distance) over pairs of originals, -8..0; lower is more even;
            None where there is only one.
        knn: share of the labelled originals whose class the nearest others tell; None without labels.
    """

    low_resolution: float
    reframed: float
    alignment: float
    uniformity: float | None
    knn: float | None


class Monitor:
    """A fixed subset of the images, with copies of it.

    Of images that already are copies of one another only one is in it: otherwise a copy could land on a sibling of its
    original, which is no fault of the encoder.

    Attributes:
        originals: uint8 `[M, 3, S, S]`.
        labels: their classes, `[M]`, -1 for unknown; None without labels.
        low_resolution: copies reduced to 25 to 50 % of the side and enlarged again, through JPEG: uint8 `[M, 3, S, S]`.
        reframed: copies with a margin, or slightly cropped, uint8 `[M, 3, S, S]`.
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        settings: EncoderSettings,
        seed: int,
        labels: NDArray[np.integer] | None = None,
    ) -> None:
        order = torch.randperm(len(images), generator=generator(seed, "monitor")).numpy()
        chosen = np.sort(order[: settings.monitor])
        distinct = chosen[~_has_earlier_twin(images[chosen])]
        self.originals = images[distinct]
        self.labels = None if labels is None else labels[distinct]
        x = torch.from_numpy(self.originals) / 255
        self.low_resolution = _bytes(_low_resolution(x, seed))
        self.reframed = _bytes(frame(x, REFRAMED, generator(seed, "monitor frames")))

    def measure(self, encoder: Encoder, device: str) -> Retrieval:
        """Embed originals and copies, and search the originals for each copy."""
        originals, low, reframed = (
            embed(encoder, images, device=device) for images in (self.originals, self.low_resolution, self.reframed)
        )
        return Retrieval(
            low_resolution=retrieval(low, originals),
            reframed=retrieval(reframed, originals),
            alignment=float(np.square(low - originals).sum(axis=1).mean()),
            uniformity=uniformity(originals),
            knn=None if self.labels is None else knn_accuracy(originals, self.labels),
        )

    def pixels(self) -> tuple[float, float]:
        """Retrieval of low-resolution and of reframed copies by raw pixels: what the encoder has to beat."""
        originals, low, reframed = (_centred(x) for x in (self.originals, self.low_resolution, self.reframed))
        return retrieval(low, originals), retrieval(reframed, originals)


def retrieval(copies: NDArray[np.float32], originals: NDArray[np.float32]) -> float:
    """Share of copies whose most similar original, by inner product, is the one in the same row (recall at 1)."""
    return float(((copies @ originals.T).argmax(axis=1) == np.arange(len(copies))).mean())


def uniformity(vectors: NDArray[np.float32]) -> float | None:
    """Log of the mean Gaussian potential over pairs of different unit vectors (Wang and Isola 2020, eq. 3, t = 2).

    None where there is no pair.
    """
    if len(vectors) < 2:
        return None
    similarities = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return float(np.log(np.exp(4 * (similarities.astype(np.float64) - 1)).mean()))


def knn_accuracy(
    vectors: NDArray[np.float32], labels: NDArray[np.integer], k: int = NEIGHBOURS, temperature: float = TEMPERATURE
) -> float | None:
    """Share of images whose class wins the vote of their nearest neighbours (Wu et al. 2018), each left out in turn.

    A neighbour's vote weighs exp(cosine / temperature). An image that is alone in its class cannot be right.

    Args:
        vectors: unit vectors `[M, D]`.
        labels: classes `[M]`; images with -1 neither vote nor count.
        k: neighbours that vote; all others where there are fewer.
        temperature: the lower, the more the nearest decide.

    Returns:
        0..1; None where fewer than two images have a label.
    """
    known = labels != UNKNOWN
    if known.sum() < 2:
        return None
    vectors, (classes, own) = vectors[known], np.unique(labels[known], return_inverse=True)
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -np.inf)
    nearest = np.argsort(-similarities, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]  # [M, k]
    weights = np.exp(np.take_along_axis(similarities, nearest, axis=1).astype(np.float64) / temperature)
    votes = np.zeros((len(vectors), len(classes)))
    np.add.at(votes, (np.arange(len(vectors))[:, None], own[nearest]), weights)
    return float((votes.argmax(axis=1) == own).mean())


def _low_resolution(x: torch.Tensor, seed: int) -> torch.Tensor:
    """Every image at a quarter, a third or half of its side, by turns, and back, at JPEG quality 50."""
    copies = torch.empty_like(x)
    for turn, share in enumerate((1 / 4, 1 / 3, 1 / 2)):
        small = F.interpolate(x[turn::3], scale_factor=share, mode="bilinear", antialias=True)
        copies[turn::3] = F.interpolate(small, x.shape[-2:], mode="bicubic").clamp_(0, 1)
    return compress(copies, torch.full((len(x),), 50.0))


def _has_earlier_twin(images: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which images are nearly equal, at 16 x 16 pixels, to one before them, bool `[M]`."""
    small = F.interpolate(torch.from_numpy(images).float(), (16, 16), mode="area").numpy()
    vectors = _centred(small)
    return np.asarray((np.tril(vectors @ vectors.T, -1) > TWIN).any(axis=1))


def _bytes(x: torch.Tensor) -> NDArray[np.uint8]:
    return np.asarray((x * 255).round().to(torch.uint8).numpy())


def _centred(images: NDArray[Any]) -> NDArray[np.float32]:
    """Pixels of each image without their mean, as a unit vector, `[M, 3 S S]`."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return flat
