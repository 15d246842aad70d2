"""evaluate: how close generated logos come to real ones, overall and per cluster."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.coverage import density_coverage, precision_recall
from evaluation.features import EfficientNetLite0
from evaluation.frechet import frechet_distance
from evaluation.kernel import kernel_distance
from logoflow.config.sections import EvaluateConfig
from logoflow.report.page import Page, Table
from logoflow.store.store import Artifact
from stylegan2.sampling import generate, load_generator
from tasks.device import device_named
from tasks.sheets import save_sheet
from tasks.stage import Build, stage

Features = NDArray[np.float32]


@stage("evaluate")
def evaluate(build: Build, training_set: Artifact, trained: Artifact) -> None:
    """Measure generated against real logos in a named feature space, beside what real logos reach among themselves."""
    config: EvaluateConfig = build.config
    assert config.seed is not None
    device = device_named(build.run.config.device)
    pixels = np.load(training_set.file("pixels.npy"), mmap_mode="r")
    labels: NDArray[np.int64] = np.load(training_set.file("labels.npy"))

    # Labels of generated logos are drawn from the real ones, so that both sets have the same mix.
    draw = np.random.default_rng(config.seed)
    asked = draw.choice(labels, config.images)
    generator = load_generator(trained.file("generator.safetensors")).to(device)
    classes = asked.tolist() if generator.settings.classes else None
    seeds = [config.seed + i for i in range(config.images)]
    drawn = generate(generator, seeds, classes, config.truncation)

    network = EfficientNetLite0(device)
    real, fake = network.extract(np.asarray(pixels)), network.extract(drawn)
    order = draw.permutation(len(real))
    half = len(real) // 2
    scores = {
        f"frechet_{network.name}": frechet_distance(real, fake),
        f"frechet_{network.name}_floor": frechet_distance(real[order[:half]], real[order[half:]]),
        **overall(real, fake, config),
        "in_asked_cluster": share_in_asked(real, labels, fake, asked),
        "in_asked_cluster_real": share_in_asked(real, labels, real, labels),
        "clusters": per_cluster(real, labels, fake, asked, config.neighbours),
        "images": config.images,
        "features": network.name,
    }
    (build.folder / "metrics.json").write_text(json.dumps(scores, indent=1, sort_keys=True))
    build.metrics |= {name: value for name, value in scores.items() if isinstance(value, int | float)}
    build.page(evaluation_page(build, scores, fake, real, np.asarray(pixels), drawn))


def overall(real: Features, fake: Features, config: EvaluateConfig) -> dict[str, float]:
    """Kernel distance, density, coverage, precision and recall of all generated logos."""
    k = min(config.neighbours, len(real) - 1)
    kernel = kernel_distance(real, fake, seed=config.seed or 0)
    spread = density_coverage(real, fake, k)
    manifold = precision_recall(real, fake, min(3, len(real) - 1))
    return {
        "kernel_distance": kernel.mean,
        "kernel_distance_deviation": kernel.deviation,
        "density": spread.density,
        "coverage": spread.coverage,
        "precision": manifold.precision,
        "recall": manifold.recall,
    }


def share_in_asked(real: Features, labels: NDArray[np.int64], features: Features, asked: NDArray[np.int64]) -> float:
    """Share of logos whose features lie nearest to the mean of the cluster that they should be of."""
    names = np.unique(labels)
    means = np.stack([real[labels == name].mean(axis=0) for name in names])
    distances = (features**2).sum(1)[:, None] - 2 * features @ means.T + (means**2).sum(1)
    return float((names[distances.argmin(axis=1)] == asked).mean())


def per_cluster(
    real: Features, labels: NDArray[np.int64], fake: Features, asked: NDArray[np.int64], neighbours: int
) -> list[dict[str, Any]]:
    """Kernel distance and coverage by cluster; None where a cluster has too few logos of either kind."""
    rows: list[dict[str, Any]] = []
    for name in np.unique(labels).tolist():
        reals, fakes = real[labels == name], fake[asked == name]
        row: dict[str, Any] = {"cluster": name, "real": len(reals), "generated": len(fakes)}
        enough = min(len(reals), len(fakes)) > neighbours
        row["kernel_distance"] = kernel_distance(reals, fakes).mean if enough else None
        row["coverage"] = density_coverage(reals, fakes, neighbours).coverage if enough else None
        rows.append(row)
    return rows


def evaluation_page(
    build: Build,
    scores: dict[str, Any],
    fake: Features,
    real: Features,
    pixels: NDArray[np.uint8],
    drawn: NDArray[np.uint8],
) -> Page:
    """Scores beside their floors, and generated logos beside the training logo that each is closest to."""
    space = scores["features"]
    distance, floor = scores[f"frechet_{space}"], scores[f"frechet_{space}_floor"]
    shown = np.arange(min(24, len(fake)))
    squared = (fake[shown] ** 2).sum(1)[:, None] - 2 * fake[shown] @ real.T + (real**2).sum(1)
    nearest = squared.argmin(axis=1)
    both = [picture for i, n in zip(shown, nearest, strict=True) for picture in (drawn[i], pixels[n])]
    sheet = save_sheet(
        build,
        "nearest.png",
        "Generated logos, each beside its nearest training logo",
        [picture.transpose(1, 2, 0) for picture in both],
        ["generated", "nearest"] * len(shown),
        f"Nearest in the features of {space}: a generated logo should resemble its neighbour, not repeat it.",
    )
    values = Table(
        "Scores",
        ("score", "generated", "real against real"),
        (
            (f"Fréchet distance, {space}", distance, floor),
            ("Kernel distance", scores["kernel_distance"], 0.0),
            ("Density", scores["density"], 1.0),
            ("Coverage", scores["coverage"], 1 - 2.0**-build.config.neighbours),
            ("Precision", scores["precision"], None),
            ("Recall", scores["recall"], None),
            ("Nearest to the asked cluster", scores["in_asked_cluster"], scores["in_asked_cluster_real"]),
        ),
        caption="The Fréchet distance is no FID: it is measured in another feature space.",
    )
    columns = ("cluster", "real", "generated", "kernel_distance", "coverage")
    clusters = Table("By cluster", columns, tuple(tuple(row[c] for c in columns) for row in scores["clusters"]))
    summary = f"Fréchet distance {distance:.1f} in the features of {space}; two halves of the real logos: {floor:.1f}."
    return Page(summary, (sheet,), tables=(values, clusters))
