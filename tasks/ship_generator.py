"""Make the networks that ship of a finished run: `python -m tasks.ship_generator [RUN] [--store FOLDER]`.

RUN is one of configs/kit.yaml, by default the last. Left in stylegan2/: its generator and discriminator at half
precision, a sheet of what it draws, and a card that says of what they are made and how good they are.

Networks that were trained elsewhere, by `python -m stylegan2.train` on a GPU say, take part in a run with
`--set train_gan.start_generator=... --set train_gan.start_discriminator=... --set train_gan.total_kimg=0`, which
measures them as they are; --training then names the folder of their training, for the card.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from data.images import picture
from data.sheets import contact_sheet
from logoflow.errors import UserError
from logoflow.generators import ChosenGenerator, choose_generator
from logoflow.store.store import Artifact
from moco.shipped import CENTROIDS, ENCODER
from stylegan2.checkpoints import load_discriminator, load_generator, save_network
from stylegan2.generator import Generator
from stylegan2.sampling import generate
from stylegan2.shipped import CARD, DISCRIMINATOR, GENERATOR, SHEET
from stylegan2.training import CLAIM, CURVE
from tasks.rivals import METRICS

MOST_MB = 12
MADE_BY = (
    "python -m data.sample.build --size full",
    "logoflow run configs/kit.yaml",
    "python -m tasks.ship_generator",
)
TRAINED_ELSEWHERE = (
    "python -m data.sample.build --size full",
    "logoflow run configs/kit.yaml --to curate",
    "python -m stylegan2.train --data dataset.zip, with these settings, on what curate wrote",
    "logoflow run configs/kit.yaml --set train_gan.start_generator=... --set train_gan.start_discriminator=... "
    "--set train_gan.total_kimg=0, and channel_base, channel_max, z_dim and w_dim of these settings",
    "python -m tasks.ship_generator --training ...",
)
TOLD = ("frechet", "kernel", "density", "coverage", "precision", "recall", "closer", "in_asked_cluster", "path_length")
SHOWN, TILE = 16, 64  # logos of each cluster on the sheet, and their side in px


def main() -> None:
    """Read the run, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="id of the run, or its beginning")
    parser.add_argument("--store", type=Path, help="folder of the store")
    parser.add_argument("--training", type=Path, help="folder of a training that was not part of the run")
    given = parser.parse_args()
    try:
        ship(choose_generator(given.run, given.store), given.training, GENERATOR.parent)
    except UserError as error:
        sys.exit(str(error))


def ship(chosen: ChosenGenerator, training: Path | None, folder: Path) -> None:
    """Write a run's networks, its sheet and its card; all of them, or none.

    Args:
        chosen: the run's generator.
        training: folder of a training that was not part of the run, or None.
        folder: to write into.

    Raises:
        UserError: there is no such run, it was not evaluated, or its networks are too large.
    """
    if chosen.space is None or chosen.trained is None or chosen.training_set is None:
        raise UserError("there is no finished run of configs/kit.yaml: run it first, or name its --store.")
    evaluated = [
        artifact
        for artifact in chosen.space.store.artifacts("evaluate")
        if artifact.manifest.inputs["train_gan"].fingerprint == chosen.trained.manifest.fingerprint
    ]
    if not evaluated:
        raise UserError(f"the generator of {chosen.origin} is not evaluated yet: run configs/kit.yaml to its end.")
    trainings = trainings_of(training or chosen.trained.path)
    told = {"commands": TRAINED_ELSEWHERE if training else MADE_BY, "trainings": trainings}
    told |= {sum_of: round(sum(one[sum_of] for one in trainings), 3) for sum_of in ("kimg", "hours")}
    with TemporaryDirectory(dir=folder) as aside:
        made = Path(aside)
        generator = load_generator(chosen.trained.file("generator.safetensors"))
        sheet(generator).save(made / SHEET.name, quality=85, method=6)
        save_network(made / GENERATOR.name, generator.half())
        discriminator = load_discriminator(chosen.trained.file("discriminator.safetensors"))
        save_network(made / DISCRIMINATOR.name, discriminator.half())
        if max(path.stat().st_size for path in made.iterdir()) > MOST_MB * 1e6:
            raise UserError(
                f"a network of {chosen.origin} is larger than the {MOST_MB} MB that may ship: train a smaller one, by "
                "train_gan.channel_base."
            )
        words = card(chosen.training_set, chosen.trained, evaluated[-1], told)
        (made / CARD.name).write_text(json.dumps(words, indent=1) + "\n")
        for file in made.iterdir():
            file.replace(folder / file.name)


