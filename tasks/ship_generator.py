"""Make the networks that ship of a finished run: `python -m tasks.ship_generator [RUN] [--store FOLDER]`.

RUN is one of configs/kit.yaml, by default the last. Left in stylegan2/: its generator and discriminator at half
precision, and a card that says of what they are made and how good they are.

Networks that were trained elsewhere, by `python -m stylegan2.train` on a GPU say, take part in a run with
`--set train_gan.start_generator=... --set train_gan.start_discriminator=... --set train_gan.total_kimg=0`, which
measures them as they are; --training then names the folder of their training, for the card.
"""

import argparse
import json
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from logoflow.errors import UserError
from logoflow.generators import choose_generator
from logoflow.store.store import Artifact
from moco.shipped import CENTROIDS, ENCODER
from stylegan2.checkpoints import load_discriminator, load_generator, save_network
from stylegan2.shipped import CARD, DISCRIMINATOR, GENERATOR
from tasks.rivals import METRICS

MOST_MB = 12
MADE_BY = (
    "python -m data.sample.build --size full",
    "logoflow run configs/kit.yaml",
    "python -m tasks.ship_generator",
)
TRAINED_ELSEWHERE = (
    "python -m data.sample.build --size full",
    "logoflow run configs/kit.yaml --only ..., a stage at a time up to curate",
    "python -m stylegan2.train, with these settings, on curate's pixels.npy and labels.npy",
    "logoflow run configs/kit.yaml --set train_gan.start_generator=... --set train_gan.start_discriminator=... "
    "--set train_gan.total_kimg=0, and channel_base, channel_max, z_dim and w_dim of these settings",
    "python -m tasks.ship_generator --training ...",
)
TOLD = ("frechet", "frechet_floor", "kernel", "density", "coverage", "precision", "recall", "in_asked_cluster")


def main() -> None:
    """Read the run, write the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="id of the run, or its beginning")
    parser.add_argument("--store", type=Path, help="folder of the store")
    parser.add_argument("--training", type=Path, help="folder of a training that was not part of the run")
    given = parser.parse_args()
    chosen = choose_generator(given.run, given.store)
    if chosen.space is None or chosen.trained is None or chosen.training_set is None:
        raise UserError("there is no finished run of configs/kit.yaml: run it first, or name its --store.")
    evaluated = [
        artifact
        for artifact in chosen.space.store.artifacts("evaluate")
        if artifact.manifest.inputs["train_gan"].fingerprint == chosen.trained.manifest.fingerprint
    ]
    if not evaluated:
        raise UserError(f"the generator of {chosen.origin} is not evaluated yet: run configs/kit.yaml to its end.")
    save_network(GENERATOR, load_generator(chosen.trained.file("generator.safetensors")).half())
    save_network(DISCRIMINATOR, load_discriminator(chosen.trained.file("discriminator.safetensors")).half())
    for path in (GENERATOR, DISCRIMINATOR):
        assert path.stat().st_size < MOST_MB * 1e6, f"{path} is larger than {MOST_MB} MB"
    facts = {"commands": TRAINED_ELSEWHERE if given.training else MADE_BY}
    facts |= facts_of(given.training or chosen.trained.path)
    CARD.write_text(json.dumps(card(chosen.training_set, chosen.trained, evaluated[-1], facts), indent=1) + "\n")


def facts_of(training: Path) -> dict[str, Any]:
    """How networks were trained, from what a training leaves: settings, images seen, hours."""
    lines = [json.loads(line) for line in (training / "curve.jsonl").read_text().splitlines()]
    scored = [line for line in lines if "score" in line]
    kept = min(scored, key=lambda line: line["score"]) if scored else lines[-1]
    run = json.loads((training / "run.json").read_text())
    told = {"settings": run["settings"], "seed": run["seed"]}
    return told | {"kimg": kept["kimg"], "hours": round(kept["wall_s"] / 3600, 2)}


def card(training_set: Artifact, trained: Artifact, evaluated: Artifact, training: dict[str, Any]) -> dict[str, Any]:
    """What people ought to know of the networks."""
    rows = pq.read_table(training_set.file("provenance.parquet"), columns=["licence", "label"]).to_pydict()
    manifest = trained.manifest
    scores = json.loads(evaluated.file(METRICS).read_text())
    space = scores["spaces"][0]
    return {
        "what": "StyleGAN2-ADA of logos, 64 x 64 px, conditioned on ten clusters by shape.",
        "trained_on": f"{len(rows['label'])} logos without text and without copies, of the icon sets named in "
        "data/sample/README.md",
        "licences": dict(sorted(Counter(rows["licence"]).items())),
        "logos_of_each_cluster": [count for _, count in sorted(Counter(rows["label"]).items())],
        "weights_licence": "Apache-2.0. The logos are trademarks of their owners: `logoflow check` what is drawn "
        "before it is used.",
        **training,
        "machine": manifest.host,
        "versions": manifest.versions,
        "encoder": sha256(ENCODER.read_bytes()).hexdigest(),
        "centroids": sha256(CENTROIDS.read_bytes()).hexdigest(),
        "metrics": {f"{name}_{space}": scores[f"{name}_{space}"] for name in TOLD} | {"images": scores["images"]},
        "clusters": scores["clusters"],
        "not_for": "Logos that can be used as they are: they show what the pipeline makes, and start trainings.",
    }


if __name__ == "__main__":
    main()
