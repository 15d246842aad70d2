"""generate: sample sheets of the trained generator."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from logoflow.config.sections import GenerateConfig
from logoflow.report.page import Page, Picture
from logoflow.store.store import Artifact
from stylegan2.directions import moved, principal_directions
from stylegan2.generator import Generator
from stylegan2.mixing import mixed
from stylegan2.sampling import generate as draw
from stylegan2.sampling import load_generator, mapped, render
from stylegan2.walks import walk_in_w
from tasks.device import device_named
from tasks.originality import check_originality
from tasks.sheets import save_sheet
from tasks.sorting import sort_logos
from tasks.stage import Build, stage

PSIS = (0.0, 0.25, 0.5, 0.75, 1.0)
TILE = 80
STRIPS, PLACES, REACH = 5, 9, 2.5  # directions, logos along each, standard deviations to both sides

Pixels = NDArray[np.uint8]


@stage("generate")
def generate(build: Build, training_set: Artifact, trained: Artifact, encoder: Artifact) -> None:
    """Draw a grid per cluster and ways between logos; sort what is drawn, and look for what it repeats."""
    config: GenerateConfig = build.config
    assert config.seed is not None
    device = device_named(build.run.config.device)
    generator = load_generator(trained.file("generator.safetensors")).to(device)
    clusters = max(1, generator.settings.classes)
    seeds = [config.seed + i for i in range(clusters * config.per_cluster)]
    rows = np.repeat(np.arange(clusters), config.per_cluster).tolist()
    samples = draw(generator, seeds, classes_of(generator, rows), config.truncation)
    np.save(build.folder / "samples.npy", samples.reshape(clusters, config.per_cluster, *samples.shape[1:]))

    caption = "The same seeds give the same logos."
    grid = sheet(build, "grid.png", "Generated logos, a row for each cluster", samples, config.per_cluster, caption)
    sheets = (interpolations, mixtures, truncations, directions)
    more = [draw_sheet(build, generator, clusters) for draw_sheet in sheets]
    build.metrics |= {"images": len(samples), "clusters": clusters, "truncation": config.truncation}
    by_grade = sort_logos(build, training_set, trained, samples, np.array(rows))
    by_likeness = check_originality(build, training_set, encoder.lazy("encoder.safetensors"), samples)
    summary = f"{len(samples)} logos of {clusters} clusters at truncation {config.truncation:g}."
    build.page(
        Page(
            f"{summary} {by_grade.summary} {by_likeness.summary}",
            (grid, *by_grade.pictures, *by_likeness.pictures, *more),
            tables=(*by_grade.tables, *by_likeness.tables),
        )
    )


def classes_of(generator: Generator, rows: Sequence[int]) -> list[int] | None:
    """The classes to ask for; None where the generator has none."""
    return list(rows) if generator.settings.classes else None


def sheet(build: Build, file: str, title: str, images: Pixels, columns: int, caption: str) -> Picture:
    """Generated pictures `[N, 3, S, S]` in rows."""
    return save_sheet(
        build, file, title, list(images.transpose(0, 2, 3, 1)), caption=caption, columns=columns, tile=TILE
    )


def interpolations(build: Build, generator: Generator, clusters: int) -> Picture:
    """From one logo to another, within clusters and from cluster to cluster."""
    config: GenerateConfig = build.config
    seed = config.seed or 0
    rows = []
    for row in range(min(6, clusters)):
        ends = (row, row if row % 2 == 0 else (row + 1) % clusters)
        seeds = (seed + 2 * row, seed + 2 * row + 1)
        classes = ends if generator.settings.classes else None
        keys = mapped(generator, seeds, classes, config.truncation)
        rows.append(render(generator, walk_in_w(generator, keys, config.steps - 1)))
    caption = "Straight lines in w; every other row ends in the next cluster."
    return sheet(build, "interpolation.png", "From one logo to another", np.concatenate(rows), config.steps, caption)


def mixtures(build: Build, generator: Generator, clusters: int) -> Picture:
    """Each row's logo with the fine styles of each column's."""
    config: GenerateConfig = build.config
    seed, size = config.seed or 0, 6
    kinds = classes_of(generator, [i % clusters for i in range(size)])
    layers = range(generator.settings.layers // 2, generator.settings.layers)
    rows, columns = (
        mapped(generator, [seed + first + i for i in range(size)], kinds, config.truncation) for first in (0, 100)
    )
    heads, sides = render(generator, columns), render(generator, rows)
    mixtures = render(generator, mixed(rows, columns, layers).flatten(0, 1)).reshape(size, size, *heads.shape[1:])
    corner = np.full_like(heads[:1], 255)
    table = [corner, heads, *(part for side, row in zip(sides, mixtures, strict=True) for part in (side[None], row))]
    caption = "Shape from the first column, fine styles (the upper half of the layers) from the first row."
    return sheet(build, "mixing.png", "Styles of two logos mixed", np.concatenate(table), size + 1, caption)


def truncations(build: Build, generator: Generator, clusters: int) -> Picture:
    """From the average of a cluster to its full variety."""
    seed = build.config.seed or 0
    rows = list(range(min(6, clusters)))
    columns = [draw(generator, [seed + row for row in rows], classes_of(generator, rows), psi) for psi in PSIS]
    images = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
    caption = f"Truncation psi from left to right: {', '.join(f'{psi:g}' for psi in PSIS)}."
    return sheet(build, "truncation.png", "From the average to full variety", images, len(PSIS), caption)


def directions(build: Build, generator: Generator, clusters: int) -> Picture:
    """One logo moved along the directions of w in which logos differ most."""
    seed = build.config.seed or 0
    found = principal_directions(generator, min(STRIPS, generator.settings.w_dim))
    ws = mapped(generator, [seed], classes_of(generator, [0]), build.config.truncation)
    strips = moved(ws, found, REACH, PLACES, range(generator.settings.layers))
    images = render(generator, strips.flatten(0, 2))
    caption = (
        f"A row for each principal component of w, from {-REACH:g} to {REACH:g} standard deviations; the logo itself "
        "is in the middle."
    )
    return sheet(build, "directions.png", "In which ways logos differ", images, PLACES, caption)
