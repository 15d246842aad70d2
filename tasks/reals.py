"""What generated logos are measured against: the real ones' features, and how metrics do on damaged real ones.

Both depend on no generator, but on the training set, the feature space and how it is tested, so they are units: another
generator on the same set finds them made, and so does every stage that asks for the features.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from evaluation.features import Features
from evaluation.ladder import LEAST, Rung, climb
from logoflow.store.store import Artifact
from tasks.device import NETWORK
from tasks.spaces import SpaceChoice, space_of
from tasks.stage import Build
from tasks.units import Unit, UnitKind, map_units

FEATURES, LADDER = "features.npy", "ladder.json"


@dataclass(frozen=True)
class FeaturesWork:
    """Pixels, and the space to describe them in."""

    pixels: os.PathLike[str]
    space: SpaceChoice
    device: str


@dataclass(frozen=True)
class LadderTest:
    """How metrics are tested: `evaluation.ladder.climb`'s choices; no sample, no test."""

    sample: int
    neighbours: int
    seed: int
    paths: bool


@dataclass(frozen=True)
class LadderWork:
    """A training set with its features, the space that they are of, and how its metrics are tested."""

    pixels: os.PathLike[str]
    labels: os.PathLike[str]
    features: os.PathLike[str]
    space: SpaceChoice
    test: LadderTest
    device: str


def describe_reals(work: FeaturesWork, folder: Path) -> None:
    """Extract the features of all real logos."""
    space = space_of(work.space, work.device)
    with NETWORK:
        np.save(folder / FEATURES, space.extract(np.load(os.fspath(work.pixels), mmap_mode="r")))


def climb_ladder(work: LadderWork, folder: Path) -> None:
    """Let the metrics climb their ladder."""
    pixels = np.load(os.fspath(work.pixels), mmap_mode="r")  # NumPy maps no other path-like
    labels, features = np.load(work.labels), np.load(work.features)
    space = space_of(work.space, work.device)
    rungs: list[Rung] = []
    if work.test.sample and len(pixels) >= 4 * LEAST:
        with NETWORK:
            rungs = climb(pixels, labels, features, space, **asdict(work.test))
    (folder / LADDER).write_text(json.dumps([asdict(rung) for rung in rungs], indent=1))


REALS = UnitKind(
    name="evaluate.reals",
    work=describe_reals,
    data=(FEATURES,),
    libraries=("torch", "pillow"),
)
RUNGS = UnitKind(
    name="evaluate.ladder",
    work=climb_ladder,
    data=(LADDER,),
    libraries=("torch", "scipy", "pillow"),
)


def features_of_reals(build: Build, training_set: Artifact, choice: SpaceChoice, device: str) -> Artifact:
    """The unit of the training set's features in a space, from the store where it knows them."""
    pixels = training_set.lazy("pixels.npy")
    work = FeaturesWork(pixels, choice, device)
    unit = Unit({"training_set": training_set.content}, work, len(np.load(os.fspath(pixels), mmap_mode="r")))
    (made,) = map_units(build, REALS, {"space": space_of(choice, device).digest}, [unit])
    return made


def read_features(reals: Artifact) -> Features:
    """Features `[N, D]` of such a unit."""
    features: Features = np.load(reals.file(FEATURES))
    return features
