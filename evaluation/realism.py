"""How realistic single images are, and which are good, medium or poor beside real ones of their cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evaluation.distances import Features, Vector, distance_blocks, radii

SOFTENING = 1e-5  # keeps the realism of an exact copy finite
K = 3  # which neighbour gives a ball its radius
GOOD, POOR = 0.2, 0.05  # shares of unseen real images that are not good, and that are poor, by definition
HELD_OUT = 0.25  # share of the real images that fixes the thresholds
FEWEST = 80  # real images of a cluster; with fewer the thresholds are those of all clusters together
DEVIATIONS = 3.0  # below the median of its kind, from which on a discriminator's score is a veto

Grade = Literal["good", "medium", "poor"]
Veto = Literal["", "text", "discriminator"]
GRADES: tuple[Grade, ...] = ("good", "medium", "poor")


@dataclass(frozen=True)
class Sorted:
    """What one generated image is.

    Attributes:
        grade: good, medium or poor.
        realism: its score, beside that of unseen real images.
        reason: a sentence.
        veto: what made it poor whatever its realism; empty where nothing did.
    """

    grade: Grade
    realism: float
    reason: str
    veto: Veto = ""


@dataclass(frozen=True)
class Yardstick:
    """What realism is measured by, in one cluster or in all.

    Attributes:
        balls: features that are the centres of the balls, `[N, D]`.
        good: least realism of what is good.
        medium: least realism of what is medium.
    """

    balls: Features
    good: float
    medium: float


def sort_images(
    real: Features,
    real_clusters: NDArray[np.int64],
    fake: Features,
    fake_clusters: NDArray[np.int64],
    *,
    text: Vector | None = None,
    text_threshold: float = 0.5,
    critic: Vector | None = None,
    seed: int = 0,
) -> list[Sorted]:
    """Sort generated images by how they compare with real ones of their cluster.

    A quarter of the real images is held out. They fix what is good, more realistic than the least realistic 20 % of
    them, and what is poor, less realistic than all but 5 % of them; so of images as good as real ones 80 % are good and
    5 % poor. Two vetoes make an image poor whatever its realism: text, and a score of the discriminator far below that
    of the other generated images of the cluster. That score is no more than a veto: it ranks poorly.

    Args:
        real: features of the training images, `[N, D]`.
        real_clusters: their clusters, `[N]`.
        fake: features of the generated images, `[M, D]`.
        fake_clusters: the clusters that these were asked for, `[M]`.
        text: probability that there is text, 0..1, `[M]`.
        text_threshold: from which on it is a veto.
        critic: the discriminator's score of each generated image, `[M]`.
        seed: of the choice of images that are held out.

    Raises:
        ValueError: the dimensions differ, or there are too few real images.
    """
    sticks = yardsticks(real, real_clusters, np.unique(fake_clusters), seed)
    verdicts: list[Sorted | None] = [None] * len(fake)
    for cluster, stick in sticks.items():
        rows = np.flatnonzero(fake_clusters == cluster)
        scores = realism(stick.balls, fake[rows], K)
        lowest = -np.inf if critic is None else floor(critic[rows])
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True):
            verdict = judge(score, stick)
            if critic is not None and critic[row] < lowest:
                reason = "The discriminator rejects it far more surely than the others of its cluster."
                verdict = Sorted("poor", score, reason, "discriminator")
            if text is not None and text[row] >= text_threshold:
                verdict = Sorted("poor", score, f"It seems to contain text (probability {text[row]:.2f}).", "text")
            verdicts[row] = verdict
    return [verdict for verdict in verdicts if verdict is not None]


def yardsticks(
    real: Features, clusters: NDArray[np.int64], wanted: NDArray[np.int64], seed: int
) -> dict[int, Yardstick]:
    """What each of the wanted clusters is measured by; a small one is measured by all real images together."""
    together: Yardstick | None = None
    found = {}
    for cluster in wanted.tolist():
        own = real[clusters == cluster]
        if len(own) >= FEWEST:
            found[cluster] = yardstick(own, seed)
        else:
            together = together or yardstick(real, seed)
            found[cluster] = together
    return found


def yardstick(real: Features, seed: int) -> Yardstick:
    """Hold some real images out, and see how realistic they are beside the others."""
    order = np.random.default_rng(seed).permutation(len(real))
    held_out, balls = np.split(order, [max(1, round(HELD_OUT * len(real)))])
    scores = realism(real[balls], real[held_out], K)
    medium, good = np.quantile(scores, [POOR, GOOD])
    return Yardstick(real[balls], float(good), float(medium))


def judge(score: float, stick: Yardstick) -> Sorted:
    """The grade of a realism, and why, in a sentence."""
    if score >= stick.good:
        reason = f"Its realism {score:.2f} reaches {stick.good:.2f}, which {1 - GOOD:.0%} of unseen real logos reach."
        return Sorted("good", score, reason)
    if score >= stick.medium:
        reason = f"Its realism {score:.2f} is below {stick.good:.2f}, which {1 - GOOD:.0%} of unseen real logos reach."
        return Sorted("medium", score, reason)
    reason = f"Its realism {score:.2f} is below {stick.medium:.2f}, which {1 - POOR:.0%} of unseen real logos reach."
    return Sorted("poor", score, reason)


def floor(scores: Vector) -> float:
    """The score below which one is an outlier: three deviations, by the median of the distances from the median."""
    middle = float(np.median(scores))
    return middle - DEVIATIONS * 1.4826 * float(np.median(np.abs(scores - middle)))


def shares(verdicts: Sequence[Sorted], clusters: NDArray[np.int64]) -> dict[int, dict[Grade, float]]:
    """Share of each grade, by cluster."""
    grades = np.array([verdict.grade for verdict in verdicts])
    return {
        cluster: {grade: float((grades[clusters == cluster] == grade).mean()) for grade in GRADES}
        for cluster in np.unique(clusters).tolist()
    }


def realism(real: Features, fake: Features, k: int = K) -> Vector:
    """Realism of each fake `[M]` (Kynkäänniemi et al. 2019): at least 1 inside the reals' manifold, less outside.

    The largest over reals of the ball's radius over the distance; balls wider than the median radius are left out,
    because those around outliers would call anything real.

    Args:
        real: `[N, D]`.
        fake: `[M, D]`.
        k: which neighbour gives a ball its radius.

    Raises:
        ValueError: the dimensions differ, or there are no more than k reals.
    """
    real_radii = radii(real, k)
    kept = real_radii <= np.median(real_radii)
    best = np.empty(len(fake))
    for rows, distances in distance_blocks(fake, real[kept]):
        best[rows] = (real_radii[kept] / (distances + SOFTENING)).max(axis=1)
    return best
