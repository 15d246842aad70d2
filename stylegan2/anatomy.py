"""What a picture is made of: each size's contribution to it, and what the noise does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stylegan2.generator import Generator
from stylegan2.sampling import NoiseMode, synthesised


@torch.no_grad()
def contributions(
    generator: Generator,
    ws: Tensor,
    noise: NoiseMode | Sequence[NoiseMode] = "const",
    seeds: Sequence[int] | None = None,
) -> Tensor:
    """The pictures that add up to the picture, one for each size (Karras et al. 2020, section 4.1, figure 7).

    Every block of the skip architecture adds its own picture to the doubled one so far. Doubling is linear, so each
    block's picture, doubled until it has the full size, is one addend.

    Args:
        generator: from `load_generator`.
        ws: `[N, L, w_dim]`.
        noise: as in `synthesised`.
        seeds: as in `synthesised`.

    Returns:
        `[sizes, N, C, H, W]`, the smallest size first; their sum is the picture, about -1 to 1.
    """
    own: list[list[Tensor]] = [[] for _ in generator.settings.sizes]

    def keep(level: int) -> Any:
        def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], picture: Tensor) -> None:
            own[level].append(picture)

        return hook

    hooks = [module.register_forward_hook(keep(level)) for level, module in enumerate(generator.synthesis.pictures)]
    try:
        synthesised(generator, ws, noise, seeds)
    finally:
        for handle in hooks:
            handle.remove()
    addends = []
    for level, batches in enumerate(own):
        addend = torch.cat(batches)
        for _ in range(level + 1, len(own)):
            addend = generator.synthesis.resampler.upsample(addend)
        addends.append(addend)
    return torch.stack(addends)


def noise_deviation(generator: Generator, ws: Tensor, draws: int) -> Tensor:
    """How much each pixel changes with the noise: its standard deviation over draws (Karras et al. 2019, figure 4).

    Args:
        generator: from `load_generator`.
        ws: `[N, L, w_dim]`.
        draws: of noise, at least 2; the same for every picture.

    Returns:
        `[N, H, W]`, in the units of pictures, whose range is 2; of colours the mean variance is taken.
    """
    pictures = torch.stack([synthesised(generator, ws, "random", [draw] * len(ws)) for draw in range(draws)])
    return pictures.var(dim=0).mean(dim=1).sqrt()
