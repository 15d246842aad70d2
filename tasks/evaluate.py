"""evaluate: how close generated logos come to real ones, overall and per cluster."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.coverage import density_coverage, expected_coverage, precision_recall
from evaluation.features import FeatureNetwork, Features
from evaluation.frechet import frechet_distance
from evaluation.kernel import kernel_distance
from evaluation.ladder import Rung, passed
from evaluation.originality import nearest_training
from evaluation.smoothness import perceptual_path_length
from logoflow.config.sections import EvaluateConfig
from logoflow.store.store import Artifact
from stylegan2.generator import Generator
from stylegan2.sampling import generate, load_generator
from stylegan2.walks import path_steps
from tasks.device import device_named
from tasks.evaluation_page import evaluation_page
from tasks.reals import FEATURES, LADDER, RUNGS, LadderWork, features_of_reals, read_features
from tasks.rivals import METRICS, rivals
from tasks.spaces import EncoderSpace, SpaceChoice, chosen_spaces, metric_name, score_name, space_of
from tasks.stage import Build, stage
from tasks.units import Unit, map_units

STEP = 1e-4  # of a path between two latents, as published
BLOCK = 64  # path lengths that are measured together
PAIRS = 24  # generated logos shown beside their nearest training logo

Labels = NDArray[np.int64]
Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Reals:
    """Real logos in a feature space, and how metrics do on damaged ones; no rungs where there are too few logos."""

    network: FeatureNetwork
    features: Features
    rungs: list[Rung]


@stage("evaluate")
def evaluate(build: Build, training_set: Artifact, trained: Artifact) -> None:
    """Measure generated against real logos in named feature spaces, beside what real logos reach among themselves."""
    config: EvaluateConfig = build.config
    assert config.seed is not None
    device = device_named(build.run.config.device)
    pixels = np.load(training_set.file("pixels.npy"), mmap_mode="r")
    labels: Labels = np.load(training_set.file("labels.npy"))
    spaces = [real_logos(build, training_set, choice, device) for choice in chosen_spaces(config)]

    # Labels of generated logos are drawn from the real ones, so that both sets have the same mix.
    asked = np.random.default_rng(config.seed).choice(labels, config.images)
    generator = load_generator(trained.file("generator.safetensors")).to(device)
    seeds = [config.seed + i for i in range(config.images)]
    conditional = generator.settings.classes > 0
    drawn = generate(generator, seeds, asked.tolist() if conditional else None, config.truncation)

    found = [space.network.extract(drawn) for space in spaces]
    floor_images = held_out(len(labels), config.images)
    scores: dict[str, Any] = {
        "images": config.images,
        "floor_images": floor_images,
        "spaces": [space.network.name for space in spaces],
    }
    for space, fake in zip(spaces, found, strict=True):
        measured = measure(space.features, fake, config)
        if conditional:
            measured["in_asked_cluster"] = share_in_asked(space.features, labels, fake, asked)
            measured["in_asked_cluster_real"] = share_in_asked(space.features, labels, space.features, labels)
        if config.path_lengths and not isinstance(space.network, EncoderSpace):  # its 8 bits hide steps this small
            measured["path_length"] = path_length(generator, labels, space.network, config)
        scores |= {score_name(metric, space.network.name): value for metric, value in measured.items()}
        scores[f"failed_{space.network.name}"] = failed(space)
    clusters = np.unique(labels).tolist() if conditional else []  # nothing is asked of a generator without classes
    scores["clusters"] = per_cluster(spaces[0].features, labels, found[0], asked, clusters, config.neighbours)
    (build.folder / METRICS).write_text(json.dumps(scores, indent=1, sort_keys=True))
    build.metrics |= {name: value for name, value in scores.items() if isinstance(value, int | float)}
    pairs = nearest_pairs(spaces[0].features, found[0], pixels, drawn)
    others = rivals(build, training_set, trained, scores["spaces"])
    by_cluster = {name: drawn[asked == name] for name in clusters}
    build.page(evaluation_page(build, scores, spaces[0].rungs, pairs, by_cluster, others))


def real_logos(build: Build, training_set: Artifact, choice: SpaceChoice, device: str) -> Reals:
    """The real logos in a space, from the store where it knows them."""
    config: EvaluateConfig = build.config
    assert config.seed is not None
    network = space_of(choice, device)
    reals = features_of_reals(build, training_set, choice, device)
    files = training_set.lazy("pixels.npy"), training_set.lazy("labels.npy")
    work = LadderWork(*files, reals.lazy(FEATURES), choice, config.ladder, config.neighbours, config.seed, device)
    shaping = {"space": network.digest, "sample": config.ladder, "neighbours": config.neighbours, "seed": config.seed}
    unit = Unit({"training_set": training_set.content, "features": reals.content}, work, len(np.load(files[1])))
    (made,) = map_units(build, RUNGS, shaping, [unit])
    rungs = [Rung(**row) for row in json.loads(made.file(LADDER).read_text())]
    return Reals(network, read_features(reals), rungs)


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
    k = min(config.neighbours, len(real) - 1)
    kernel = kernel_distance(real, fake, seed=config.seed or 0)
    spread = density_coverage(real, fake, k)
    manifold = precision_recall(real, fake, min(3, len(real) - 1))
    return {
        "frechet": frechet_distance(real, fake),
        "kernel": kernel.mean,
        "kernel_deviation": kernel.deviation,
        "density": spread.density,
        "coverage": spread.coverage,
        "precision": manifold.precision,
        "recall": manifold.recall,
    }


def failed(reals: Reals) -> list[str]:
    """The metrics that did not notice some damage to real logos, as they are called in the space."""
    verdicts = passed(reals.rungs) if reals.rungs else {}
    found = [metric for metric, by_damage in verdicts.items() if not all(by_damage.values())]
    return sorted(metric_name(metric, reals.network.name) for metric in found)


def path_length(generator: Generator, labels: Labels, network: FeatureNetwork, config: EvaluateConfig) -> float:
    """Perceptual path length between latents of one class each, at the beginnings of the lines."""
    random = np.random.default_rng(config.seed)
    seeds = random.integers(0, 2**31, (config.path_lengths, 2)).tolist()
    classes = random.choice(labels, config.path_lengths).tolist() if generator.settings.classes else None
    blocks = [slice(first, first + BLOCK) for first in range(0, config.path_lengths, BLOCK)]
    steps = (path_steps(generator, seeds[block], classes and classes[block], STEP) for block in blocks)
    ends = [[network.extract(pictures) for pictures in step] for step in steps]
    start, end = (np.concatenate(features) for features in zip(*ends, strict=True))
    return perceptual_path_length(start, end, STEP)


def share_in_asked(real: Features, labels: Labels, features: Features, asked: Labels) -> float:
    """Share of logos whose features lie nearest to the mean of the cluster that they should be of."""
    names = np.unique(labels)
    means = np.stack([real[labels == name].mean(axis=0) for name in names])
    distances = (features**2).sum(1)[:, None] - 2 * features @ means.T + (means**2).sum(1)
    return float((names[distances.argmin(axis=1)] == asked).mean())


def per_cluster(
    real: Features, labels: Labels, fake: Features, asked: Labels, clusters: Sequence[int], neighbours: int
) -> list[dict[str, Any]]:
    """Kernel distance and coverage by cluster; None where a cluster has too few logos of either kind."""
    rows: list[dict[str, Any]] = []
    for name in clusters:
        reals, fakes = real[labels == name], fake[asked == name]
        row: dict[str, Any] = {"cluster": name, "real": len(reals), "generated": len(fakes)}
        enough = min(len(reals), len(fakes)) > neighbours
        row["kernel"] = kernel_distance(reals, fakes).mean if enough else None
        row["coverage"] = density_coverage(reals, fakes, neighbours).coverage if enough else None
        rows.append(row)
    return rows


def nearest_pairs(real: Features, fake: Features, pixels: Pictures, drawn: Pictures) -> list[Pictures]:
    """The first generated logos, each followed by the training logo nearest to it, `[C, H, W]`."""
    nearest = nearest_training(fake[:PAIRS], real)[1]
    return [picture for i, n in enumerate(nearest) for picture in (drawn[i], pixels[n])]
