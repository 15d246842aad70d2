"""Generated logos beside the training logos that they are nearest to: which repeat one, in its own or other colours."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data.images import flatten, picture
from data.pixels import fit_squares
from logoflow.report.page import Page, Picture, Table
from logoflow.store.store import Artifact
from moco.encoder import embed, load_encoder
from neighbours.likeness import Likeness, Near, Rules, among_themselves, look, nearer_than, nearest
from neighbours.outlines import outlines
from tasks.describe import THUMBNAIL, view
from tasks.device import NETWORK, device_named
from tasks.sheets import save_sheet
from tasks.stage import Build
from tasks.units import Unit, UnitKind, map_units

VECTORS, OUTLINES = "vectors.npy", "outlines.npy"
CHECKED = "originality.json"
BLOCK = 1024
SHOWN = 24  # pairs
COLUMNS, TILE = 8, 96

Drawn = NDArray[np.uint8]


@dataclass(frozen=True)
class DescribeWork:
    """Training pixels, and the encoder to describe them by."""

    pixels: os.PathLike[str]
    encoder: os.PathLike[str]
    device: str


def describe_training(work: DescribeWork, folder: Path) -> None:
    """Vectors and outlines of the training logos, as the generator saw them."""
    pixels = np.load(os.fspath(work.pixels), mmap_mode="r")
    encoder = load_encoder(Path(work.encoder), work.device)
    vectors, found = [], []
    for start in range(0, len(pixels), BLOCK):
        squares = fit_squares(pictures(pixels[start : start + BLOCK]), encoder.settings.resolution)
        with NETWORK:
            vectors.append(embed(encoder, squares, device=work.device))
        found.append(outlines(squares))
    np.save(folder / VECTORS, np.concatenate(vectors))
    np.save(folder / OUTLINES, np.concatenate(found))


DESCRIBED = UnitKind(
    name="generate.training",
    work=describe_training,
    data=(VECTORS, OUTLINES),
    libraries=("torch", "pillow"),
)


def check_originality(build: Build, training_set: Artifact, encoder: os.PathLike[str], drawn: Drawn) -> Page:
    """Look for the training logos that generated ones repeat; findings go to originality.json, the rest to the page.

    Args:
        build: the stage's; its metrics get the share of suspects.
        training_set: the artifact of curate.
        encoder: encoder.safetensors of the artifact of train_encoder, or the one that ships.
        drawn: generated logos, uint8 `[M, C, S, S]`.
    """
    device = device_named(build.run.config.device)
    pixels = np.load(training_set.file("pixels.npy"), mmap_mode="r")
    work = DescribeWork(training_set.lazy("pixels.npy"), encoder, device)
    shaping = {"encoder": build.space.memo.sha256(Path(encoder))}
    (known,) = map_units(build, DESCRIBED, shaping, [Unit({"training_set": training_set.content}, work, len(pixels))])
    vectors, shapes = (np.load(known.file(name), mmap_mode="r") for name in (VECTORS, OUTLINES))

    def load(rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        thumbnails = fit_squares(pictures(pixels[rows]), THUMBNAIL)
        return thumbnails, np.tile(pixels.shape[:1:-1], (len(rows), 1))

    shown = pictures(drawn)
    network = load_encoder(Path(encoder), device)
    views = [view(part, network, device) for part in (shown, [one[:, ::-1] for one in shown])]
    found = nearest(look(views, vectors, shapes, load), len(drawn), Rules(), k=3)
    usual = among_themselves(vectors, build.config.seed or 0)

    rows = [
        {
            "picture": number,
            "likeness": near[0].likeness.words,
            "nearest": [{"row": one.row, "distance": one.distance, "likeness": one.likeness.words} for one in near],
            "nearer_than": nearer_than(near, usual),
        }
        for number, near in enumerate(found)
    ]
    (build.folder / CHECKED).write_text(json.dumps(rows, indent=1))
    build.metrics["suspected_copies"] = sum(near[0].likeness > Likeness.NONE for near in found)
    sheet = pairs_sheet(build, shown, found, pixels)
    return Page(in_words(found), (sheet,), tables=(distances_table(found, usual),))


def pictures(images: Drawn) -> list[Drawn]:
    """Images `[N, C, S, S]` as RGB on white, `[S, S, 3]` each."""
    return [flatten(picture(one)) for one in np.asarray(images)]


def in_words(found: Sequence[Sequence[Near]]) -> str:
    """How many repeat a training logo, in a sentence."""
    kinds = [near[0].likeness for near in found]
    suspects = sum(kind > Likeness.NONE for kind in kinds)
    if not suspects:
        return f"None of {len(found)} generated logos repeats a training logo, in its own or other colours."
    counts = ", ".join(f"{kinds.count(kind)} {kind.words}" for kind in reversed(Likeness) if kind and kind in kinds)
    return f"{suspects} of {len(found)} generated logos repeat a training logo: {counts}."


def pairs_sheet(build: Build, shown: Sequence[Drawn], found: Sequence[Sequence[Near]], pixels: Drawn) -> Picture:
    """The suspects, then those that are closest, each beside the training logo."""
    order = sorted(range(len(found)), key=lambda n: (-found[n][0].likeness, found[n][0].distance))[:SHOWN]
    images = [one for n in order for one in (shown[n], pictures(pixels[[found[n][0].row]])[0])]
    captions = [
        caption for n in order for caption in ("generated", f"{found[n][0].distance:.2f} {found[n][0].likeness.words}")
    ]
    caption = (
        "Suspects first, then by distance. What is called a copy shows the same mark; nobody should use it, or any "
        "that looks like its neighbour to you."
    )
    title = "Generated logos, each beside the training logo that it is nearest to"
    return save_sheet(build, "originality.png", title, images, captions, caption, COLUMNS, TILE)


def distances_table(found: Sequence[Sequence[Near]], usual: NDArray[np.float64]) -> Table:
    """Distances to the nearest training logo, beside those of training logos among themselves."""
    fakes = [min(one.distance for one in near) for near in found]
    shares = (0.01, 0.05, 0.25, 0.5)
    return Table(
        "Distance to the nearest training logo",
        ("of the logos are nearer than", "generated", "training logos, to another"),
        tuple(
            (f"{s:.0%}", round(float(np.quantile(fakes, s)), 3), round(float(np.quantile(usual, s)), 3)) for s in shares
        ),
        caption="Of unit vectors: 0 for equal logos, 1.41 for unrelated ones. Generated logos that are much nearer "
        "than training logos among themselves repeat them.",
    )
