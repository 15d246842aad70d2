"""A stand-in for the published Inception file, which is not the project's: its tensors by formula."""

from zlib import crc32

import numpy as np
from torch import Tensor, from_numpy

from evaluation.inception import FEATURES, inception


def checkpoint() -> dict[str, Tensor]:
    """Tensors under the names and in the shapes of the published file; pictures stay visible through all layers."""
    tensors: dict[str, Tensor] = {}

    def draw(name: str, shape: tuple[int, ...], low: float, high: float) -> None:
        random = np.random.default_rng(crc32(name.encode()))
        tensors[name] = from_numpy(random.uniform(low, high, shape).astype(np.float32))

    for name, tensor in inception().named_parameters():
        layer, _, kind = name.rpartition(".")
        shape = tuple(tensor.shape)
        if kind == "weight":
            reach = (6 / np.prod(shape[1:])) ** 0.5
            draw(f"{layer}.conv.weight", shape, -reach, reach)
            continue
        draw(f"{layer}.bn.weight", shape, 0.5, 1.5)
        draw(f"{layer}.bn.bias", shape, -0.3, 0.3)
        draw(f"{layer}.bn.running_mean", shape, -0.3, 0.3)
        draw(f"{layer}.bn.running_var", shape, 0.5, 1.5)
    draw("fc.weight", (1008, FEATURES), -0.1, 0.1)
    draw("fc.bias", (1008,), -0.1, 0.1)
    return tensors
