"""Pictures from a trained generator: seeds and classes become w, and w become pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.checkpoints import load_generator
from stylegan2.generator import Centre, Generator
from stylegan2.grids import to_uint8
from stylegan2.streams import stream
from stylegan2.synthesis import Noise, StoredNoise

__all__ = ["NoiseMode", "class_weights", "generate", "latents", "load_generator", "mapped", "render", "synthesised"]

BATCH = 32

NoiseMode = Literal["const", "random", "none"]

Classes = Sequence[int] | Tensor
"""The class of each picture; or, for mixes, the weights of all classes for each, float `[N, classes]`."""


def generate(
    generator: Generator,
    seeds: Sequence[int],
    classes: Classes | None = None,
    truncation: float = 1.0,
    noise: NoiseMode | Sequence[NoiseMode] = "const",
    centre: Centre = "class",
) -> NDArray[np.uint8]:
    """Generate a picture for each seed.

    Args:
        generator: from `load_generator`.
        seeds: one for each picture.
        classes: of each picture; None for a generator without classes.
        truncation: 1 for full variety, less for more typical pictures, 0 for the average.
        noise: "const" for the stored one, "random" for that of the picture's own seed, "none"; or one for each layer.
        centre: truncation pulls towards the average of the picture's class, or of all.

    Returns:
        uint8 `[N, C, H, W]`.
    """
    ws = mapped(generator, seeds, classes, truncation, centre)
    return render(generator, ws, noise, seeds)


def latents(generator: Generator, seeds: Sequence[int]) -> Tensor:
    """The z of each seed, `[N, z_dim]`."""
    z = [torch.randn(generator.settings.z_dim, generator=stream(seed, "latent", 0)) for seed in seeds]
    return torch.stack(z).to(generator.w_avg.device)


def class_weights(generator: Generator, classes: Classes | None, count: int) -> Tensor | None:
    """How much each class counts for each of `count` pictures, float `[N, classes]`; None without classes.

    Raises:
        ValueError: the classes are not those of this generator.
    """
    known = generator.settings.classes
    if not known:
        if classes is not None:
            raise ValueError("This generator has no classes: leave them out.")
        return None
    if isinstance(classes, Tensor):
        if classes.shape == (count, known):
            return classes.to(generator.w_avg)
    elif classes is not None and len(classes) == count and all(0 <= label < known for label in classes):
        return torch.nn.functional.one_hot(torch.tensor(list(classes)), known).to(generator.w_avg)
    raise ValueError(f"This generator has classes 0 to {known - 1}: give one for each of the {count} seeds.")


@torch.no_grad()
def mapped(
    generator: Generator,
    seeds: Sequence[int],
    classes: Classes | None,
    truncation: float = 1.0,
    centre: Centre = "class",
    layers: int | None = None,
) -> Tensor:
    """The w of each seed and class, truncated (in the first so many layers, if a number is given), `[N, L, w_dim]`.

    Raises:
        ValueError: the classes are not those of this generator.
    """
    weights = class_weights(generator, classes, len(seeds))
    ws = generator.map(latents(generator, seeds), weights)
    return generator.truncate(ws, truncation, weights, centre, layers)


def render(
    generator: Generator,
    ws: Tensor,
    noise: NoiseMode | Sequence[NoiseMode] = "const",
    seeds: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Synthesise w `[N, L, w_dim]` to uint8 `[N, C, H, W]`; see `synthesised`."""
    return np.concatenate([to_uint8(part) for part in _in_batches(generator, ws, noise, seeds)])


def synthesised(
    generator: Generator,
    ws: Tensor,
    noise: NoiseMode | Sequence[NoiseMode] = "const",
    seeds: Sequence[int] | None = None,
) -> Tensor:
    """Synthesise w, in batches.

    Args:
        generator: from `load_generator`.
        ws: `[N, L, w_dim]`.
        noise: one for all layers, or one for each.
        seeds: of each picture's random noise; unused without such noise.

    Returns:
        float `[N, C, H, W]`, about -1 to 1, neither clipped nor rounded.
    """
    return torch.cat(list(_in_batches(generator, ws, noise, seeds)))


@torch.no_grad()
def _in_batches(
    generator: Generator, ws: Tensor, noise: NoiseMode | Sequence[NoiseMode], seeds: Sequence[int] | None
) -> Iterator[Tensor]:
    modes = [noise] * generator.settings.layers if isinstance(noise, str) else noise
    assert len(modes) == generator.settings.layers, "noise has a mode for each layer"
    assert "random" not in modes or seeds is not None, "random noise is drawn from the seed of each picture"
    for first in range(0, len(ws), BATCH):
        yield generator.synthesis(ws[first : first + BATCH], _noise(generator, modes, seeds, first))


def _noise(generator: Generator, modes: Sequence[NoiseMode], seeds: Sequence[int] | None, first: int) -> Noise:
    if "random" not in modes:
        return [_stored(mode) for mode in modes]
    assert seeds is not None
    each = [generator.synthesis.draw_noise(1, stream(seed, "noise", 0)) for seed in seeds[first : first + BATCH]]
    drawn = [torch.cat(layer).to(generator.w_avg.device) for layer in zip(*each, strict=True)]
    return [own if mode == "random" else _stored(mode) for mode, own in zip(modes, drawn, strict=False)]


def _stored(mode: NoiseMode) -> StoredNoise:
    return "none" if mode == "none" else "const"
