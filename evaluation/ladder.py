"""A self-test of metrics: each has to notice damage to real images, and the more of it the more.

Sets of real images are damaged in three strengths, and measured against other real images as generated ones are. What a
metric does on this ladder of known steps is the only evidence that its figures mean something in this collection and
this feature space (the way Stein et al. 2023 judge feature spaces).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from evaluation.classes import share_in_asked
from evaluation.coverage import density_coverage, precision_recall
from evaluation.distances import Features
from evaluation.features import FeatureNetwork
from evaluation.frechet import frechet_distance
from evaluation.kernel import kernel_distance
from evaluation.originality import originality
from evaluation.smoothness import STEP, perceptual_path_length

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]

EXPECTED: dict[str, dict[str, int]] = {
    "blur": {"frechet": 1, "kernel": 1, "density": -1, "coverage": -1, "precision": -1},
    "noise": {"frechet": 1, "kernel": 1, "density": -1, "coverage": -1, "precision": -1},
    "JPEG": {"frechet": 1, "kernel": 1, "density": -1, "coverage": -1, "precision": -1},
    "missing clusters": {"frechet": 1, "kernel": 1, "coverage": -1, "recall": -1},
    "wrong clusters": {"in_asked_cluster": -1},
    "copies": {"closer": 1},
    "fast paths": {"path_length": 1},
}
"""By damage, which metrics have to rise (1) or fall (-1) with it. `closer`: `evaluation.originality`."""

REFERENCE_SIDE = 64  # px, at which the blurs are as wide as they say; they are as strong at other sizes
BLURS = (0.75, 1.5, 3.0)  # standard deviation in px
NOISES = (8.0, 24.0, 72.0)  # standard deviation in shades
QUALITIES = (60, 25, 8)  # of JPEG
KEPT = (0.75, 0.5, 0.25)  # share of the clusters
ASTRAY = (0.25, 0.5, 1.0)  # share of the images that are asked for another's cluster
COPIED = (0.25, 0.5, 1.0)  # share of the images
PACES = (0.25, 0.5, 1.0, 2.0)  # how far lines lead from one image towards another, undamaged first
PATHS = 64  # lines, at most
LEAST = 16  # images in a sample, below which a ladder says nothing
REFERENCES = 1000  # images that samples are compared with, at most


@dataclass(frozen=True)
class Rung:
    """What the metrics say of one strength of a damage; strength 0 is none. Not every metric sees all damage."""

    damage: str
    strength: int
    scores: dict[str, float]


def climb(
    images: Images,
    labels: Labels,
    features: Features,
    network: FeatureNetwork,
    *,
    sample: int = 128,
    neighbours: int = 5,
    seed: int = 0,
    paths: bool = False,
) -> list[Rung]:
    """Measure real images against real ones, damaged ever more.

    Args:
        images: uint8 `[N, C, S, S]`.
        labels: cluster of each, `[N]`.
        features: of the images, `[N, D]`.
        network: what made the features.
        sample: images in each measured set; at most a quarter of all.
        neighbours: k of density and coverage.
        seed: of the draws.
        paths: test path lengths, too.

    Raises:
        ValueError: there are too few images.
    """
    size = min(sample, len(images) // 4)
    if size < LEAST:
        raise ValueError(f"{len(images)} images are too few to test metrics with: give {4 * LEAST} or more.")
    random = np.random.default_rng(seed)
    order = random.permutation(len(images))
    drawn, spare, rest = order[:size], order[size : 2 * size], order[2 * size : 2 * size + REFERENCES]
    reference = features[rest]

    fewer = _of_fewer_clusters(labels, np.concatenate([drawn, spare]), size, random)
    damaged = {
        damage: [network.extract(found) for found in pictures]
        for damage, pictures in _damaged_pixels(images[drawn], random).items()
    }
    damaged["missing clusters"] = [features[chosen] for chosen in fewer]
    damaged["copies"] = [features[chosen] for chosen in _with_copies(drawn, rest, random)]
    rungs = [
        Rung(damage, strength, _measured(reference, found, neighbours, seed))
        for damage, sets in damaged.items()
        for strength, found in enumerate([features[drawn], *sets])
    ]
    for strength, asked in enumerate([labels[drawn], *_astray(labels[drawn], random)]):
        share = share_in_asked(reference, labels[rest], features[drawn], asked)
        rungs.append(Rung("wrong clusters", strength, {"in_asked_cluster": share}))
    for strength, pace in enumerate(PACES if paths else ()):
        length = _pace(images[drawn[:PATHS]], images[spare[:PATHS]], pace, network)
        rungs.append(Rung("fast paths", strength, {"path_length": length}))
    return rungs


def _measured(reference: Features, found: Features, neighbours: int, seed: int) -> dict[str, float]:
    spread = density_coverage(reference, found, min(neighbours, len(reference) - 1))
    manifold = precision_recall(reference, found)
    return {
        "frechet": frechet_distance(reference, found),
        "kernel": kernel_distance(reference, found, subsets=20, seed=seed).mean,
        "density": spread.density,
        "coverage": spread.coverage,
        "precision": manifold.precision,
        "recall": manifold.recall,
        "closer": originality(found, reference).closer,
    }


def _of_fewer_clusters(labels: Labels, pool: Labels, size: int, random: np.random.Generator) -> list[Labels]:
    """As many images of a pool as asked, of ever fewer clusters."""
    clusters = random.permutation(np.unique(labels[pool]))
    kept = [clusters[: max(1, round(share * len(clusters)))] for share in KEPT]
    return [random.choice(pool[np.isin(labels[pool], few)], size) for few in kept]


def _with_copies(drawn: Labels, others: Labels, random: np.random.Generator) -> list[Labels]:
    """Images of which ever more are taken from those that they are compared with."""
    counts = [round(share * len(drawn)) for share in COPIED]
    return [np.concatenate([random.choice(others, n, replace=n > len(others)), drawn[n:]]) for n in counts]


def _astray(labels: Labels, random: np.random.Generator) -> list[Labels]:
    """Clusters that images are asked for, ever more of them another image's."""
    order = random.permutation(len(labels))
    result = []
    for share in ASTRAY:
        some = order[: round(share * len(labels))]
        asked = labels.copy()
        asked[some] = labels[np.roll(some, 1)]
        result.append(asked)
    return result


