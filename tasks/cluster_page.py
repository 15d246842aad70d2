"""The page of the clusters: what each is like, who is central to it and who marginal, in which colours, on a map."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from data.sheets import contact_sheet
from logoflow.report.page import Curve, Page, Picture, Series, Table
from neighbours.colours import Swatch, dominant_colours
from neighbours.describe import balanced_sample, cluster_silhouettes, mean_by_cluster
from tasks.cluster_map import cluster_map
from tasks.clusters import Clusters
from tasks.images import load_pictures, load_squares, shard_of_each
from tasks.sheets import save_picture
from tasks.stage import Build

SHOWN = 24
COLUMNS = 6
TILE = 80
COLOURED = 64  # logos of each cluster whose pixels are counted
COLOURED_SIDE = 32
STRIP = 20
LEAST_SHARE = 0.02


def cluster_page(build: Build, shown: Clusters) -> Page:
    """Each cluster's size, cohesion, colours and faces, how other numbers of clusters would do, and the map."""
    seed, labels = build.config.seed, shown.found.labels
    sizes = np.bincount(labels, minlength=shown.k)
    cohesion = mean_by_cluster(shown.cosines, labels, shown.k)
    separation = cluster_silhouettes(shown.vectors, labels, shown.k, seed)
    colours = colours_of(build, shown, seed)
    rows = tuple(
        (number, int(size), round(together, 3), round(apart, 3), listed(swatches))
        for number, (size, together, apart, swatches) in enumerate(
            zip(sizes, cohesion.tolist(), separation.tolist(), colours, strict=True)
        )
    )
    table = Table(
        "Clusters",
        ("cluster", "logos", "cohesion", "silhouette", "dominant colours"),
        rows,
        "Cohesion: mean cosine of the logos with their centre; 1 if all are equal. Silhouette: how much nearer their "
        "own cluster is than the next, \N{MINUS SIGN}1 to 1. Colours: share of the ink, white paper left out.",
    )
    summary = f"{len(labels)} logos in {shown.k} clusters of {sizes.min()} to {sizes.max()}."
    if build.config.k == "auto":
        compared = ", ".join(map(str, shown.scores))
        summary += f" Of {compared}, {shown.k} is the number that separates them best."
    pictures = faces(build, shown, sizes, colours)
    return Page(summary, pictures, (separation_curve(shown),), (table,), map=cluster_map(build, shown))


def colours_of(build: Build, shown: Clusters, seed: int) -> list[tuple[Swatch, ...]]:
    """Dominant colours of each cluster, from a sample of its logos."""
    labels = shown.found.labels
    rows = balanced_sample(labels, shown.k * COLOURED, seed, most=COLOURED)
    squares = load_squares(shown.table, build.space.store, [shown.ids[row] for row in rows], COLOURED_SIDE)
    found = [dominant_colours(squares[labels[rows] == number]) for number in range(shown.k)]
    return [tuple(swatch for swatch in swatches if swatch.share >= LEAST_SHARE) for swatches in found]


def faces(
    build: Build, shown: Clusters, sizes: NDArray[np.int64], colours: Sequence[tuple[Swatch, ...]]
) -> tuple[Picture, ...]:
    """For each cluster a sheet of its most central logos over its colours, and one of its most marginal."""
    where = shard_of_each(shown.table)
    pictures = []
    for number, size in enumerate(sizes.tolist()):
        members = np.flatnonzero(shown.found.labels == number)
        nearest = members[np.argsort(-shown.cosines[members], kind="stable")]
        central, marginal = nearest[:SHOWN], nearest[SHOWN:][-SHOWN:][::-1]  # no logo on both
        loaded = load_pictures(build.space.store, [(shown.ids[i], where[shown.ids[i]]) for i in (*central, *marginal)])
        title = f"Cluster {number}: {size} logos"
        sheet = above_strip(contact_sheet(loaded[: len(central)], COLUMNS, TILE), colours[number])
        caption = "The most central first."
        if colours[number]:
            caption += f" Below them the dominant colours: {listed(colours[number])}."
        alt = f"{title}: the {len(central)} most central, in rows, over a strip of their colours"
        pictures.append(save_picture(build, f"cluster-{number:02}.png", title, sheet, alt, caption))
        if len(marginal):
            title = f"Cluster {number}: at its edge"
            sheet = contact_sheet(loaded[len(central) :], COLUMNS, TILE)
            alt = f"{title}: {len(marginal)} logos in rows"
            caption = "The farthest from the centre first: what else the cluster takes in."
            pictures.append(save_picture(build, f"cluster-{number:02}-edge.png", title, sheet, alt, caption))
    return tuple(pictures)


def above_strip(sheet: Image.Image, colours: Sequence[Swatch]) -> Image.Image:
    """A sheet with a strip of colours below it, each as wide as its share."""
    if not colours:
        return sheet
    whole = Image.new("RGB", (sheet.width, sheet.height + STRIP), "white")
    whole.paste(sheet)
    draw = ImageDraw.Draw(whole)
    total, left = sum(swatch.share for swatch in colours), 0.0
    for swatch in colours:
        right = left + swatch.share / total * sheet.width
        draw.rectangle((round(left), sheet.height, round(right) - 1, whole.height - 1), swatch.colour)
        left = right
    return whole


def listed(colours: Sequence[Swatch]) -> str:
    """Colours with their shares, in words."""
    return ", ".join(f"{swatch.name} {swatch.share:.0%}" for swatch in colours)


def separation_curve(shown: Clusters) -> Curve:
    """Mean silhouette by number of clusters, the number that was taken as a dot of its own."""
    every = Series("silhouette", tuple(map(float, shown.scores)), tuple(shown.scores.values()))
    taken = Series(f"taken: {shown.k}", (float(shown.k),), (shown.scores[shown.k],))
    return Curve("Separation by number of clusters", "clusters", "mean silhouette", (every, taken))
