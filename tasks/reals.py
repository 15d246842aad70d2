"""What generated logos are measured against: the real ones' features, and how metrics do on damaged real ones.

Both depend on the training set and the feature space alone, so they are units of their own: another generator on the
same set finds them made.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from evaluation.ladder import LEAST, Rung, climb
from tasks.device import NETWORK
from tasks.spaces import SpaceChoice, space_of
from tasks.units import UnitKind

FEATURES, LADDER = "features.npy", "ladder.json"


@dataclass(frozen=True)
class RealsWork:
    """A training set, the space to describe it in, and how its metrics are tested."""

    pixels: Path
    labels: Path
    space: SpaceChoice
    sample: int
    neighbours: int
    seed: int
    device: str


def describe_reals(work: RealsWork, folder: Path) -> None:
    """Extract the features of all real logos, and let the metrics climb their ladder."""
    pixels, labels = np.load(work.pixels, mmap_mode="r"), np.load(work.labels)
    space = space_of(work.space, work.device)
    with NETWORK:
        features = space.extract(pixels)
        rungs: list[Rung] = []
        if work.sample and len(pixels) >= 4 * LEAST:
            rungs = climb(
                pixels, labels, features, space, sample=work.sample, neighbours=work.neighbours, seed=work.seed
            )
    np.save(folder / FEATURES, features)
    (folder / LADDER).write_text(json.dumps([asdict(rung) for rung in rungs], indent=1))


REALS = UnitKind(
    name="evaluate.reals",
    work=describe_reals,
    data=(FEATURES, LADDER),
    libraries=("torch", "scipy", "pillow"),
)
