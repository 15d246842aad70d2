"""The page of the clusters, and each one's part of its own: who is central, typical, outermost, in which colours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from data.sheets import contact_sheet
from logoflow.report.page import ClusterPart, Curve, Page, Picture, Series, Table
from neighbours.colours import Swatch, dominant_colours
from neighbours.describe import balanced_sample, cluster_silhouettes, mean_by_cluster
from tasks.cluster_map import cluster_map
from tasks.clusters import TILE, Clusters, Logos, Rows, Squares
from tasks.sheets import save_picture
from tasks.stage import Build

SHOWN = 24
COLUMNS = 6
IN_ROW = 12  # logos of each cluster on the sheet of all
COLOURED = 64  # logos of each cluster whose pixels are counted
STRIP = 20
LEAST_SHARE = 0.02


def cluster_page(build: Build, clusters: Clusters) -> Page:
    """Each cluster's size, cohesion, colours and faces, how other numbers of clusters would do, and the map."""
    seed, k, labels = build.config.seed, clusters.k, clusters.labels
    coloured = balanced_sample(labels, k * COLOURED, seed, most=COLOURED)
    mapped = balanced_sample(labels, build.config.map_images, seed)
    shown = [inside_out(clusters.outwards(number)) for number in range(k)]
    logos = Logos.load(clusters, build.space.store, [coloured, mapped, *(rows for three in shown for rows in three)])
    colours = [colours_of(logos.of(coloured[labels[coloured] == number])) for number in range(k)]
    table = table_of(clusters, colours, seed)
    parts = tuple(part_of(build, number, table, logos, shown[number], colours[number]) for number in range(k))
    sheet = sheet_of_all(build, logos, [central for central, _, _ in shown])
    drawn = cluster_map(build, clusters, mapped, logos.of(mapped)) if len(mapped) else None
    return Page(summary_of(build, clusters), (sheet,), (separation_curve(clusters),), (table,), drawn, parts)


def inside_out(outwards: Rows) -> tuple[Rows, Rows, Rows]:
    """The most central rows, those half-way out, and the outermost, the farthest first; no row twice."""
    central, rest = outwards[:SHOWN], outwards[SHOWN:]
    outermost, between = rest[-SHOWN:][::-1], rest[:-SHOWN]
    first = max(0, (len(between) - SHOWN) // 2)
    return central, between[first : first + SHOWN], outermost


def sheet_of_all(build: Build, logos: Logos, central: Sequence[Rows]) -> Picture:
    """A row of the most central logos for each cluster."""
    blank = np.full((TILE, TILE, 3), 255, np.uint8)
    tiles = []
    for rows in central:
        squares = list(logos.of(rows[:IN_ROW]).transpose(0, 2, 3, 1))
        tiles += squares + [blank] * (IN_ROW - len(squares))
    title = "The clusters, a row for each"
    alt = f"{title}: {len(central)} rows of the logos nearest to the centre"
    sheet = contact_sheet(tiles, IN_ROW, TILE)
    return save_picture(build, "clusters.png", title, sheet, alt, "From cluster 0 down, the most central first.")


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


def part_of(
    build: Build,
    number: int,
    table: Table,
    logos: Logos,
    shown: tuple[Rows, Rows, Rows],
    colours: Sequence[Swatch],
) -> ClusterPart:
    """A cluster's row of the table, and its central, typical and outermost logos."""
    central, typical, outermost = (logos.of(rows) for rows in shown)
    caption = "Nearest to the centre first."
    if colours:
        caption += f" Below them the dominant colours: {listed(colours)}."
    face = above_strip(sheet_of(central), colours)
    pictures = [save_face(build, number, "most central", face, len(central), caption)]
    for name, squares, words in (
        ("typical", typical, "Half of the cluster is nearer to the centre than these, half farther away."),
        ("outermost", outermost, "The farthest from the centre first: what else the cluster takes in."),
    ):
        if len(squares):
            pictures.append(save_face(build, number, name, sheet_of(squares), len(squares), words))
    facts = tuple(zip(table.columns[1:-1], table.rows[number][1:-1], strict=True))
    return ClusterPart(number, facts, tuple(pictures))


def save_face(build: Build, number: int, name: str, sheet: Image.Image, count: int, caption: str) -> Picture:
    """Write one of a cluster's sheets."""
    alt = f"Cluster {number}: {count} {name} logos in rows"
    file = f"cluster-{number:02}-{name.split()[-1]}.png"
    return save_picture(build, file, name.capitalize(), sheet, alt, caption)


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
