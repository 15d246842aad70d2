"""Write HDF5 files of any size, laid out as LLD was published, from the sample: `python -m data.sample.lld OUT`.

For tests and benchmarks: the published files are large, and their logos are not ours to ship.
"""

import argparse
import hashlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, radians, sin
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

_SEED = 11
_HERE = Path(__file__).parent
_SOURCES = ("lld_like", "boosted_like")

_LOGO_SIDES = (64, 400)
_FULL_SIZE_SHARE = 0.25  # of logos, those whose long side is that of the array
_ICON_SIDE = 32


@dataclass(frozen=True)
class Layout:
    """What one of the published files holds.

    Attributes:
        side: of the array, in px.
        padded: whether pictures have sizes of their own, in `shapes`, with zeros below and on the right.
        labels: datasets below `labels` and their numbers of classes.
        twitter: whether names come with Twitter's ids and user objects.
    """

    side: int
    padded: bool
    labels: dict[str, int]
    twitter: bool


LAYOUTS = {
    "logo": Layout(_LOGO_SIDES[1], True, {"resnet/rc_64": 64}, True),
    "icon": Layout(
        _ICON_SIDE, False, {"ae_grayscale": 100, "resnet/rc_32": 32, "resnet/rc_64": 64, "resnet/rc_128": 128}, False
    ),
    "icon-sharp": Layout(_ICON_SIDE, False, {"resnet1/rc_128": 128}, False),
}


def write_lld(
    path: Path,
    layout: Layout,
    images: int,
    compression: str | None = None,
    chunk_rows: int = 64,
    labels: int | None = None,
) -> None:
    """Write one file, a block of rows at a time; the same arguments give the same pictures, no two of them equal.

    Args:
        path: file to write.
        layout: one of LAYOUTS.
        images: rows.
        compression: "gzip" for compressed chunks; None = contiguous.
        chunk_rows: rows of a chunk, and of what is held in memory.
        labels: rows that have labels, the first ones; None = all.
    """
    logos = _sample()
    shape = (images, 3, layout.side, layout.side)
    chunks = (min(chunk_rows, images), *shape[1:]) if compression else None
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", shape, np.uint8, chunks=chunks, compression=compression)
        sizes = np.zeros((images, 3), np.int64)
        pictures = _distinct(logos, layout, images)
        for start in range(0, images, chunk_rows):
            block = np.zeros((min(chunk_rows, images - start), *shape[1:]), np.uint8)
            for row, picture in zip(range(len(block)), pictures, strict=False):
                height, width = picture.shape[:2]
                block[row, :, :height, :width] = picture.transpose(2, 0, 1)
                sizes[start + row] = (3, height, width)
            data[start : start + len(block)] = block
        if layout.padded:
            file["shapes"] = sizes
        _write_labels(file, layout, len(logos), images if labels is None else min(labels, images))
        _write_names(file, layout, images)


def _sample() -> list[Image.Image]:
    """The sample's logos on white, mode RGB."""
    logos = []
    for name in _SOURCES:
        for value in pq.read_table(_HERE / f"{name}.parquet", columns=["image"])[0].to_pylist():
            with Image.open(io.BytesIO(value["bytes"])) as opened:
                image = opened.convert("RGBA")
            canvas = Image.new("RGBA", image.size, "white")
            canvas.alpha_composite(image)
            logos.append(canvas.convert("RGB"))
    return logos


def _distinct(logos: list[Image.Image], layout: Layout, count: int) -> Iterator[NDArray[np.uint8]]:
    """Variations of the logos in turn, `[H, W, 3]`, each drawn again until it is a new one."""
    seen: set[bytes] = set()
    for index in range(count):
        attempt = 0
        while True:
            random = np.random.default_rng((_SEED, index, attempt))
            picture = _variation(logos[index % len(logos)], layout, random)
            digest = hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
            if digest not in seen:
                break
            attempt += 1
        seen.add(digest)
        yield picture