def _pace(first: Images, second: Images, pace: float, network: FeatureNetwork) -> float:
    """Path length where each image fades towards another, at a pace of 1 to be there at the end of the line."""
    start = first.astype(np.float32)
    return perceptual_path_length(network.extract(start), network.extract(start + STEP * pace * (second - start)), STEP)


def passed(rungs: Sequence[Rung]) -> dict[str, dict[str, bool]]:
    """By metric and damage, whether it moved as it has to: never back, and at the end away from where it began.

    What was not tested is left out.
    """
    verdicts: dict[str, dict[str, bool]] = {}
    for damage, metrics in EXPECTED.items():
        ladder = sorted((rung for rung in rungs if rung.damage == damage), key=lambda rung: rung.strength)
        if not ladder:
            continue
        for metric, sign in metrics.items():
            steps = sign * np.diff([rung.scores[metric] for rung in ladder])
            verdicts.setdefault(metric, {})[damage] = bool((steps >= 0).all() and steps.sum() > 0)
    return verdicts


def blurred(images: Images, deviation: float) -> Images:
    """Images `[N, C, S, S]` through a Gaussian blur, whose deviation in px is that at 64 px."""
    wide = deviation * images.shape[3] / REFERENCE_SIDE
    smooth: NDArray[np.float32] = gaussian_filter(images.astype(np.float32), (0, 0, wide, wide), mode="nearest")
    return smooth.round().astype(np.uint8)


def noisy(images: Images, deviation: float, random: np.random.Generator) -> Images:
    """Images with independent normal noise, whose deviation is in shades."""
    noise = random.standard_normal(images.shape, np.float32) * deviation
    return (images + noise).round().clip(0, 255).astype(np.uint8)


def recompressed(images: Images, quality: int) -> Images:
    """Images through JPEG; an alpha channel stays as it is."""
    colours = 3 if images.shape[1] > 1 else 1
    result = images.copy()
    for image in result[:, :colours]:
        buffer = io.BytesIO()
        Image.fromarray(image[0] if colours == 1 else image.transpose(1, 2, 0)).save(buffer, "JPEG", quality=quality)
        decoded = np.asarray(Image.open(buffer))
        image[:] = decoded if colours == 1 else decoded.transpose(2, 0, 1)
    return result


def _damaged_pixels(images: Images, random: np.random.Generator) -> dict[str, list[Images]]:
    ways: dict[str, tuple[Sequence[float], Callable[[float], Images]]] = {
        "blur": (BLURS, lambda deviation: blurred(images, deviation)),
        "noise": (NOISES, lambda deviation: noisy(images, deviation, random)),
        "JPEG": (QUALITIES, lambda quality: recompressed(images, int(quality))),
    }
    return {damage: [way(strength) for strength in strengths] for damage, (strengths, way) in ways.items()}
