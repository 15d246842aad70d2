"""What a stage leaves for the report: `page.json` beside the pictures in its artifact."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

Cell = str | int | float | None
FILE_NAME = "page.json"


@dataclass(frozen=True)
class Picture:
    """A picture that the stage wrote.

    Attributes:
        file: PNG, JPEG, WebP or GIF, relative to the stage's folder.
        title: a heading of a few words.
        alt: what a reader who cannot see the picture should be told.
        caption: what to look for in it; may be empty.
    """

    file: str
    title: str
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Series:
    """One line of a curve; `x` and `y` are equally long, NaN in `y` leaves a gap."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]

    # JSON has no NaN: written as the string "NaN", which reads back as the number.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings")

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"series {self.name!r} has {len(self.x)} x for {len(self.y)} y: give one x for each y.")


@dataclass(frozen=True)
class Curve:
    """A line chart; the report draws it, so that it follows the reader's screen and colour scheme."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_y: bool = False


@dataclass(frozen=True)
class Table:
    """A table; each row has one cell per column, None is shown as a dash, and so is what is not finite."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} of table {self.title!r} has {len(row)} cells for {len(self.columns)} columns: "
                    "give one cell per column, None where there is nothing."
                )


@dataclass(frozen=True)
class Group:
    """Points of a map that belong together; the colour is written `#1a2b3c`."""

    name: str
    colour: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"#[0-9a-f]{6}", self.colour):
            raise ValueError(f"group {self.name!r} has the colour {self.colour!r}: write it as #1a2b3c.")


@dataclass(frozen=True)
class Point:
    """A picture on a map: `x` from left to right and `y` from top to bottom, 0..1; `group` counts from 0."""

    name: str
    x: float
    y: float
    group: int


@dataclass(frozen=True)
class Map:
    """Pictures on a plane, those together that are alike; the report makes it a page to zoom and drag.

    Attributes:
        picture: the whole map, for readers without scripts and for the stage's page.
        sprite: one picture that holds all small ones as square tiles in rows, in the order of the points; a file as in
            `Picture`.
        tile: side of a tile in px.
        columns: tiles in a row of the sprite.
        groups: what the points are coloured by.
        points: the pictures.
    """

    picture: Picture
    sprite: str
    tile: int
    columns: int
    groups: tuple[Group, ...]
    points: tuple[Point, ...]

    def __post_init__(self) -> None:
        for point in self.points:
            if not (0 <= point.x <= 1 and 0 <= point.y <= 1 and 0 <= point.group < len(self.groups)):
                raise ValueError(f"{point} is not on the map: x and y go from 0 to 1, groups are {len(self.groups)}.")


@dataclass(frozen=True)
class ClusterPart:
    """What a stage knows of one cluster; the parts of all stages are that cluster's page.

    Attributes:
        cluster: its number, from 0.
        facts: names with their values, such as ("logos", 161).
        pictures: shown one by one.
        sheets: all its logos, many on each sheet; loaded as the reader comes near.
    """

    cluster: int
    facts: tuple[tuple[str, Cell], ...] = ()
    pictures: tuple[Picture, ...] = ()
    sheets: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Page:
    """All a stage shows: one sentence about what it did, a map, then pictures, curves and tables in reading order.

    What it knows of single clusters stands on their pages.
    """

    summary: str
    pictures: tuple[Picture, ...] = ()
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()
    map: Map | None = None
    clusters: tuple[ClusterPart, ...] = ()


_PAGE = TypeAdapter(Page)


def write_page(page: Page, folder: Path) -> Path:
    """Write `page.json` into the folder of a stage, where the pictures lie; equal pages give equal bytes."""
    path = folder / FILE_NAME
    path.write_bytes(_PAGE.dump_json(page, indent=1) + b"\n")
    return path


def read_page(folder: Path) -> Page:
    """Read the page that a stage left in its folder.

    Raises:
        ValueError: the file does not hold a page.
    """
    path = folder / FILE_NAME
    try:
        return _PAGE.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{path} is not a page ({place}: {first['msg']}): build the stage again.") from error
