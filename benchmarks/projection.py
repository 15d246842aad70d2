"""How near projection comes: to pictures that the generator made itself, and to real logos, in w and in w+.

    python -m benchmarks.projection GENERATOR [LOGOS...] [--count 20] [--steps 300] [--sheet FILE] [--json]

GENERATOR is a file that training wrote; LOGOS are images, folders or Parquet files. Of its own pictures each has a seed
and, in turn, a class of its own; noise is the stored one. What is printed is the mean absolute difference of the
pictures as a share of the range, and how it falls with the steps, each of which is an image through the generator and
back. All pictures are projected together, and the seconds told are those for one of them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.images import flatten
from data.sheets import contact_sheet
from evaluation.perceptual import PerceptualMaps
from logoflow.cli.pictures import Offered, read_pictures
from logoflow.cli.project import target
from stylegan2.checkpoints import load_generator
from stylegan2.generator import Generator
from stylegan2.grids import to_uint8
from stylegan2.projection import Projection, Space, project
from stylegan2.streams import stream

POINTS = 10  # of the curve that are printed
FRAMES = 60
SPACES: tuple[Space, ...] = ("w", "w+")


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        what: pictures projected, and the space.
        mean: mean absolute difference over all pictures, 0..1.
        worst: that of the worst picture.
        within: share of the pictures within 0.02.
        curve: mean absolute difference over all pictures at ten points of the way.
        seconds: for each picture.
    """

    what: str
    mean: float
    worst: float
    within: float
    curve: list[float]
    seconds: float


def main() -> None:
    """Project, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generator", type=Path)
    parser.add_argument("logos", nargs="*")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--sheet", type=Path, help="image file for targets and what was found, a row for each")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()

    generator = load_generator(given.generator)
    describe = PerceptualMaps()
    sets = {"its own": own_pictures(generator, given.count)}
    if given.logos:
        sets["real"] = real_logos(generator, given.logos, given.count)
    results, rows = [], []
    for name, targets in sets.items():
        rows.append(targets)
        for space in SPACES:
            start = time.perf_counter()
            found = project(generator, targets, describe, space=space, steps=given.steps, frames=FRAMES)
            results.append(result(f"{name}, {space}", found, targets, time.perf_counter() - start))
            rows.append(torch.stack([one.image for one in found]))
    if given.sheet is not None:
        pictures = [flatten(one.transpose(1, 2, 0)) for one in to_uint8(torch.cat(rows))]
        contact_sheet(pictures, given.count, 96).save(given.sheet)
    if given.json:
        print(json.dumps([asdict(one) for one in results]))
        return
    print(f"{'pictures, space':<16} {'mean':>7} {'worst':>7} {'<= 0.02':>8} {'s each':>7}   on the way")
    for one in results:
        curve = " ".join(f"{value:.3f}" for value in one.curve)
        print(f"{one.what:<16} {one.mean:7.4f} {one.worst:7.4f} {one.within:8.0%} {one.seconds:7.1f}   {curve}")


def own_pictures(generator: Generator, count: int) -> Tensor:
    """Pictures that the generator makes of seeds that projection does not draw, `[N, C, H, W]`."""
    settings = generator.settings
    z = torch.randn(count, settings.z_dim, generator=stream(0, "benchmark", 0))
    labels = torch.arange(count) % settings.classes if settings.classes else None
    with torch.no_grad():
        image: Tensor = generator(z, labels)
    return image.clamp(-1, 1)


def real_logos(generator: Generator, paths: Sequence[str], count: int) -> Tensor:
    """Real logos, evenly spread over what is there, as the generator would draw them."""
    images = [image for image in read_pictures(paths) if isinstance(image, Offered)]
    chosen = np.linspace(0, len(images) - 1, min(count, len(images))).astype(int)
    return torch.stack([target(images[n], generator) for n in chosen])


def result(what: str, found: Sequence[Projection], targets: Tensor, seconds: float) -> Result:
    """The figures of some projections."""
    errors = np.array([one.error for one in found])
    way = torch.stack([one.film for one in found]).clamp(-1, 1)  # [N, F, C, H, W]
    curve = ((way - targets[:, None]).abs().mean(dim=(0, 2, 3, 4)) / 2).tolist()
    points = np.linspace(0, len(curve) - 1, POINTS).astype(int)
    return Result(
        what, float(errors.mean()), float(errors.max()), float((errors <= 0.02).mean()),
        [curve[n] for n in points], seconds / len(found),
    )  # fmt: skip


if __name__ == "__main__":
    main()
