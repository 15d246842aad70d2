"""Colours that a group of logos shares, and colours that tell groups apart, both as eyes measure (Oklab)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]

# Ottosson, "A perceptual color space for image processing", 2020: linear sRGB to cones, their cube roots to Lab.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LEVELS = 16  # per channel
PAPER = 0.04  # Oklab distance from white within which a pixel counts as paper
ALIKE = 0.13  # Oklab distance within which colours count as one: shades that anti-aliasing and JPEG make of a colour


@dataclass(frozen=True)
class Swatch:
    """One dominant colour.

    Attributes:
        colour: red, green, blue, 0..255.
        share: of the ink of the logos, 0..1, each logo counting the same.
    """

    colour: RGB
    share: float

    @property
    def name(self) -> str:
        """As style sheets write it: `#1a2b3c`."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


def to_oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Oklab `[..., 3]` (lightness 0..1, green to red, blue to yellow) of sRGB `[..., 3]` in 0..1."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T)


def to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sRGB `[..., 3]` in 0..1 of Oklab `[..., 3]`; colours that a screen cannot show are clipped."""
    linear = np.maximum((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_CONES).T, 0)
    return np.clip(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055), 0, 1)


def dominant_colours(squares: NDArray[np.uint8], count: int = 5) -> tuple[Swatch, ...]:
    """The colours that cover most of the ink of some logos, most first; white paper is no ink.

    Pixels are counted in a histogram of 16 levels per channel. The colour with most ink among those that look like it
    takes these in, then the same among the rest, and so on (popularity, Heckbert 1982, by distances as eyes see them).

    Args:
        squares: logos on white, uint8 RGB `[N, 3, S, S]`.
        count: colours at most.

    Returns:
        At most `count` colours; none where all is paper.
    """
    weights, sums = _histogram(squares)
    filled = np.flatnonzero(weights)
    weights, means = weights[filled], sums[filled] / weights[filled, None]
    total = weights.sum()
    alike = _within(means, ALIKE)
    found: list[Swatch] = []
    while len(found) < count and weights.any():
        near = alike[(alike @ weights).argmax()] & (weights > 0)
        colour = to_srgb(np.average(means[near], axis=0, weights=weights[near]))
        red, green, blue = (round(255 * channel) for channel in colour.tolist())
        found.append(Swatch((red, green, blue), float(weights[near].sum() / total)))
        weights[near] = 0
    return tuple(sorted(found, key=lambda swatch: -swatch.share))


def _within(points: NDArray[np.float64], distance: float) -> NDArray[np.bool_]:
    """Which of the points `[N, 3]` are no farther apart than a distance, `[N, N]`."""
    single = points.astype(np.float32)  # at most 4096 points, or 64 MiB
    squares = (single**2).sum(axis=1)
    return np.asarray(squares[:, None] + squares - 2 * single @ single.T <= distance**2)


def _histogram(squares: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight `[4096]` of each colour over the ink of all logos, and the sum of Oklab `[4096, 3]` by weight."""
    weights, sums = np.zeros(LEVELS**3), np.zeros((LEVELS**3, 3))
    for square in squares:  # one at a time: the cube roots of all would take eight times the memory of the pictures
        pixels = square.reshape(3, -1).T
        lab = to_oklab(pixels / 255)
        ink = np.linalg.norm(lab - [1, 0, 0], axis=1) > PAPER
        if ink.any():
            red, green, blue = (pixels[ink] // (256 // LEVELS)).astype(np.int64).T
            bins = (red * LEVELS + green) * LEVELS + blue
            weights += np.bincount(bins, minlength=LEVELS**3) / ink.sum()
            for channel in range(3):
                sums[:, channel] += np.bincount(bins, lab[ink, channel], minlength=LEVELS**3) / ink.sum()
    return weights, sums


def distinct_colours(count: int) -> tuple[str, ...]:
    """Colours to tell groups apart on white and on near black, as `#1a2b3c`: hues in even steps, two lightnesses."""
    hues = 2 * np.pi * (np.arange(count) / max(count, 1) + 0.07)
    lightness = np.where(np.arange(count) % 2 == 0, 0.58, 0.69)
    chroma = np.full(count, 0.16)
    rgb = to_srgb(np.stack([lightness, chroma * np.cos(hues), chroma * np.sin(hues)], axis=1))
    return tuple("#{:02x}{:02x}{:02x}".format(*(round(255 * c) for c in colour)) for colour in rgb.tolist())
