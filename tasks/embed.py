"""embed: a unit vector per logo without text, and its outlines."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.pixels import load_square
from logoflow.canonical import digest_of
from logoflow.config.sections import EmbedConfig
from logoflow.report.page import Page
from logoflow.store.store import Artifact
from moco.encoder import embed as encode
from moco.encoder import load_encoder
from neighbours.outlines import outlines
from neighbours.vectors import read_vectors, write_vectors
from tasks.device import NETWORK, device_named
from tasks.images import Shard, read_rows, shards
from tasks.stage import Build, stage
from tasks.tables import kept_ids
from tasks.units import Unit, UnitKind, map_units

VECTORS = "vectors.arrow"
WEIGHTS = "encoder.safetensors"


@dataclass(frozen=True)
class EmbedWork:
    """Logos of a shard, and the encoder that describes them."""

    shard: Shard
    encoder: Artifact
    batch: int
    device: str


def embed_shard(work: EmbedWork, folder: Path) -> None:
    """Embed the logos of a shard: the unit of work of embed."""
    device = device_named(work.device)  # of the machine that works
    encoder = load_encoder(work.encoder.file(WEIGHTS), device)
    squares = load_square(read_rows(work.shard), encoder.settings.resolution)
    with NETWORK:
        vectors = encode(encoder, squares, work.batch, device)
    write_vectors(folder / VECTORS, work.shard.ids, vectors, outlines(squares))


EMBED = UnitKind(
    name="embed.vectors",
    work=embed_shard,
    data=(VECTORS,),
    libraries=("torch", "pillow"),
    network=True,
)


@stage("embed")
def embed(build: Build, table: Artifact, decisions: Artifact, encoder: Artifact) -> None:
    """Describe each logo without text by an encoder's unit vector, and its outlines."""
    config: EmbedConfig = build.config
    units = [
        Unit(
            inputs={"shard": shard.content, "ids": digest_of(shard.ids), "encoder": encoder.content},
            payload=EmbedWork(shard, encoder, config.batch, build.run.config.device),
            images=len(shard.ids),
        )
        for shard in shards(table, build.space.store, kept_ids(decisions))
    ]
    made = map_units(build, EMBED, {}, units)
    parts = [read_vectors(artifact.file(VECTORS)) for artifact in made]
    ids = [i for part in parts for i in part[0]]
    vectors, shapes = (np.concatenate([part[n] for part in parts]) for n in (1, 2))
    order = np.argsort(ids)
    write_vectors(build.folder / VECTORS, [ids[i] for i in order], vectors[order], shapes[order])
    build.metrics = {"images": len(ids), "dimensions": vectors.shape[1], **build.metrics}
    build.page(
        Page(
            f"{len(ids)} logos, each described by {vectors.shape[1]} numbers of the encoder's and {shapes.shape[1]} of "
            "its outlines."
        )
    )
