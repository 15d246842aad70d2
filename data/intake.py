"""From what a source offers to rows of the image table: every entry is accepted or turned away with a reason."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data.images import Decoded, Limits, Pixels, Reason, Rejected, decode, is_blank, mode_of, pixel_sha256
from data.index import Outcome
from data.png import encode_png
from data.sources.source import RawImage
from data.table import Origin, Picture


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one image: its outcome, and where it was accepted its row and its pixels."""

    outcome: Outcome
    row: Picture | None = None
    pixels: Pixels | None = None


def take_in(source: str, licence: str, images: Iterable[RawImage], limits: Limits) -> Iterator[Taken]:
    """Decode what a source offers.

    Args:
        source: its name, for origins.
        licence: of images that state none themselves.
        images: as `Source.read` gives them.
        limits: sizes that are accepted.

    Yields:
        What became of each image, in the order given.
    """
    for raw in images:
        identity = identify(raw)
        try:
            picture = _look_at(raw, limits)
        except Rejected as problem:
            yield Taken(Outcome(identity, problem.reason.value, problem.detail))
            continue
        assert identity is not None
        height, width = picture.pixels.shape[:2]
        row = Picture(
            id=identity,
            pixel_sha256=identity if raw.data is None else pixel_sha256(picture.pixels),
            data=raw.data if raw.data is not None else encode_png(picture.pixels),
            path=raw.entry.name,
            width=width,
            height=height,
            mode=mode_of(picture.pixels),
            origins=(Origin(source, raw.entry.name, raw.entry.position),),
            labels=raw.labels,
            licence=licence if raw.licence is None else raw.licence,
        )
        outcome = Outcome(
            identity,
            pixel_sha256=row.pixel_sha256,
            width=width,
            height=height,
            mode=row.mode,
            animated=picture.animated,
            labels=labels_of(raw),
            licence=raw.licence,
        )
        yield Taken(outcome, row, picture.pixels)


def _look_at(raw: RawImage, limits: Limits) -> Decoded:
    """The picture of a raw image.

    Raises:
        Rejected: there is none that could enter.
    """
    if raw.problem is not None:
        raise raw.problem
    if raw.data is not None:
        picture = decode(raw.data, limits)
    else:
        assert raw.pixels is not None
        limits.check(raw.pixels.shape[1], raw.pixels.shape[0])
        picture = Decoded(raw.pixels)
    if is_blank(picture.pixels):
        raise Rejected(Reason.blank, "one colour only")
    return picture


def identify(raw: RawImage) -> str | None:
    """The id that an image would have, of its bytes, else of its pixels; None where there is nothing to tell it by."""
    if raw.data is not None:
        return hashlib.sha256(raw.data).hexdigest()
    return None if raw.pixels is None else pixel_sha256(raw.pixels)


def labels_of(raw: RawImage) -> tuple[tuple[str, int], ...]:
    """The labels of an image, sorted by name."""
    return tuple(sorted(raw.labels.items()))
