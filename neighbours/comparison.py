"""Are two pictures the same mark? Judged on aligned pixels, by local colour and by edges."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from neighbours.alignment import Pairs, align, gradients, warp

SIDE = 32  # of the comparison: copies of 20 to 30 pixels are common, and finer pixels of theirs are invented
WINDOW = 5  # pixels over which colours are averaged: resampling and JPEG cancel out in it, another letter does not
PAIRS_AT_ONCE = 512


@dataclass(frozen=True)
class Tolerance:
    """How much two pictures of the same mark may differ.

    Attributes:
        colour: largest difference of the colours averaged over a small window anywhere, 0..1.
        edges: energy of the edges' difference over the energy of the edges, 0 (equal) to 1 (unrelated) and up to 2.
        overlap: smallest share of the smaller picture that lies on the other.
    """

    colour: float = 0.16
    edges: float = 0.35
    overlap: float = 0.75


@dataclass(frozen=True)
class Differences:
    """What remains different in pairs of pictures after alignment, float32 `[P]` each; see `Tolerance`."""

    colour: NDArray[np.float32]
    edges: NDArray[np.float32]
    overlap: NDArray[np.float32]

    def within(self, tolerance: Tolerance) -> NDArray[np.bool_]:
        """Which pairs show the same mark, bool `[P]`."""
        same = (self.colour <= tolerance.colour) & (self.edges <= tolerance.edges) & (self.overlap >= tolerance.overlap)
        return np.asarray(same)


def compare(
    thumbnails: NDArray[np.uint8], sizes: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> Differences:
    """Align the pictures of each pair and measure what remains different.

    Args:
        thumbnails: uint8 `[N, 3, S, S]`, aspect kept, centred on white; may be memory-mapped.
        sizes: width and height of the pictures that they were made from, `[N, 2]`.
        first: rows of one picture of each pair, `[P]`.
        second: rows of the other, `[P]`.
    """
    parts = []
    for start in range(0, len(first), PAIRS_AT_ONCE):
        rows = (first[start : start + PAIRS_AT_ONCE], second[start : start + PAIRS_AT_ONCE])
        pictures = [_ink(thumbnails[row]) for row in rows]
        frames = [_frames(sizes[row]) for row in rows]
        with torch.inference_mode():
            parts.append(_differences(Pairs(*pictures, *frames)))
    columns = torch.cat(parts, dim=1).numpy() if parts else np.empty((3, 0), np.float32)
    return Differences(*columns)


def _differences(pairs: Pairs) -> Tensor:
    """Colour, edges and overlap of each pair, `[3, P]`; see `Tolerance`."""
    pose = align(pairs)
    a, b, frame_a, frame_b = pairs
    laid, frame_laid = warp(b, pose), warp(frame_b, pose)
    both = frame_a * (frame_laid > 0.99)
    areas = torch.minimum(frame_a.sum(dim=(1, 2, 3)), frame_b.sum(dim=(1, 2, 3)) / pose[:, 0].square())
    overlap = both.sum(dim=(1, 2, 3)) / areas
    both = -F.max_pool2d(-both, 3, 1, 1)  # the outermost pixels are mixed with what lies outside
    difference = F.avg_pool2d((laid - a) * both, WINDOW, 1, WINDOW // 2)
    colour = difference.abs().amax(dim=(1, 2, 3))
    edges_a, edges_b = (torch.cat(gradients(x), dim=1) * both for x in (a, laid))  # [P, 6, S, S]
    energy = (edges_a.square() + edges_b.square()).sum(dim=(1, 2, 3))
    edges = (edges_a - edges_b).square().sum(dim=(1, 2, 3)) / energy.clamp_min(1e-4)
    return torch.stack([colour, edges, overlap])


def _ink(thumbnails: NDArray[np.uint8]) -> Tensor:
    """What is not paper, 0..1, at the side of the comparison, `[P, 3, SIDE, SIDE]`."""
    return 1 - F.interpolate(torch.from_numpy(np.array(thumbnails)) / 255, (SIDE, SIDE), mode="area")


def _frames(sizes: NDArray[np.int64]) -> Tensor:
    """1 where the picture is, 0 where it was padded to a square, `[P, 1, SIDE, SIDE]`."""
    half = torch.from_numpy(sizes / sizes.max(axis=1, keepdims=True))  # of the picture, in halves of the square
    distance = ((torch.arange(SIDE) * 2 + 1) / SIDE - 1).abs()
    return ((distance <= half[:, :1])[:, None, :] & (distance <= half[:, 1:])[:, :, None])[:, None].float()
