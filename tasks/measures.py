"""Every metric of generated logos, overall and by cluster, beside what real logos reach among themselves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.classes import share_in_asked
from evaluation.coverage import density_coverage, expected_coverage, precision_recall
from evaluation.features import Features
from evaluation.frechet import frechet_distance
from evaluation.kernel import kernel_distance
from evaluation.originality import originality
from logoflow.config.sections import EvaluateConfig

BALLS = 3  # neighbours of precision and recall, as published

Labels = NDArray[np.int64]


def measure(real: Features, fake: Features, config: EvaluateConfig) -> dict[str, float]:
    """Every metric of all generated logos, and as its floor what as many real logos would reach.

    That is measured on real ones that are held out, against the others; where there are less than twice as many as
    generated ones, on one half against the other. Coverage would suffer by the smaller number of the others, and is
    the expected one.
    """
    order = np.random.default_rng(config.seed).permutation(len(real))
    held = held_out(len(real), len(fake))
    floors = distances(real[order[held:]], real[order[:held]], config)
    floors["coverage"] = expected_coverage(len(real), len(fake), min(config.neighbours, len(real) - 1))
    return distances(real, fake, config) | {f"{name}_floor": value for name, value in floors.items()}


def held_out(real: int, generated: int) -> int:
    """How many real logos stand in for generated ones in the floor."""
    return min(generated, real // 2)


def distances(real: Features, fake: Features, config: EvaluateConfig) -> dict[str, float]:
    """Every metric that takes nothing but two sets of logos."""
    kernel = kernel_distance(real, fake, seed=config.seed or 0)
    spread = density_coverage(real, fake, min(config.neighbours, len(real) - 1))
    manifold = precision_recall(real, fake, min(BALLS, len(real) - 1))
    return {
        "frechet": frechet_distance(real, fake),
        "kernel": kernel.mean,
        "kernel_deviation": kernel.deviation,
        "density": spread.density,
        "coverage": spread.coverage,
        "precision": manifold.precision,
        "recall": manifold.recall,
        "closer": originality(fake, real).closer,
    }


def measure_clusters(
    real: Features, labels: Labels, fake: Features, asked: Labels, config: EvaluateConfig
) -> list[dict[str, Any]]:
    """Every metric of each cluster beside its floor; of a cluster with too few logos of either kind, the numbers only.

    Args:
        real: `[N, D]`.
        labels: cluster of each.
        fake: `[M, D]`.
        asked: cluster that each was asked for.
        config: gives the number of neighbours and the seed.
    """
    rows: list[dict[str, Any]] = []
    for name in np.unique(labels).tolist():
        reals, fakes = real[labels == name], fake[asked == name]
        row: dict[str, Any] = {"cluster": name, "real": len(reals), "generated": len(fakes)}
        if min(len(reals), len(fakes)) // 2 > max(config.neighbours, BALLS):
            row |= measure(reals, fakes, config)
            row["in_asked_cluster"] = share_in_asked(real, labels, fakes, asked[asked == name])
            row["in_asked_cluster_real"] = share_in_asked(real, labels, reals, labels[labels == name])
        rows.append(row)
    return rows


def as_asked(real: Features, labels: Labels, fake: Features, asked: Labels) -> dict[str, float]:
    """Share of generated logos that are nearest to the mean of their cluster, and of the real ones."""
    return {
        "in_asked_cluster": share_in_asked(real, labels, fake, asked),
        "in_asked_cluster_real": share_in_asked(real, labels, real, labels),
    }
