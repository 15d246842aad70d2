"""The map of the logos for the report: who lies where, a sprite of small pictures, and the whole as one picture."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from logoflow.report.page import Group, Map, Picture, Point
from neighbours.colours import distinct_colours
from neighbours.layout import lay_out
from tasks.clusters import TILE, Clusters, Rows, Squares
from tasks.images import read_table
from tasks.stage import Build

SPRITE_SIDE = 4000  # px; some phones cannot draw from pictures of more than 4096 by 4096
WIDTH, HEIGHT, MARGIN = 1600, 1000, 40  # of the still picture, px
SPRITE = "pictures/map-logos.webp"
STILL = "pictures/map.webp"


def cluster_map(build: Build, clusters: Clusters, rows: Rows, squares: Squares) -> Map:
    """Lay logos, given by their rows and pictures, out on a plane."""
    places = lay_out(clusters.vectors[rows], build.config.seed)
    labels = clusters.labels[rows]
    ids = [clusters.ids[row] for row in rows]
    colours = distinct_colours(clusters.k)
    names = {picture.id: picture.origins[0] for picture in read_table(clusters.table)}
    points = tuple(
        Point(f"{names[i].name} ({names[i].source})", round(x, 5), round(y, 5), int(label))
        for i, (x, y), label in zip(ids, places.tolist(), labels, strict=True)
    )
    sprite, columns = lay_tiles(squares)
    (build.folder / SPRITE).parent.mkdir(exist_ok=True)
    sprite.save(build.folder / SPRITE, quality=85, method=4)
    draw_still(squares, places, labels, colours).save(build.folder / STILL, quality=88, method=4)
    picture = Picture(
        STILL,
        "Map of the logos",
        f"Map of {len(rows)} logos, framed in the colours of their {clusters.k} clusters",
        f"{len(rows)} of {len(clusters.ids)} logos; the nearer, the more alike to the encoder. "
        "The colour of a frame is the cluster. Distances between groups mean nothing.",
    )
    groups = tuple(Group(f"Cluster {number}", colour) for number, colour in enumerate(colours))
    return Map(picture, SPRITE, sprite.width // columns, columns, groups, points)


def lay_tiles(squares: Squares) -> tuple[Image.Image, int]:
    """All squares in rows on one picture, smaller where there are very many, and how many are in a row."""
    columns = math.ceil(math.sqrt(len(squares)))
    tile = min(TILE, SPRITE_SIDE // columns)
    sheet = Image.new("RGB", (columns * tile, -(-len(squares) // columns) * tile), "white")
    for index, square in enumerate(squares):
        row, column = divmod(index, columns)
        sheet.paste(shrink(square, tile), (column * tile, row * tile))
    return sheet, columns


def shrink(square: NDArray[np.uint8], side: int) -> Image.Image:
    """A square `[3, S, S]` as a picture of another side."""
    return Image.fromarray(square.transpose(1, 2, 0)).resize((side, side), Image.Resampling.LANCZOS)


def draw_still(
    squares: Squares, places: NDArray[np.float64], labels: NDArray[np.int64], colours: tuple[str, ...]
) -> Image.Image:
    """The whole map as a picture: each logo framed in its cluster's colour, the cluster's number in its middle."""
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    side = max(10, min(TILE, round(0.95 * math.sqrt(WIDTH * HEIGHT / len(squares)))))
    corners = np.rint(MARGIN + places * (WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN)).astype(int)  # of the tiles' middles
    for square, (x, y), label in zip(squares, corners.tolist(), labels.tolist(), strict=True):
        left, top = x - side // 2, y - side // 2
        draw.rectangle((left, top, left + side - 1, top + side - 1), colours[label])
        sheet.paste(shrink(square, side - 4), (left + 2, top + 2))
    font = ImageFont.load_default(20)
    for label in np.unique(labels).tolist():
        x, y = np.median(corners[labels == label], axis=0).astype(int).tolist()
        draw.rounded_rectangle((x - 22, y - 17, x + 22, y + 17), 17, "white", colours[label], 3)
        draw.text((x, y), str(label), fill=(20, 24, 30), font=font, anchor="mm")
    return sheet
