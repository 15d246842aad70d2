"""What a command was asked for and has drawn, and how it looks as a sheet or as the frames of a film."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

SHEET_SIDE, FILM_SIDE = 96, 256  # px that a picture's side has at least


@dataclass(frozen=True)
class Asked:
    """Pictures to draw.

    Attributes:
        ws: `[N, L, w_dim]`, truncated.
        weights: of the clusters `[N, K]`; None for a generator without any.
        seeds: of their random noise.
        names: of each.
    """

    ws: "Tensor"
    weights: "Tensor | None"
    seeds: list[int]
    names: list[str]

    def __add__(self, other: "Asked") -> "Asked":
        """First these, then those."""
        import torch

        weights = None if self.weights is None or other.weights is None else torch.cat([self.weights, other.weights])
        ws = torch.cat([self.ws, other.ws])
        return Asked(ws, weights, self.seeds + other.seeds, self.names + other.names)


@dataclass(frozen=True)
class Drawing:
    """Pictures in rows.

    Attributes:
        pictures: uint8 `[C, H, W]` each, row by row.
        names: of each, for files; one without a name only fills its place.
        columns: pictures in a row.
        asked: the w that can be saved, or taken up by another command.
        captions: under the pictures of a sheet.
        heads: over the columns.
        sides: left of the rows.
        together: a film shows a column after the other, rather than a picture after the other.
        fps: pictures a second.
        note: for people, about what is to be seen.
    """

    pictures: "Sequence[NDArray[np.uint8]]"
    names: Sequence[str]
    columns: int
    asked: Asked
    captions: Sequence[str] | None = None
    heads: Sequence[str] | None = None
    sides: Sequence[str] | None = None
    together: bool = False
    fps: float = 20
    note: str = ""

    @property
    def side(self) -> int:
        """The pictures' long side in px."""
        return int(max(self.pictures[0].shape[1:]))

    def sheet(self, scale: int | None) -> "Image":
        """All pictures on one sheet, on white."""
        from data.sheets import contact_sheet

        scale = scale or -(-SHEET_SIDE // self.side)
        shown = [enlarged(picture, scale) for picture in self.pictures]
        return contact_sheet(shown, self.columns, self.side * scale, self.captions, self.heads, self.sides)

    def frames(self, scale: int | None) -> "list[NDArray[np.uint8]]":
        """The frames of a film, `[H, W, 3]`, or `[H, W, 4]` where single pictures have alpha."""
        import numpy as np

        if not self.together or self.columns == len(self.pictures):
            return [enlarged(picture, scale or -(-FILM_SIDE // self.side)) for picture in self.pictures]
        return [np.asarray(part.sheet(scale)) for part in self.by_column()]

    def by_column(self) -> "list[Drawing]":
        """Each column as a drawing of its own: its pictures side by side, about as high as wide."""
        rows = len(self.pictures) // self.columns
        across = -(-rows // max(1, round(rows**0.5)))
        return [
            Drawing(self.pictures[column :: self.columns], self.names[column :: self.columns], across, self.asked)
            for column in range(self.columns)
        ]


def enlarged(picture: "NDArray[np.uint8]", scale: int) -> "NDArray[np.uint8]":
    """`[C, H, W]` with every pixel so many times as wide and high: `[H', W', 3]`, or 4 with alpha."""
    import numpy as np

    pixels = picture.transpose(1, 2, 0).repeat(scale, axis=0).repeat(scale, axis=1)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)) if pixels.shape[2] == 1 else pixels