def _variation(logo: Image.Image, layout: Layout, random: np.random.Generator) -> NDArray[np.uint8]:
    """A logo with other colours, cropped a little, perhaps mirrored, at another size: `[H, W, 3]`."""
    hue, left, top, right, bottom, mirrored, full, long_side = random.random(8)
    coloured = logo.convert("RGB", _hue_matrix(360 * hue))
    box = (
        0.12 * left * logo.width,
        0.12 * top * logo.height,
        logo.width * (1 - 0.12 * right),
        logo.height * (1 - 0.12 * bottom),
    )
    if not layout.padded:
        size = (layout.side, layout.side)
    else:
        least, most = _LOGO_SIDES
        side = most if full < _FULL_SIZE_SHARE else least + round((most - least) * long_side)
        scale = side / max(box[2] - box[0], box[3] - box[1])
        size = (round(scale * (box[2] - box[0])), round(scale * (box[3] - box[1])))
    picture = coloured.resize((max(1, size[0]), max(1, size[1])), Image.Resampling.BICUBIC, box=box)
    if mirrored < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if layout.padded and min(size) < _LOGO_SIDES[0]:  # a wordmark gets a margin, as profile pictures have
        canvas = Image.new("RGB", (max(size[0], _LOGO_SIDES[0]), max(size[1], _LOGO_SIDES[0])), "white")
        canvas.paste(picture, ((canvas.width - size[0]) // 2, (canvas.height - size[1]) // 2))
        picture = canvas
    return np.asarray(picture)


def _hue_matrix(degrees: float) -> tuple[float, ...]:
    """Rotation of colours around the axis of grays, as Pillow's 3 x 4 matrix; white stays white."""
    along, across = cos(radians(degrees)), sin(radians(degrees)) / 3**0.5
    same, before, after = along + (1 - along) / 3, (1 - along) / 3 - across, (1 - along) / 3 + across
    return (same, before, after, 0, after, same, before, 0, before, after, same, 0)


def _write_labels(file: h5py.File, layout: Layout, logos: int, count: int) -> None:
    """Clusters by the logo that a picture varies, with their probabilities as published."""
    for name, classes in layout.labels.items():
        values = np.arange(count) % logos % classes
        dataset = file.create_dataset(f"labels/{name}", data=values.astype(np.int32))
        dataset.attrs["probs"] = np.bincount(values, minlength=classes) / max(1, count)


def _write_names(file: h5py.File, layout: Layout, count: int) -> None:
    """Names, and what Twitter said of them."""
    names = [f"logo_{index:06d}" for index in range(count)]
    file["meta_data/names"] = np.array(names, "S")
    if layout.twitter:
        file["meta_data/twitter/ids"] = np.arange(count, dtype=np.int64) + 10**8
        objects = file.create_dataset("meta_data/twitter/user_objects", (count,), h5py.string_dtype())
        objects[:] = [json.dumps({"id": 10**8 + index, "screen_name": name}) for index, name in enumerate(names)]


def main(arguments: list[str] | None = None) -> int:
    """Write a file."""
    parser = argparse.ArgumentParser(prog="python -m data.sample.lld", description=__doc__)
    parser.add_argument("out", type=Path, help="the HDF5 file to write")
    parser.add_argument("--layout", choices=LAYOUTS, default="logo", help="which of the published files")
    parser.add_argument("--images", type=int, default=1000, help="rows; LLD-logo has 122920, LLD-icon 548210")
    parser.add_argument("--compression", choices=("gzip", "none"), default="none", help="compressed chunks, or none")
    parser.add_argument("--chunk-rows", type=int, default=64, help="rows of a compressed chunk")
    parser.add_argument("--labels", type=int, help="rows with labels, the first ones; all when left out")
    given = parser.parse_args(arguments)
    if given.images < 1 or given.chunk_rows < 1:
        parser.error("--images and --chunk-rows must be at least 1")
    if not given.out.parent.is_dir():
        parser.error(f"{given.out.parent} is no folder: make it first, or write somewhere else")
    compression = None if given.compression == "none" else given.compression
    write_lld(given.out, LAYOUTS[given.layout], given.images, compression, given.chunk_rows, given.labels)
    return 0


if __name__ == "__main__":
    sys.exit(main())
