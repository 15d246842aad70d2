"""How good a generator is while it still trains: the kernel distance of a few of its images to real ones."""

from collections.abc import Callable

import numpy as np

from evaluation.kernel import kernel_distance
from logoflow.store.store import Artifact
from stylegan2.generator import Generator
from stylegan2.sampling import generate
from tasks.reals import features_of_reals, read_features
from tasks.spaces import SpaceChoice, space_of
from tasks.stage import Build

MOST_REALS = 2000
SUBSETS = 20


def kernel_score(
    build: Build, training_set: Artifact, count: int, seed: int, device: str
) -> Callable[[Generator], float]:
    """What judges generators of a training by `count` images each, less being better.

    The seeds and classes are the same each time, so that two scores differ by the generators alone.

    Args:
        build: the stage's.
        training_set: the artifact of curate.
        count: images that are generated.
        seed: of what is drawn.
        device: where to compute.
    """
    random = np.random.default_rng(seed)
    asked = random.choice(np.load(training_set.file("labels.npy")), count).tolist()
    network = space_of(SpaceChoice(), device)
    features = read_features(features_of_reals(build, training_set, SpaceChoice(), device))
    real = features[np.sort(random.permutation(len(features))[:MOST_REALS])]

    def score(generator: Generator) -> float:
        drawn = generate(generator, range(count), asked if generator.settings.classes else None)
        return kernel_distance(real, network.extract(drawn), SUBSETS, seed=seed).mean

    return score
