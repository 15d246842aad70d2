"""From what a source offers to rows of the image table: every entry is accepted or turned away with a reason."""

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.images import Limits, Reason, Rejected, decode, is_blank, pixel_sha256
from data.sources.source import RawImage
from data.table import Origin, Picture


@dataclass(frozen=True)
class Outcome:
    """What became of one entry: the id of its picture, or the reason why it was turned away."""

    id: str | None
    reason: str | None = None
    detail: str = ""


def take_in(
    source: str, licence: str, images: Iterable[RawImage], limits: Limits
) -> Iterator[tuple[Outcome, Picture | None]]:
    """Decode what a source offers.

    Args:
        source: its name, for origins.
        licence: of images that state none themselves.
        images: as `Source.read` gives them.
        limits: sizes that are accepted.

    Yields:
        For each image its outcome, and its row where it was accepted.
    """
    for raw in images:
        identity, data = identify(raw)
        try:
            if raw.problem is not None:
                raise raw.problem
            picture = decode(data, limits)
            if is_blank(picture):
                raise Rejected(Reason.blank, "one colour only")
        except Rejected as problem:
            yield Outcome(identity, problem.reason.value, problem.detail), None
            continue
        assert identity is not None
        row = Picture(
            id=identity,
            pixel_sha256=pixel_sha256(picture),
            data=data,
            path=raw.entry.name,
            width=picture.width,
            height=picture.height,
            mode=picture.mode,
            origins=(Origin(source, raw.entry.name, raw.entry.position),),
            labels=raw.labels,
            licence=licence if raw.licence is None else raw.licence,
        )
        yield Outcome(identity), row


def identify(raw: RawImage) -> tuple[str | None, bytes]:
    """The id that an image would have, and its encoded bytes; raw pixels become a PNG."""
    if raw.data is not None:
        return hashlib.sha256(raw.data).hexdigest(), raw.data
    if raw.pixels is not None:
        return pixels_id(raw.pixels), encode_png(raw.pixels)
    return None, b""


def pixels_id(pixels: NDArray[np.uint8]) -> str:
    """Id of an image that has no bytes of its own: sha256 of shape and pixels."""
    return hashlib.sha256(f"{pixels.shape} ".encode() + pixels.tobytes()).hexdigest()


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode RGB pixels `[H, W, 3]`; level 1, since the table is read more often than it is shipped."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
