"""One raw image becomes a row of the image table, or of the quarantine; rows that show the same become one."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images import RGB, WHITE, Limits, Reason, Rejected, decode, is_blank, pixel_sha256
from data.quarantine import Quarantined
from data.sources.source import RawImage, Source
from data.table import Origin, Picture


def admit(raw: RawImage, source: Source, limits: Limits, background: RGB = WHITE) -> Picture | Quarantined:
    """Decode a raw image and describe it.

    Args:
        raw: what reading an entry of the source gave.
        source: where it came from.
        limits: sizes that are accepted.
        background: colour on which a picture must show something.
    """
    entry = raw.entry
    try:
        if raw.problem is not None:
            raise raw.problem
        image, data, identity, path = _from_pixels(raw, limits) if raw.data is None else _from_bytes(raw, limits)
        if is_blank(image, background):
            raise Rejected(Reason.blank, f"nothing to see on {background}")
    except Rejected as rejected:
        return Quarantined(source.name, entry.name, entry.position, rejected.reason, rejected.detail)
    return Picture(
        id=identity,
        pixel_sha256=pixel_sha256(image),
        data=data,
        path=path,
        width=image.width,
        height=image.height,
        mode=image.mode,
        origins=(Origin(source.name, entry.name, entry.position),),
        labels=raw.labels,
        licence=source.licence if raw.licence is None else raw.licence,
    )


def merge(pictures: Iterable[Picture]) -> list[Picture]:
    """Make one row of all pictures with the same pixels.

    Args:
        pictures: rows in order of priority.

    Returns:
        The first row of each picture, in the order given, with the origins of all and the labels that it lacks.
    """
    rows: dict[str, Picture] = {}
    for picture in pictures:
        first = rows.setdefault(picture.pixel_sha256, picture)
        if first is not picture:
            origins = first.origins + tuple(origin for origin in picture.origins if origin not in first.origins)
            rows[picture.pixel_sha256] = replace(first, origins=origins, labels={**picture.labels, **first.labels})
    return list(rows.values())


def _from_bytes(raw: RawImage, limits: Limits) -> tuple[Image.Image, bytes, str, str]:
    """Picture, bytes to store, id and file name of an encoded image."""
    assert raw.data is not None
    return decode(raw.data, limits), raw.data, hashlib.sha256(raw.data).hexdigest(), PurePosixPath(raw.entry.name).name


def _from_pixels(raw: RawImage, limits: Limits) -> tuple[Image.Image, bytes, str, str]:
    """Picture, bytes to store, id and file name of a raw array, which is stored as PNG."""
    assert raw.pixels is not None
    height, width = raw.pixels.shape[:2]
    limits.check(width, height)
    image = Image.fromarray(raw.pixels)
    return image, _png(image), _array_sha256(raw.pixels), f"{raw.entry.position:06d}.png"


def _array_sha256(pixels: NDArray[np.uint8]) -> str:
    """Identity of an array [H, W, 3]: its shape and its bytes, not those of the PNG, which a new zlib may change."""
    return hashlib.sha256(f"{pixels.shape} ".encode() + pixels.tobytes()).hexdigest()


def _png(image: Image.Image) -> bytes:
    """Encode losslessly; level 1, since speed matters more than the last tenth of size."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
