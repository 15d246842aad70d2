"""Real pairs: brands that two icon sets drew apart from one another; how often one drawing finds the other.

    python -m benchmarks.pairs [IMAGES...] [--sets selfhst thesvg-color] [--encoder FILE] [--rivals NAME=FILE...]

IMAGES are Parquet files with the columns name, "set:brand", and image; data/full/*.parquet when left out. Each brand
that stands in both sets is looked for from either among all drawings of the other. Nothing was trained on which
drawings belong together. Ours is what `logoflow search` and `embed` use, an encoder's vectors with outlines beside;
then either alone, EfficientNet-Lite0's features, trained on ImageNet, and raw pixels.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from data.images import ADMITTED, Pixels, decode, flatten
from data.pixels import fit_squares
from evaluation.features import EfficientNetLite0
from logoflow.config.sections import OUTLINES
from moco.encoder import embed, load_encoder
from moco.shipped import ENCODER
from neighbours.outlines import outlines
from neighbours.vectors import with_outlines

FULL = Path("data/full")
RAW_SIDE = 16
FEATURE_SIDE = 128
RESAMPLES = 1000

Features = NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """One line of the table: shares of the searches whose partner comes first, or among the first five.

    Attributes:
        method: what the drawings were described by.
        r1: recall at 1.
        r5: recall at 5.
        gain: of ours over this one in recall at 1, paired, with its 95 % bootstrap interval; None for ours.
    """

    method: str
    r1: float
    r5: float
    gain: tuple[float, float, float] | None


def main() -> None:
    """Describe, search, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--sets", nargs=2, default=["selfhst", "thesvg-color"])
    parser.add_argument("--encoder", type=Path, default=ENCODER, help="ours")
    parser.add_argument("--rivals", nargs="*", default=[], metavar="NAME=FILE", help="other encoders to compare with")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()

    sides = [read_set(given.images or sorted(FULL.glob("*.parquet")), name) for name in given.sets]
    brands = sorted(sides[0].keys() & sides[1].keys())
    pictures = [[side[brand] for brand in side] for side in sides]
    places = [[list(side).index(brand) for brand in brands] for side in sides]
    ranks = {
        name: np.concatenate(list(ranks_of([describe(side) for side in pictures], places)))
        for name, describe in methods(given.encoder, given.rivals).items()
    }
    results = [result(name, found, next(iter(ranks.values()))) for name, found in ranks.items()]
    if given.json:
        print(json.dumps([asdict(one) for one in results]))
        return
    counts = " and ".join(f"{len(side)} drawings of {name}" for side, name in zip(sides, given.sets, strict=True))
    print(f"{len(brands)} brands in both of {counts}\n")
    print(f"{'method':<26} {'R@1':>7} {'R@5':>7}   ours better in R@1 by")
    for one in results:
        gain = "" if one.gain is None else "{:+.3f} ({:+.3f} to {:+.3f})".format(*one.gain)
        print(f"{one.method:<26} {one.r1:7.3f} {one.r5:7.3f}   {gain}")


def read_set(paths: Sequence[Path], name: str) -> dict[str, Pixels]:
    """The drawings of a set by brand, RGB on white."""
    found = {}
    for path in paths:
        for row in pq.read_table(path, columns=["name", "image"]).to_pylist():
            drawn_by, _, brand = row["name"].partition(":")
            if drawn_by == name:
                found[brand] = flatten(decode(row["image"]["bytes"], ADMITTED).pixels)
    return found


def methods(encoder: Path, rivals: Sequence[str]) -> dict[str, Callable[[Sequence[Pixels]], Features]]:
    """How drawings are described, ours first."""
    files = {"our encoder alone": encoder} | {name: Path(file) for name, _, file in (r.partition("=") for r in rivals)}
    return {
        "ours": functools.partial(by_encoder, encoder, weight=OUTLINES),
        "outlines alone": by_outlines,
        **{name: functools.partial(by_encoder, file) for name, file in files.items()},
        "EfficientNet-Lite0": by_efficientnet,
        f"raw {RAW_SIDE} x {RAW_SIDE} pixels": by_pixels,
    }


def by_encoder(path: Path, pictures: Sequence[Pixels], weight: float = 0) -> Features:
    """Vectors of an encoder, with outlines beside them."""
    encoder = load_encoder(path)
    squares = fit_squares(pictures, encoder.settings.resolution)
    return with_outlines(embed(encoder, squares), outlines(squares), weight)


def by_outlines(pictures: Sequence[Pixels]) -> Features:
    """Outlines, as of the squares that the encoder takes."""
    return outlines(fit_squares(pictures, load_encoder(ENCODER).settings.resolution))


def by_efficientnet(pictures: Sequence[Pixels]) -> Features:
    """Features of EfficientNet-Lite0, of length 1."""
    found = EfficientNetLite0().extract(fit_squares(pictures, FEATURE_SIDE))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def by_pixels(pictures: Sequence[Pixels]) -> Features:
    """Raw pixels less their mean, of length 1, which suits them better than as they are."""
    pixels = F.adaptive_avg_pool2d(torch.from_numpy(fit_squares(pictures, 64)).float(), RAW_SIDE).flatten(1).numpy()
    centred = pixels - pixels.mean(axis=1, keepdims=True)
    return np.asarray(centred / np.maximum(1e-6, np.linalg.norm(centred, axis=1, keepdims=True)), np.float32)


def ranks_of(described: Sequence[Features], places: Sequence[Sequence[int]]) -> Iterator[NDArray[np.int64]]:
    """For each brand, from either side, how many drawings of the other are nearer than its partner."""
    for here, there in ((0, 1), (1, 0)):
        cosines = described[here][places[here]] @ described[there].T
        partner = cosines[np.arange(len(cosines)), places[there]]
        yield (cosines > partner[:, None]).sum(axis=1)


def result(name: str, ranks: NDArray[np.int64], ours: NDArray[np.int64]) -> Result:
    """The figures of a method; the bootstrap draws brands, whose two searches go together."""
    hits, our_hits = ((found < 1).reshape(2, -1).mean(axis=0) for found in (ranks, ours))
    gain = None
    if ranks is not ours:
        draws = np.random.default_rng(0).integers(0, len(hits), (RESAMPLES, len(hits)))
        low, high = np.percentile((our_hits - hits)[draws].mean(axis=1), (2.5, 97.5))
        gain = (float((our_hits - hits).mean()), float(low), float(high))
    return Result(name, float((ranks < 1).mean()), float((ranks < 5).mean()), gain)


if __name__ == "__main__":
    main()
