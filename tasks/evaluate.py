"""evaluate: how close generated logos come to real ones, overall and per cluster."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.features import FeatureNetwork, Features
from evaluation.ladder import Rung, passed
from evaluation.originality import nearest_training
from evaluation.smoothness import STEP, perceptual_path_length
from logoflow.config.sections import EvaluateConfig
from logoflow.errors import UserError
from logoflow.store.store import Artifact
from moco.encoder import load_encoder
from stylegan2.generator import Generator
from stylegan2.sampling import generate, load_generator
from stylegan2.walks import path_steps
from tasks.device import device_named
from tasks.evaluation_page import evaluation_page
from tasks.measures import Labels, as_asked, held_out, measure, measure_clusters
from tasks.reals import FEATURES, LADDER, RUNGS, LadderTest, LadderWork, features_of_reals, read_features
from tasks.rivals import METRICS, rivals
from tasks.spaces import EncoderSpace, SpaceChoice, chosen_spaces, metric_name, score_name, space_of
from tasks.stage import Build, stage
from tasks.units import Unit, map_units

BLOCK = 64  # path lengths that are measured together
PAIRS = 24  # generated logos shown beside their nearest training logo

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
    if config.encoder is not None:
        refuse_circular(build, training_set, config.encoder)
    spaces = [real_logos(build, training_set, choice, device) for choice in chosen_spaces(config)]

    # Labels of generated logos are drawn from the real ones, so that both sets have the same mix.
    asked = np.random.default_rng(config.seed).choice(labels, config.images)
    generator = load_generator(trained.file("generator.safetensors")).to(device)
    seeds = [config.seed + i for i in range(config.images)]
    conditional = generator.settings.classes > 0
    drawn = generate(generator, seeds, asked.tolist() if conditional else None, config.truncation)

    found = [space.network.extract(drawn) for space in spaces]
    scores: dict[str, Any] = {
        "images": config.images,
        "floor_images": held_out(len(labels), config.images),
        "spaces": [space.network.name for space in spaces],
    }
    for space, fake in zip(spaces, found, strict=True):
        measured = measure(space.features, fake, config)
        if conditional:
            measured |= as_asked(space.features, labels, fake, asked)
        if paths_in(space.network, config):
            measured["path_length"] = path_length(generator, labels, space.network, config)
        scores |= {score_name(metric, space.network.name): value for metric, value in measured.items()}
        scores |= self_test(space)
    # Nothing is asked of a generator without classes.
    clusters = measure_clusters(spaces[0].features, labels, found[0], asked, config) if conditional else []
    scores["clusters"] = clusters
    (build.folder / METRICS).write_text(json.dumps(scores, indent=1, sort_keys=True))
    build.metrics |= {name: value for name, value in scores.items() if isinstance(value, int | float)}
    pairs = nearest_pairs(spaces[0].features, found[0], pixels, drawn)
    others = rivals(build, training_set, trained, scores["spaces"])
    by_cluster = {row["cluster"]: drawn[asked == row["cluster"]] for row in clusters}
    build.page(evaluation_page(build, scores, spaces[0].rungs, pairs, by_cluster, others))


def refuse_circular(build: Build, training_set: Artifact, given: Path) -> None:
    """Refuse to measure in the space that made the clusters; where the store no longer has its encoder, nobody knows.

    Raises:
        UserError: the encoder is the one that made them.
    """
    store, made = build.space.store, training_set
    for name in ("embed", "train_encoder"):
        found = store.find(name, made.manifest.inputs[name].fingerprint)
        if found is None:
            return
        made = found
    ours, theirs = (load_encoder(file).state_dict() for file in (made.file("encoder.safetensors"), given))
    if ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours):
        raise UserError(
            f"evaluate.encoder is {given}, the encoder that made the clusters, and would judge its own work: give one "
            "that was trained with another seed and other augmentations."
        )


def real_logos(build: Build, training_set: Artifact, choice: SpaceChoice, device: str) -> Reals:
    """The real logos in a space, from the store where it knows them."""
    config: EvaluateConfig = build.config
    assert config.seed is not None
    network = space_of(choice, device)
    reals = features_of_reals(build, training_set, choice, device)
    files = training_set.lazy("pixels.npy"), training_set.lazy("labels.npy")
    test = LadderTest(config.ladder, config.neighbours, config.seed, paths_in(network, config))
    work = LadderWork(*files, reals.lazy(FEATURES), choice, test, device)
    shaping = {"space": network.digest, **asdict(test)}
    unit = Unit({"training_set": training_set.content, "features": reals.content}, work, len(np.load(files[1])))
    (made,) = map_units(build, RUNGS, shaping, [unit])
    rungs = [Rung(**row) for row in json.loads(made.file(LADDER).read_text())]
    return Reals(network, read_features(reals), rungs)


def self_test(reals: Reals) -> dict[str, list[str]]:
    """The metrics that failed to notice some damage to real logos, and all that were tested, as a space calls them."""
    verdicts, space = passed(reals.rungs), reals.network.name
    failed = [metric for metric, by_damage in verdicts.items() if not all(by_damage.values())]
    return {
        f"{word}_{space}": sorted(metric_name(metric, space) for metric in metrics)
        for word, metrics in (("failed", failed), ("tested", list(verdicts)))
    }


def paths_in(network: FeatureNetwork, config: EvaluateConfig) -> bool:
    """Whether path lengths are measured in a space; the 8 bits of an encoder's pictures would hide such steps."""
    return config.path_lengths > 0 and not isinstance(network, EncoderSpace)


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


def nearest_pairs(real: Features, fake: Features, pixels: Pictures, drawn: Pictures) -> list[Pictures]:
    """The first generated logos, each followed by the training logo nearest to it, `[C, H, W]`."""
    nearest = nearest_training(fake[:PAIRS], real)[1]
    return [picture for i, n in enumerate(nearest) for picture in (drawn[i], pixels[n])]
