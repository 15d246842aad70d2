"""How good a generator is while it still trains: the kernel distance of a few of its images to real ones."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from evaluation.kernel import kernel_distance
from stylegan2.generator import Generator
from stylegan2.sampling import generate
from tasks.spaces import SpaceChoice, space_of

MOST_REALS = 2000
SUBSETS = 20


def kernel_score(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64], count: int, seed: int, device: str
) -> Callable[[Generator], float]:
    """What judges generators of a training by `count` images each, less being better.

    The seeds and classes are the same each time, so that two scores differ by the generators alone.

    Args:
        pixels: the training set, `[N, C, S, S]`.
        labels: its classes, `[N]`.
        count: images that are generated.
        seed: of what is drawn.
        device: where to compute.
    """
    random = np.random.default_rng(seed)
    asked = random.choice(labels, count).tolist()
    network = space_of(SpaceChoice(), device)
    real = network.extract(pixels[np.sort(random.permutation(len(pixels))[:MOST_REALS])])

    def score(generator: Generator) -> float:
        drawn = generate(generator, range(count), asked if generator.settings.classes else None)
        return kernel_distance(real, network.extract(drawn), SUBSETS, seed=seed).mean

    return score
