"""Train the encoder that ships: `python -m tasks.ship_encoder data/full/*.parquet --work FOLDER`.

IMAGES are Parquet files with the columns name, licence and image, as `python -m data.sample.build --size full` draws
them. It goes on where it was killed. Left in moco/: the encoder, the centroids of ten clusters of what it was trained
on, and a card that says of what it is made and how well it finds copies.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.images import ADMITTED, decode
from data.pixels import fit_rgb
from logoflow.config.sections import OUTLINES
from logoflow.machine import library_version
from moco.curve import EpochReport
from moco.encoder import embed, load_encoder
from moco.settings import EncoderSettings
from moco.shipped import CARD, CENTROIDS, ENCODER
from moco.training import train
from neighbours.kmeans import kmeans
from neighbours.outlines import outlines
from neighbours.vectors import with_outlines

SEED = 0
CLUSTERS = 10
SETTINGS = {
    "resolution": 32, "epochs": 60, "batch": 128, "queue": 2048, "warmup": 100, "dtype": "bfloat16",
}  # fmt: skip


def main() -> None:
    """Train, cluster, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+", help="Parquet files")
    parser.add_argument("--work", type=Path, required=True, help="folder for snapshots")
    parser.add_argument("--device", default="cpu", help="such as cpu or cuda")
    given = parser.parse_args()

    settings = EncoderSettings.model_validate(SETTINGS)
    squares, licences = read_squares(given.images, settings.resolution)
    trained = train(squares, settings, SEED, given.work, given.device, on_epoch=print)
    vectors = with_outlines(embed(load_encoder(trained), squares, device=given.device), outlines(squares), OUTLINES)
    ENCODER.write_bytes(trained.read_bytes())
    np.save(CENTROIDS, kmeans(vectors, CLUSTERS, restarts=10, seed=SEED).centroids)
    curve = [EpochReport(**json.loads(line)) for line in (given.work / "curve.jsonl").read_text().splitlines()]
    CARD.write_text(json.dumps(card(settings, licences, curve[-1]), indent=1) + "\n")


def read_squares(paths: Sequence[Path], side: int) -> tuple[NDArray[np.uint8], Counter[str]]:
    """All pictures as the encoder takes them, `[N, 3, side, side]`, and how many there are under each licence."""
    squares, licences = [], Counter[str]()
    for path in paths:
        for row in pq.read_table(path, columns=["licence", "image"]).to_pylist():
            squares.append(fit_rgb(decode(row["image"]["bytes"], ADMITTED).pixels, side))
            licences[row["licence"]] += 1
    return np.stack(squares), licences


def card(settings: EncoderSettings, licences: Counter[str], last: EpochReport) -> dict[str, object]:
    """What people ought to know of the encoder."""
    return {
        "what": "MoCo v2 encoder of logos: 32 x 32 px on white to unit vectors, for finding copies and what is alike.",
        "trained_on": f"{sum(licences.values())} coloured logos of the icon sets named in data/sample/README.md",
        "licences": dict(sorted(licences.items())),
        "weights_licence": "Apache-2.0. The logos are trademarks of their owners; the weights reproduce none of them.",
        "command": "python -m data.sample.build --size full; "
        "python -m tasks.ship_encoder data/full/*.parquet --work FOLDER",
        "settings": settings.model_dump(mode="json", exclude_unset=True),
        "seed": SEED,
        "torch": library_version("torch"),
        "monitor": asdict(last),
        "not_for": "Photographs, and telling apart what differs only in details that 32 x 32 px do not show.",
    }


if __name__ == "__main__":
    main()
