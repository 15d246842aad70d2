"""The page of the clusters: what each is like, who is central to it and who marginal, in which colours, on a map."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from data.sheets import contact_sheet
from logoflow.report.page import Curve, Page, Picture, Series, Table
from neighbours.colours import Swatch, dominant_colours
from neighbours.describe import balanced_sample, cluster_silhouettes, mean_by_cluster
from tasks.cluster_map import cluster_map
from tasks.clusters import TILE, Clusters, Logos, Rows, Squares
from tasks.sheets import save_picture
from tasks.stage import Build

SHOWN = 24
COLUMNS = 6
COLOURED = 64  # logos of each cluster whose pixels are counted
STRIP = 20
LEAST_SHARE = 0.02


def cluster_page(build: Build, clusters: Clusters) -> Page:
    """Each cluster's size, cohesion, colours and faces, how other numbers of clusters would do, and the map."""
    seed, k, labels = build.config.seed, clusters.k, clusters.labels
    coloured = balanced_sample(labels, k * COLOURED, seed, most=COLOURED)
    mapped = balanced_sample(labels, build.config.map_images, seed)
    ends = [rows for number in range(k) for rows in both_ends(clusters.outwards(number))]
    logos = Logos.load(clusters, build.space.store, [coloured, mapped, *ends])
    colours = [colours_of(logos.of(coloured[labels[coloured] == number])) for number in range(k)]
    summary = summary_of(build, clusters)
    pictures = tuple(
        picture for number in range(k) for picture in faces(build, clusters, logos, number, colours[number])
    )
    drawn = cluster_map(build, clusters, mapped, logos.of(mapped)) if len(mapped) else None
    return Page(summary, pictures, (separation_curve(clusters),), (table_of(clusters, colours, seed),), drawn)


def both_ends(outwards: Rows) -> tuple[Rows, Rows]:
    """The most central rows, and the most marginal of the rest, the farthest first."""
    return outwards[:SHOWN], outwards[SHOWN:][-SHOWN:][::-1]


def colours_of(squares: Squares) -> tuple[Swatch, ...]:
    """Dominant colours of some logos, without the faint ones."""
    return tuple(swatch for swatch in dominant_colours(squares) if swatch.share >= LEAST_SHARE)


def summary_of(build: Build, clusters: Clusters) -> str:
    """How many clusters of what sizes, and how their number was found."""
    sizes = np.bincount(clusters.labels, minlength=clusters.k)
    summary = f"{len(clusters.labels)} logos in {clusters.k} clusters of {sizes.min()} to {sizes.max()}."
    if build.config.k == "auto":
        compared = ", ".join(map(str, clusters.scores))
        summary += f" Of {compared}, {clusters.k} is the number that separates them best."
    return summary


def table_of(clusters: Clusters, colours: Sequence[tuple[Swatch, ...]], seed: int) -> Table:
    """What each cluster is like, in numbers."""
    k, labels = clusters.k, clusters.labels
    cohesion = mean_by_cluster(clusters.cosines, labels, k).tolist()
    separation = cluster_silhouettes(clusters.vectors, labels, k, seed).tolist()
    sizes = np.bincount(labels, minlength=k).tolist()
    rows = tuple(
        (number, sizes[number], round(cohesion[number], 3), round(separation[number], 3), listed(colours[number]))
        for number in range(k)
    )
    return Table(
        "Clusters",
        ("cluster", "logos", "cohesion", "silhouette", "dominant colours"),
        rows,
        "Cohesion: mean cosine of the logos with their centre; 1 if all are equal. Silhouette: how much nearer their "
        "own cluster is than the next, \N{MINUS SIGN}1 to 1. Colours: share of the ink, white paper left out.",
    )


def faces(build: Build, clusters: Clusters, logos: Logos, number: int, colours: Sequence[Swatch]) -> Iterator[Picture]:
    """A sheet of a cluster's most central logos over its colours, and one of its most marginal."""
    central, marginal = both_ends(clusters.outwards(number))
    title = f"Cluster {number}: {np.count_nonzero(clusters.labels == number)} logos"
    alt = f"{title}: the {len(central)} most central, in rows, over a strip of their colours"
    caption = "The most central first."
    if colours:
        caption += f" Below them the dominant colours: {listed(colours)}."
    sheet = above_strip(sheet_of(logos.of(central)), colours)
    yield save_picture(build, f"cluster-{number:02}.png", title, sheet, alt, caption)
    if len(marginal):
        title = f"Cluster {number}: at its edge"
        alt = f"{title}: {len(marginal)} logos in rows"
        caption = "The farthest from the centre first: what else the cluster takes in."
        sheet = sheet_of(logos.of(marginal))
        yield save_picture(build, f"cluster-{number:02}-edge.png", title, sheet, alt, caption)


def sheet_of(squares: Squares) -> Image.Image:
    """Logos in rows."""
    return contact_sheet(list(squares.transpose(0, 2, 3, 1)), COLUMNS, TILE)


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


def separation_curve(clusters: Clusters) -> Curve:
    """Mean silhouette by number of clusters, the number that was taken as a dot of its own."""
    every = Series("silhouette", tuple(map(float, clusters.scores)), tuple(clusters.scores.values()))
    taken = Series(f"taken: {clusters.k}", (float(clusters.k),), (clusters.scores[clusters.k],))
    return Curve("Separation by number of clusters", "clusters", "mean silhouette", (every, taken))
