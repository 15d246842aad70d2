"""Character and word boxes from CRAFT's two maps, by connected components.

Words follow the published rule (Baek et al. 2019, section 3.4) with upright boxes in place of rotated ones. Characters
are the map's cores: a letter's score falls off like a Gaussian around its centre, so high cells of two letters do not
touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Labels = NDArray[np.integer]
Kind = Literal["word", "character"]

LOW_TEXT = 0.4  # region scores above it are part of a letter
LINK = 0.4  # affinity scores above it join two letters
WORD = 0.7  # a word's best region score; the published text_threshold
CORE = 0.8  # a letter's core; on 114 wordmarks the count is the name's length in 85 % (0.7: 82 %, local maxima: 77 %)
SMALLEST = 10  # cells of a word


@dataclass(frozen=True)
class Box:
    """An upright box in pixels of the picture, from (left, top) up to (right, bottom), with its best region score."""

    kind: Kind
    left: float
    top: float
    right: float
    bottom: float
    score: float


def find_boxes(region: Map, affinity: Map) -> tuple[list[Box], int]:
    """Boxes in cells of the maps, and how many cells the letters of words cover.

    Args:
        region: `[h, w]`, character scores.
        affinity: `[h, w]`, scores of the gaps between characters of a word.

    Returns:
        The words, each followed by its characters, in reading order of their top left cells; and the number of cells.
    """
    letters = region > LOW_TEXT
    components, count = ndimage.label(letters | (affinity > LINK))
    cores, _ = ndimage.label(region > CORE)
    nearest = _nearest_core(cores)

    boxes: list[Box] = []
    covered = 0
    for index, window in enumerate(ndimage.find_objects(components, count), start=1):
        component = components[window] == index
        mask = component & letters[window]  # cells that only link two letters are no part of the box
        score = float(region[window].max(where=mask, initial=0.0))
        if component.sum() < SMALLEST or score < WORD:
            continue
        covered += int(mask.sum())
        boxes.append(_box("word", mask, window, score, margin=_margin(component)))
        for core in np.unique(cores[window][mask]):
            if core > 0:
                character = mask & (nearest[window] == core)
                best = float(region[window].max(where=character, initial=0.0))
                boxes.append(_box("character", character, window, best, margin=0.0))
    return boxes, covered


def _nearest_core(cores: Labels) -> Labels:
    """Label each cell with the core closest to it; zeros when there is none."""
    if not cores.any():
        return cores
    rows, columns = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    nearest: Labels = cores[rows, columns]
    return nearest


def _margin(component: Mask) -> float:
    """How far the published code dilates a component: the maps mark a letter's middle, not its outline."""
    height, width = component.shape
    return float(np.sqrt(component.sum() * min(width, height) / (width * height)))


def _box(kind: Kind, mask: Mask, window: tuple[slice, ...], score: float, margin: float) -> Box:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = window[0].start, window[1].start
    return Box(
        kind=kind,
        left=float(left + columns[0] - margin),
        top=float(top + rows[0] - margin),
        right=float(left + columns[-1] + 1 + margin),
        bottom=float(top + rows[-1] + 1 + margin),
        score=score,
    )
