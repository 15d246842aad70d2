"""Generated logos sorted into good, medium and poor, with the reason of each."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray

from craft.cascade import Cascade, detect_views
from craft.decision import load_bounds, load_calibration
from craft.detection import Detector, supports_bfloat16
from data.images import picture, views
from evaluation.realism import GRADES, Sorted, shares, sort_images
from logoflow.report.page import Cell, Page, Picture, Table
from logoflow.store.store import Artifact
from stylegan2.checkpoints import load_discriminator
from tasks.device import NETWORK, device_named
from tasks.reals import features_of_reals, read_features
from tasks.sheets import save_sheet
from tasks.spaces import SpaceChoice, space_of
from tasks.stage import Build

TEXT = 0.5  # probability of text that is a veto
SHOWN = 36  # logos of each grade
COLUMNS, TILE = 6, 120
BLOCK = 64
VERDICTS = "sorted.json"
LOOKS = {
    "good": "The most realistic first.",
    "medium": "The most realistic first.",
    "poor": "Those that a veto made poor come last.",
}

Drawn = NDArray[np.uint8]
Labels = NDArray[np.int64]


def sort_logos(build: Build, training_set: Artifact, trained: Artifact, drawn: Drawn, asked: Labels) -> Page:
    """Sort a stage's generated logos: verdicts go to sorted.json, pictures and shares to the page that is returned.

    Args:
        build: the stage's; its metrics get the share of each grade.
        training_set: the artifact of curate.
        trained: the artifact of train_gan, whose discriminator has a veto.
        drawn: generated logos, uint8 `[M, C, S, S]`.
        asked: the cluster that each was asked for, `[M]`.
    """
    device = device_named(build.run.config.device)
    network = space_of(SpaceChoice(), device)
    real = read_features(features_of_reals(build, training_set, SpaceChoice(), device))
    labels: Labels = np.load(training_set.file("labels.npy"))
    with NETWORK:
        fake = network.extract(drawn)
        text = text_probabilities(drawn, device)
        critic = discriminator_scores(trained, drawn, asked, device)
    verdicts = sort_images(
        real, labels, fake, asked, text=text, text_threshold=TEXT, critic=critic, seed=build.config.seed or 0
    )
    rows = [{"cluster": int(cluster), **asdict(one)} for cluster, one in zip(asked, verdicts, strict=True)]
    (build.folder / VERDICTS).write_text(json.dumps(rows, indent=1))
    for grade in GRADES:
        build.metrics[grade] = float(np.mean([verdict.grade == grade for verdict in verdicts]))
    return sorted_page(build, drawn, asked, verdicts)


def text_probabilities(drawn: Drawn, device: str) -> NDArray[np.float64]:
    """Probability that each generated logo contains text, as detect_text tells it, `[M]`."""
    detector = Cascade(Detector(dtype="bfloat16" if supports_bfloat16(device) else "float32", device=device))
    calibration, bounds = load_calibration(), load_bounds()
    pictures = [views(picture(one)) for one in drawn]
    found = [
        d for start in range(0, len(drawn), BLOCK) for d in detect_views(detector, pictures[start : start + BLOCK])
    ]
    return np.array([bounds.tempered(calibration.probability(one.score), one.by) for one in found])


@torch.inference_mode()
def discriminator_scores(trained: Artifact, drawn: Drawn, asked: Labels, device: str) -> NDArray[np.float64]:
    """The discriminator's logit of each logo, `[M]`; logos of one cluster go together, for it compares its batch."""
    discriminator = load_discriminator(trained.file("discriminator.safetensors")).to(device)
    scores, group = np.empty(len(drawn)), max(1, discriminator.settings.deviation_group)
    for cluster in np.unique(asked):
        rows = np.flatnonzero(asked == cluster)
        for part in np.split(rows, range(BLOCK, len(rows), BLOCK)):
            full = np.resize(part, -(-len(part) // group) * group)  # the last group is filled up with the first logos
            images = torch.from_numpy(drawn[full]).to(device) / 127.5 - 1
            kinds = torch.from_numpy(asked[full]).to(device) if discriminator.settings.classes else None
            scores[part] = discriminator(images, kinds)[: len(part)].cpu().numpy()
    return scores


def sorted_page(build: Build, drawn: Drawn, asked: Labels, verdicts: Sequence[Sorted]) -> Page:
    """A sheet of each grade, and the shares by cluster."""
    sheets = [sheet for grade in GRADES if (sheet := grade_sheet(build, grade, drawn, asked, verdicts)) is not None]
    by_cluster = shares(verdicts, asked)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (cluster, *(f"{found[grade]:.0%}" for grade in GRADES)) for cluster, found in by_cluster.items()
    )
    counts = ", ".join(f"{build.metrics[grade]:.0%} {grade}" for grade in GRADES)
    caption = (
        "By realism among the training logos of the cluster: balls around their features, as wide as the way to the "
        "third neighbour, the wider half left out. A quarter of the training logos, held out, sets the limits: 80 % "
        "of them would be good and 5 % poor. Text is poor; so is what the discriminator rejects far beyond others."
    )
    return Page(
        f"Of {len(verdicts)} generated logos {counts}.",
        tuple(sheets),
        tables=(Table("Good, medium and poor", ("cluster", *GRADES), rows, caption),),
    )


def grade_sheet(build: Build, grade: str, drawn: Drawn, asked: Labels, verdicts: Sequence[Sorted]) -> Picture | None:
    """The logos of a grade, each with its cluster, its realism and what spoke against it."""
    rows = [row for row, verdict in enumerate(verdicts) if verdict.grade == grade]
    rows.sort(key=lambda row: (verdicts[row].veto, -verdicts[row].realism))
    if not rows:
        return None
    captions = [f"{asked[row]}: {verdicts[row].realism:.2f} {verdicts[row].veto}" for row in rows[:SHOWN]]
    caption = f"The cluster, the realism and a veto where there was one. {LOOKS[grade]}"
    title = f"{grade.capitalize()}: {len(rows)} of {len(verdicts)}"
    images = [picture(drawn[row]) for row in rows[:SHOWN]]
    return save_sheet(build, f"{grade}.png", title, images, captions, caption, COLUMNS, TILE)
