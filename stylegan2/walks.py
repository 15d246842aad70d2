"""Ways from picture to picture, through any number of keyframes: straight or along great circles, open or closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.generator import Centre, Generator
from stylegan2.sampling import Classes, class_weights, latents, mapped, synthesised

Curve = Literal["linear", "spherical"]


def slerp(first: Tensor, last: Tensor, weight: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985) between vectors `[..., D]`, at weights that broadcast with `[..., 1]`."""
    cosine = torch.nn.functional.cosine_similarity(first, last, dim=-1).clamp(-1, 1).unsqueeze(-1)
    angle = cosine.acos()
    # Near 0 the great circle is a straight line, and the sine too small to divide by.
    straight = angle < 1e-4
    sine = torch.where(straight, 1.0, angle.sin())
    arc = (((1 - weight) * angle).sin() * first + (weight * angle).sin() * last) / sine
    return torch.where(straight, torch.lerp(first, last, weight), arc)


def walk(keys: Tensor, steps: int, curve: Curve = "linear", loop: bool = False) -> Tensor:
    """Go through keyframes, at an even pace from each to the next.

    Args:
        keys: `[K, ..., D]`, K at least 2.
        steps: steps from a keyframe to the next.
        curve: straight lines, or great circles of the last dimension.
        loop: go on from the last keyframe to the first.

    Returns:
        `[(K - 1) steps + 1, ..., D]`, both ends included. For a loop `[K steps, ..., D]`: the step from the last of
        them to the first is the one that closes it.
    """
    ahead = keys.roll(-1, dims=0)
    legs = len(keys) if loop else len(keys) - 1
    weight = (torch.arange(steps, device=keys.device, dtype=keys.dtype) / steps).reshape(-1, *[1] * (keys.ndim - 1))
    between = torch.lerp if curve == "linear" else slerp
    points = [between(keys[leg], ahead[leg], weight) for leg in range(legs)]
    return torch.cat(points if loop else [*points, keys[-1:]])


def walk_in_w(generator: Generator, ws: Tensor, steps: int, curve: Curve = "linear", loop: bool = False) -> Tensor:
    """Go through keyframes `[K, L, w_dim]` in w; great circles are those around the average w. See `walk`."""
    if curve == "linear":
        return walk(ws, steps, curve, loop)
    return walk(ws - generator.w_avg, steps, curve, loop) + generator.w_avg


@torch.no_grad()
def walk_in_z(
    generator: Generator,
    seeds: Sequence[int],
    classes: Classes | None,
    steps: int,
    curve: Curve = "spherical",
    loop: bool = False,
    truncation: float = 1.0,
    centre: Centre = "class",
    layers: int | None = None,
) -> Tensor:
    """Go through the z of seeds, blending classes linearly on the way; w `[points, L, w_dim]`. See `walk`."""
    z = walk(latents(generator, seeds), steps, curve, loop)
    weights = class_weights(generator, classes, len(seeds))
    blended = None if weights is None else walk(weights, steps, "linear", loop)
    return generator.truncate(generator.map(z, blended), truncation, blended, centre, layers)


def path_steps(
    generator: Generator, seeds: Sequence[tuple[int, int]], classes: Sequence[int] | None, step: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pictures at the beginning of the lines in w between pairs of seeds, and a step further, not truncated.

    Args:
        generator: from `load_generator`.
        seeds: where each line begins and ends.
        classes: class of each line, None without classes.
        step: share of the line.

    Returns:
        Two float32 `[N, C, H, W]`, about 0 to 255, neither rounded nor clipped, so that small steps are seen.
    """
    first, last = (mapped(generator, [pair[end] for pair in seeds], classes) for end in (0, 1))
    start, end = (
        ((synthesised(generator, torch.lerp(first, last, weight)) + 1) * 127.5).cpu().numpy() for weight in (0.0, step)
    )
    return start, end
