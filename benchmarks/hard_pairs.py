"""Pairs of different logos that are easily taken for copies: one brand drawn twice, and brands that look alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from data.images import Pixels
from data.pixels import fit_squares

VARIANTS = re.compile(r"-(background|icon|logo|symbol|light|dark|classic|legacy|old|new|(19|20)\d\d)$")
LOOKALIKES = 500  # pairs
RAW_SIDE = 16  # px of the raw pixels by which logos are alike

Rows = NDArray[np.int64]


def brand_of(name: str) -> str:
    """The brand of "set:brand" without what tells variants of its logo apart: letters and digits."""
    brand = name.split(":", 1)[1]
    while (shorter := VARIANTS.sub("", brand)) != brand:
        brand = shorter
    return "".join(filter(str.isalnum, brand))


def redesigned(names: Sequence[str]) -> tuple[Rows, Rows]:
    """Pairs of logos of one brand that two sets drew."""
    members: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        members.setdefault(brand_of(name), []).append(row)
    set_of = [name.split(":", 1)[0] for name in names]
    pairs = [(a, b) for rows in members.values() for b in rows for a in rows if a < b and set_of[a] != set_of[b]]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    return first, second


def lookalikes(names: Sequence[str], logos: Sequence[Pixels]) -> tuple[Rows, Rows]:
    """The pairs of logos of different brands that are most alike by raw pixels; each logo with its nearest at most."""
    pixels = F.adaptive_avg_pool2d(torch.from_numpy(fit_squares(logos, 4 * RAW_SIDE)).float(), RAW_SIDE).flatten(1)
    pixels = F.normalize(pixels - pixels.mean(dim=1, keepdim=True), dim=1)
    _, brands = np.unique([brand_of(name) for name in names], return_inverse=True)
    nearest, cosines = np.empty(len(logos), np.int64), np.empty(len(logos), np.float32)
    for start in range(0, len(logos), 512):
        part = slice(start, start + 512)
        similar = (pixels[part] @ pixels.T).numpy()
        similar[brands[part, None] == brands] = -1
        nearest[part], cosines[part] = similar.argmax(axis=1), similar.max(axis=1)
    rows = np.arange(len(logos))
    once = (nearest[nearest] != rows) | (rows < nearest)  # mutual pairs count once
    best = rows[once][np.argsort(-cosines[once], kind="stable")[:LOOKALIKES]]
    return best, nearest[best]