def sheet(generator: Generator) -> Image.Image:
    """A row of logos of each cluster, of the first seeds, not chosen."""
    clusters = generator.settings.classes
    asked = [cluster for cluster in range(clusters) for _ in range(SHOWN)]
    drawn = generate(generator, list(range(SHOWN)) * max(clusters, 1), asked or None)
    names = [f"cluster {cluster}" for cluster in range(clusters)]
    return contact_sheet([picture(one) for one in drawn], SHOWN, TILE, sides=names or None)


def trainings_of(training: Path) -> list[dict[str, Any]]:
    """What each training did that the networks come from, the first one first: one may go on from another's networks.

    Raises:
        UserError: nothing tells of the networks that one began with.
    """
    told = facts_of(training)
    start = told["settings"].pop("start_generator", None)
    told["settings"].pop("start_discriminator", None)
    if start is None:
        return [told]
    if (Path(start).parent / CLAIM).exists():
        return [*trainings_of(Path(start).parent), told]
    if Path(start).resolve() == GENERATOR.resolve():
        return [*json.loads(CARD.read_text())["trainings"], told]
    raise UserError(f"nothing tells how {start} was trained: keep {CLAIM} and {CURVE} beside it.")


def facts_of(training: Path) -> dict[str, Any]:
    """How networks were trained, from what a training leaves: settings, images seen, hours, on what."""
    lines = [json.loads(line) for line in (training / CURVE).read_text().splitlines()]
    scored = [line for line in lines if "score" in line]
    kept = min(scored, key=lambda line: line["score"]) if scored else lines[-1]
    run = json.loads((training / CLAIM).read_text())
    # Each line's speed is that since the one before, so that trainings that were interrupted add up as well.
    steps = [(one, two) for one, two in pairwise(lines) if two["kimg"] <= kept["kimg"]]
    seconds = sum(1000 * (two["kimg"] - one["kimg"]) / two["images_per_s"] for one, two in steps)
    return {
        "settings": run["settings"],
        "seed": run["seed"],
        "kimg": kept["kimg"],
        "hours": round(seconds / 3600, 2),
        "device": kept["device"],
    }


def card(training_set: Artifact, trained: Artifact, evaluated: Artifact, training: Mapping[str, Any]) -> dict[str, Any]:
    """What people ought to know of the networks."""
    rows = pq.read_table(training_set.file("provenance.parquet"), columns=["licence", "label"]).to_pydict()
    scores = json.loads(evaluated.file(METRICS).read_text())
    space = scores["spaces"][0]
    names = [f"{metric}{of}_{space}" for metric in TOLD for of in ("", "_floor", "_real")]
    network = load_generator(trained.file("generator.safetensors")).settings
    return {
        "what": f"StyleGAN2-ADA of logos, {network.width} x {network.height} px, conditioned on {network.classes} "
        "clusters by shape.",
        "pictures": f"{SHEET.name}: a row for each cluster, of seeds 0 to {SHOWN - 1}, not chosen, not truncated",
        "trained_on": f"{len(rows['label'])} logos without text and without copies, of the icon sets named in "
        "data/sample/README.md",
        "licences": dict(sorted(Counter(rows["licence"]).items())),
        "logos_of_each_cluster": np.bincount(rows["label"]).tolist(),
        "weights_licence": "Apache-2.0. The logos are trademarks of their owners: `logoflow check` what is drawn "
        "before it is used.",
        **training,
        "encoder": sha256(ENCODER.read_bytes()).hexdigest(),
        "centroids": sha256(CENTROIDS.read_bytes()).hexdigest(),
        "metrics": {name: scores[name] for name in names if name in scores},
        "self_tested": scores[f"tested_{space}"],
        "failed_their_self_test": scores[f"failed_{space}"],
        "images_measured": scores["images"],
        "clusters": scores["clusters"],
        "measured_on": evaluated.manifest.host,
        "versions": evaluated.manifest.versions,
        "not_for": "Logos that can be used as they are: they show what the pipeline makes, and start trainings.",
    }


if __name__ == "__main__":
    main()
