"""Pictures from a trained generator: by seed and class, between two of them, and mixed from two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.checkpoints import load_generator
from stylegan2.generator import Centre, Generator
from stylegan2.grids import to_uint8
from stylegan2.streams import stream
from stylegan2.synthesis import Noise

__all__ = ["generate", "interpolate", "latents", "load_generator", "mix", "path_steps", "render", "slerp"]

NoiseMode = Literal["const", "random", "none"]
BATCH = 32


def generate(
    generator: Generator,
    seeds: Sequence[int],
    classes: Sequence[int] | None = None,
    truncation: float = 1.0,
    noise: NoiseMode = "const",
    centre: Centre = "class",
) -> NDArray[np.uint8]:
    """Generate a picture for each seed.

    Args:
        generator: from `load_generator`.
        seeds: one for each picture.
        classes: class of each picture; None for a generator without classes.
        truncation: 1 for full variety, less for more typical pictures, 0 for the average.
        noise: "const" for the stored noise, "random" for noise of the picture's own seed, "none".
        centre: truncation pulls towards the average of the picture's class, or of all.

    Returns:
        uint8 `[N, C, H, W]`.
    """
    ws = mapped(generator, seeds, classes, truncation, centre)
    return render(generator, ws, noise, seeds)


def interpolate(
    generator: Generator,
    seeds: tuple[int, int],
    steps: int,
    classes: tuple[int, int] | None = None,
    space: Literal["w", "z"] = "w",
    truncation: float = 1.0,
    centre: Centre = "class",
) -> NDArray[np.uint8]:
    """Go from one picture to another: on a straight line in w, or along a great circle in z.

    In z, classes are blended linearly on the way. Returns uint8 `[steps, C, H, W]`, both ends included.
    """
    ends = torch.tensor([0, 1])
    weight = torch.linspace(0, 1, steps)[:, None]
    if space == "w":
        first, last = mapped(generator, seeds, classes, truncation, centre)
        ws = torch.lerp(first, last, weight[:, :, None].to(first.device))
    else:
        z = latents(generator, seeds)
        labels = None
        if classes is not None:
            kinds = torch.nn.functional.one_hot(torch.tensor(classes), generator.settings.classes).float()[ends]
            labels = torch.lerp(kinds[0], kinds[1], weight).to(z.device)
        with torch.no_grad():
            z = slerp(z[0], z[1], weight.to(z.device))
            ws = generator.truncate(generator.map(z, labels), truncation, labels, centre)
    return render(generator, ws)


def mix(
    generator: Generator,
    row_seeds: Sequence[int],
    column_seeds: Sequence[int],
    layers: Sequence[int],
    row_classes: Sequence[int] | None = None,
    column_classes: Sequence[int] | None = None,
    truncation: float = 1.0,
    centre: Centre = "class",
) -> NDArray[np.uint8]:
    """Give each row's picture the styles of each column's in some layers.

    Args:
        generator: from `load_generator`.
        row_seeds: pictures that keep the other layers.
        column_seeds: pictures that give `layers`.
        layers: indices; low ones are coarse (shape), high ones fine (colour).
        row_classes: class of each row, None without classes.
        column_classes: class of each column, None without classes.
        truncation: as in `generate`.
        centre: as in `generate`.

    Returns:
        uint8 `[rows, columns, C, H, W]`.
    """
    rows = mapped(generator, row_seeds, row_classes, truncation, centre)
    columns = mapped(generator, column_seeds, column_classes, truncation, centre)
    ws = rows[:, None].repeat(1, len(columns), 1, 1)
    chosen = list(layers)
    ws[:, :, chosen] = columns[None, :, chosen].expand(len(rows), -1, -1, -1)
    pictures = render(generator, ws.flatten(0, 1))
    return pictures.reshape(len(rows), len(columns), *pictures.shape[1:])


def latents(generator: Generator, seeds: Sequence[int]) -> Tensor:
    """The z of each seed, `[N, z_dim]`."""
    z = [torch.randn(generator.settings.z_dim, generator=stream(seed, "latent", 0)) for seed in seeds]
    return torch.stack(z).to(generator.w_avg.device)


@torch.no_grad()
def mapped(
    generator: Generator, seeds: Sequence[int], classes: Sequence[int] | None, truncation: float, centre: Centre
) -> Tensor:
    """The truncated w of each seed and class, `[N, layers, w_dim]`.

    Raises:
        ValueError: the classes are not those of this generator.
    """
    known = generator.settings.classes
    if known and (classes is None or len(classes) != len(seeds) or not all(0 <= label < known for label in classes)):
        raise ValueError(f"This generator has classes 0 to {known - 1}: give one for each of the {len(seeds)} seeds.")
    if classes is not None and not known:
        raise ValueError("This generator has no classes: leave them out.")
    z = latents(generator, seeds)
    labels = None if classes is None else torch.tensor(list(classes), device=z.device)
    return generator.truncate(generator.map(z, labels), truncation, labels, centre)


@torch.no_grad()
def render(
    generator: Generator, ws: Tensor, noise: NoiseMode = "const", seeds: Sequence[int] | None = None
) -> NDArray[np.uint8]:
    """Synthesise w `[N, layers, w_dim]`, in batches, to uint8 `[N, C, H, W]`; random noise needs the seeds."""
    pictures = []
    for first in range(0, len(ws), BATCH):
        part = ws[first : first + BATCH]
        chosen: Noise = "none" if noise == "none" else "const"
        if noise == "random":
            assert seeds is not None, "random noise is drawn from the seed of each picture"
            chosen = _noise_of_seeds(generator, seeds[first : first + BATCH])
        pictures.append(to_uint8(generator.synthesis(part, chosen)))
    return np.concatenate(pictures)


@torch.no_grad()
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
    first, last = (mapped(generator, [pair[end] for pair in seeds], classes, 1.0, "class") for end in (0, 1))
    start, end = (
        ((generator.synthesis(torch.lerp(first, last, weight)) + 1) * 127.5).cpu().numpy() for weight in (0.0, step)
    )
    return start, end


def slerp(first: Tensor, last: Tensor, weight: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985) between vectors `[D]` at weights `[S, 1]`: `[S, D]`."""
    cosine = torch.nn.functional.cosine_similarity(first, last, dim=0).clamp(-1, 1)
    angle = cosine.acos()
    if angle < 1e-4:  # the great circle is a straight line here, and the sine below too small to divide by
        return torch.lerp(first, last, weight)
    return (((1 - weight) * angle).sin() * first + (weight * angle).sin() * last) / angle.sin()


def _noise_of_seeds(generator: Generator, seeds: Sequence[int]) -> list[Tensor]:
    each = [generator.synthesis.draw_noise(1, stream(seed, "noise", 0)) for seed in seeds]
    return [torch.cat(layer).to(generator.w_avg.device) for layer in zip(*each, strict=True)]
