"""A small training that learns: coloured shapes in four classes, against two cheap generators.

    python -m benchmarks.gan_shapes [--kimg 220] [--geometry reference|bilinear] [--work FOLDER] [--device cpu] [--json]

2,000 discs, squares, triangles and rings of random colours, sizes and places, 32 px, are learnt by a small generator in
about ten CPU-minutes. Its pictures, and those of two generators that know no more than class-wise statistics, are
compared with 1,000 other shapes:

    Gaussian    per class, a normal distribution over the first 64 principal components of the pixels
    mean        per class, the mean picture with normal noise of each pixel's own deviation

The Fréchet distance and coverage are those of EfficientNet-Lite0's features. A picture counts as of the class whose
mean feature is nearest. Nothing is augmented unless a geometry is named; then the pipe bgc is, with p = 0.4, which
compares what the two geometries teach in as many images. FOLDER keeps the training, so that it goes on where it was
stopped, and receives grid.png.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
from dataclasses import asdict, dataclass
from math import cos, pi, sin
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from evaluation.classes import share_in_asked
from evaluation.coverage import density_coverage
from evaluation.features import EfficientNetLite0
from evaluation.frechet import frechet_distance
from logoflow.machine import has_bfloat16
from stylegan2.grids import save_grid
from stylegan2.sampling import generate, load_generator
from stylegan2.settings import AugmentSettings, TrainingSettings
from stylegan2.training import train

SHAPES = ("disc", "square", "triangle", "ring")
SIDE, OVERSAMPLED = 32, 8
TRAINED, COMPARED = 2000, 1000
COMPONENTS = 64
COLUMNS = 16

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Result:
    """One row: pictures of a method against other real shapes."""

    method: str
    frechet: float
    coverage: float
    as_asked: float


def main() -> None:
    """Draw, train, compare, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kimg", type=float, default=220.0)
    parser.add_argument("--geometry", choices=("reference", "bilinear"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()

    images, labels = shapes(TRAINED, seed=0)
    others, asked = shapes(COMPARED, seed=1)
    work = given.work or Path(tempfile.mkdtemp())
    before_s = cpu_seconds()
    folder = train(images, labels, settings(given.kimg, given.geometry), 0, work, given.device)
    spent_s = cpu_seconds() - before_s
    generator = load_generator(folder / "generator.safetensors").to(given.device)
    ours = generate(generator, range(COMPARED), asked.tolist())
    save_grid(work / "grid.png", rows_of(ours, asked), COLUMNS)

    pictures = {
        "other real shapes": shapes(COMPARED, seed=2)[0],
        "ours": ours,
        "Gaussian": gaussian(images, labels, asked),
        "mean": mean_with_noise(images, labels, asked),
    }
    network = EfficientNetLite0(given.device)
    real = network.extract(others)
    results = []
    for method, found in pictures.items():
        features = network.extract(found)
        right = share_in_asked(real, asked, features, asked)  # shapes come in one order
        results.append(
            Result(method, frechet_distance(real, features), density_coverage(real, features).coverage, right)
        )
    if given.json:
        print(json.dumps([asdict(one) for one in results]))
        return
    print(f"{given.kimg:g} kimg in {spent_s / 60:.1f} CPU-minutes; {work / 'grid.png'}\n")
    print(f"{'method':<20} {'Fréchet':>9} {'x ours':>7} {'coverage':>9} {'as asked':>9}")
    mine = next(one.frechet for one in results if one.method == "ours")
    for one in results:
        ratio = one.frechet / mine
        print(f"{one.method:<20} {one.frechet:9.1f} {ratio:7.2f} {one.coverage:9.3f} {one.as_asked:9.1%}")


def settings(kimg: float, geometry: Literal["reference", "bilinear"] | None) -> TrainingSettings:
    """A generator that a core trains in minutes: small, D quicker than G, without what pays in long trainings only.

    Both slow down early, so that D may come to see that an outline wobbles. Chosen by this benchmark's own figures.
    """
    return TrainingSettings(
        total_kimg=kimg,
        batch=32,
        learning_rate=0.006,
        discriminator_learning_rate=0.012,
        decay_kimg=20.0,
        r1_gamma=0.05,
        clip=True,
        discriminator="orig",
        label_depth=2,
        path_length_weight=0,
        style_mixing=0,
        channel_base=512,
        channel_max=64,
        z_dim=8,
        w_dim=32,
        noise=False,
        precision="bfloat16" if has_bfloat16() else "float32",
        tick_kimg=2.0,
        augment=AugmentSettings(mode="off")
        if geometry is None
        else AugmentSettings(mode="fixed", strength=0.4, geometry=geometry),
    )


def shapes(count: int, seed: int) -> tuple[Images, Labels]:
    """Shapes `[count, 3, 32, 32]` on white, and which of the four each is."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % len(SHAPES)
    return np.stack([draw(SHAPES[label], random) for label in labels]), labels


def draw(shape: str, random: np.random.Generator) -> Images:
    """One shape, `[3, 32, 32]`, of a random colour, size and place."""
    side = SIDE * OVERSAMPLED
    colour = f"hsv({random.integers(360)},{random.integers(60, 101)}%,{random.integers(50, 96)}%)"
    radius = side * random.uniform(0.2, 0.38)
    x, y = (side / 2 + side * random.uniform(-0.1, 0.1) for _ in range(2))
    box = (x - radius, y - radius, x + radius, y + radius)
    image = Image.new("RGB", (side, side), "white")
    pen = ImageDraw.Draw(image)
    match shape:
        case "disc":
            pen.ellipse(box, fill=colour)
        case "square":
            pen.rectangle(box, fill=colour)
        case "triangle":
            corners = [pi * (2 * i / 3 - 0.5) for i in range(3)]
            pen.polygon([(x + radius * cos(a), y + radius * sin(a)) for a in corners], fill=colour)
        case "ring":
            pen.ellipse(box, outline=colour, width=round(radius * 0.4))
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)).transpose(2, 0, 1)


def gaussian(images: Images, labels: Labels, asked: Labels) -> Images:
    """Draws from a normal distribution over the principal components of each class."""
    random = np.random.default_rng(3)
    drawn = np.empty((len(asked), images[0].size))
    for label in np.unique(asked):
        pixels = images[labels == label].reshape(-1, images[0].size).astype(np.float64)
        mean = pixels.mean(axis=0)
        _, scales, directions = np.linalg.svd(pixels - mean, full_matrices=False)
        deviations = scales[:COMPONENTS] / np.sqrt(len(pixels) - 1)
        mine = asked == label
        weights = random.standard_normal((mine.sum(), COMPONENTS)) * deviations
        drawn[mine] = mean + weights @ directions[:COMPONENTS]
    return _as_images(drawn, images)


def mean_with_noise(images: Images, labels: Labels, asked: Labels) -> Images:
    """The mean picture of each class, with independent noise."""
    random = np.random.default_rng(4)
    drawn = np.empty((len(asked), images[0].size))
    for label in np.unique(asked):
        pixels = images[labels == label].reshape(-1, images[0].size)
        mine = asked == label
        noise = random.standard_normal((mine.sum(), images[0].size))
        drawn[mine] = pixels.mean(axis=0) + noise * pixels.std(axis=0)
    return _as_images(drawn, images)


def rows_of(images: Images, labels: Labels) -> Images:
    """The first pictures of each class, a row each."""
    return np.concatenate([images[labels == label][:COLUMNS] for label in np.unique(labels)])


def cpu_seconds() -> float:
    """CPU time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _as_images(values: NDArray[np.float64], like: Images) -> Images:
    return values.round().clip(0, 255).astype(np.uint8).reshape(-1, *like.shape[1:])


if __name__ == "__main__":
    main()
