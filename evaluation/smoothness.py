"""Perceptual path length (Karras et al. 2019, section 4.1): how fast pictures change along a line between latents."""

from __future__ import annotations

import numpy as np

from evaluation.distances import Features, check

STEP = 1e-4  # share of a line between two latents, as published
TRIMMED = 0.01  # share of the lengths that is left out at either end, as published


def perceptual_path_length(start: Features, end: Features, step: float) -> float:
    """Mean squared distance of pictures that lie `step` apart on their lines, over the squared step.

    Published path lengths are measured in VGG's features; in other features they are other numbers.

    Args:
        start: features of the pictures at the beginning of each step, `[N, D]`.
        end: of those at its end, `[N, D]`.
        step: share of the line between two latents, such as 1e-4.

    Raises:
        ValueError: there are not as many of both, or none.
    """
    check(start, end)
    if len(start) != len(end):
        raise ValueError(f"{len(start)} beginnings and {len(end)} ends are no steps: give as many of both.")
    lengths = np.square(end.astype(np.float64) - start).sum(axis=1) / step**2
    low, high = np.quantile(lengths, [TRIMMED, 1 - TRIMMED], method="inverted_cdf")
    return float(lengths[(low <= lengths) & (lengths <= high)].mean())
