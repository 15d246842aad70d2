"""The layers of a generator by name: coarse ones decide on shape, middle ones on parts, fine ones on colour."""

from __future__ import annotations

import numpy as np

from stylegan2.settings import NetworkSettings

GROUPS = ("coarse", "middle", "fine")


def layer_groups(settings: NetworkSettings) -> dict[str, range]:
    """The layers of each group, as indices of w.

    Each group has a third of the sizes that the picture grows through, the coarse ones first to get what is left over.
    For pictures of 64 and 128 px these are the published groups (Karras et al. 2019, section 3.1): coarse up to 8 px,
    middle 16 to 32 px, fine above.
    """
    groups: dict[str, range] = {}
    for name, levels in zip(GROUPS, np.array_split(np.arange(len(settings.sizes)), len(GROUPS)), strict=True):
        layers = [layer for level in levels for layer in layers_of_size(settings, int(level))]
        groups[name] = range(layers[0], layers[-1] + 1) if layers else range(0)
    return groups


def layers_of_size(settings: NetworkSettings, level: int) -> range:
    """The layers that work at one of `settings.sizes`; the largest size also has the last picture's."""
    last = settings.layers if level == len(settings.sizes) - 1 else 2 * level + 1
    return range(max(0, 2 * level - 1), last)
