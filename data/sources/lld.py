"""LLD's HDF5 files: one array of zero-padded pictures, with their sizes, names and cluster labels beside it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data.limits import Reason, Rejected
from data.sources.hdf5 import checked_data, opened, read_classes, read_strings, system_error
from data.sources.source import Entry, HashFile, RawImage, SourceError, cannot_be_read

# Read one by one from compressed chunks, pictures come 30 times slower than in slices along N.
_BLOCK_ROWS = 64
_BLOCK_BYTES = 128 * 2**20
_VERIFIED_SLICES = 4
_VERIFIED_ROWS = 16
_ICON_SIDE, _PADDED_SHARE = 32, 0.25


class LldSource:
    """LLD-logo, LLD-icon or LLD-icon-sharp as published: `data` [N, 3, H, W] uint8, and what else is there.

    Pictures are cut by `shapes`, labelled by every list of whole numbers below `labels`, and named by
    `meta_data/names`.
    `meta_data/twitter` is left alone: its ids are no classes, and its user objects are people's profiles.
    """

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._path = Path(path)
        with opened(self._path) as file:
            self._count = checked_data(self._path, file).shape[0]
        self._sha256 = hash_file(self._path)
        self._heights_first = _heights_first(self._path, self._sha256)
        self._ignored = Counter[str]()

    def digest(self) -> str:
        """The file's sha256."""
        return self._sha256

    def entries(self) -> list[Entry]:
        """One entry per picture; its name is that of `meta_data/names`, else its index."""
        with opened(self._path) as file:
            names = _names(self._path, file, self._count)
            _, self._ignored = read_classes(file, self._count)
        names += [f"{position:06d}" for position in range(len(names), self._count)]
        return [Entry(names[position], position, f"{self._sha256}:{position}") for position in range(self._count)]

    def ignored(self) -> Counter[str]:
        """Lists of labels that are no classes, and how many labels each holds."""
        return self._ignored

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read pictures in slices along N, cut to their own size."""
        with opened(self._path) as file:
            data = file["data"]
            shapes = file["shapes"][:] if "shapes" in file else None
            labels, _ = read_classes(file, self._count)
            rows = _block_rows(data)
            for _, run in groupby(entries, key=lambda entry: entry.position // rows):
                block = list(run)
                first = min(entry.position for entry in block)
                last = max(entry.position for entry in block)
                slab = _read_slab(data, first, last)
                for entry in block:
                    padded = slab[entry.position - first]
                    if isinstance(padded, Rejected):
                        yield RawImage(entry, problem=padded)
                    else:
                        shape = None if shapes is None else shapes[entry.position]
                        yield self._raw_image(entry, padded, shape, labels)

    def _raw_image(
        self, entry: Entry, padded: NDArray[np.uint8], shape: NDArray[Any] | None, labels: dict[str, NDArray[Any]]
    ) -> RawImage:
        """Cut one picture out of its padding."""
        given = {name: values[entry.position] for name, values in labels.items() if entry.position < len(values)}
        own = {name: int(value) for name, value in given.items() if not np.isnan(value)}
        if shape is None:
            return RawImage(entry, pixels=np.dstack(list(padded)), labels=own)
        channels, height, width = (int(size) for size in shape)
        if not self._heights_first:
            height, width = width, height
        if channels != 3 or not (1 <= height <= padded.shape[1] and 1 <= width <= padded.shape[2]):
            detail = f"its entry in shapes is {[int(size) for size in shape]}, which does not fit the array"
            return RawImage(entry, labels=own, problem=Rejected(Reason.unreadable, detail))
        if not _fits(padded, height, width):
            detail = f"has pixels outside its size of {width} x {height} px in shapes"
            return RawImage(entry, labels=own, problem=Rejected(Reason.unreadable, detail))
        # Plane by plane: a sixth of the time that numpy takes to transpose.
        return RawImage(entry, pixels=np.dstack(list(padded[:, :height, :width])), labels=own)


@lru_cache(maxsize=16)
def _heights_first(path: Path, sha256: str) -> bool:
    """Whether `shapes` is (channels, height, width), judged by the zero padding; published readers disagree.

    Remembered by the content, since each block opens the file, and looking costs as much as reading a block.
    """
    with opened(path) as file:
        if "shapes" in file:
            return _heights_fit(path, file["data"], file["shapes"][:])
        _refuse_padding(path, file["data"])
    return True


def _refuse_padding(path: Path, data: h5py.Dataset) -> None:
    """Refuse pictures that nothing says the size of, when many seem to be padded as those of LLD-logo are.

    LLD-icon has no sizes and no padding; of its pictures one in twenty ends in black.
    """
    if min(data.shape[2:]) <= _ICON_SIDE:
        return
    pictures = [picture for _, picture in _looked_at(data, np.arange(len(data)))]
    padded = sum(not picture[:, -1].any() or not picture[:, :, -1].any() for picture in pictures)
    if padded > _PADDED_SHARE * len(pictures):
        raise SourceError(
            f"{path} holds pictures that end in black rows or columns, as if padded, but no dataset named shapes with "
            "their sizes: add it, N x 3 integers (channels, height, width), or cut the pictures yourself."
        )


def _heights_fit(path: Path, data: h5py.Dataset, shapes: NDArray[Any]) -> bool:
    """Whether heights before widths agree with the padding of some slices at least as well as the reverse."""
    if (shapes[:, 2] == 3).all() and not (shapes[:, 0] == 3).all():
        raise SourceError(
            f"{path} has sizes in its dataset named shapes that end in 3, as height, width, channels do: put the "
            "channels first, as LLD does."
        )
    oblong = np.flatnonzero(shapes[:, 1] != shapes[:, 2])
    fits, seen = [0, 0], 0  # as (channels, height, width), as (channels, width, height)
    for row, picture in _looked_at(data, oblong):
        _, first, second = shapes[row]
        if first != second:
            fits[0] += _fits(picture, first, second)
            fits[1] += _fits(picture, second, first)
            seen += 1
    if max(fits) < seen / 2:  # a few damaged rows are turned away when they are read
        raise SourceError(
            f"{path} has pixels outside the sizes in its dataset named shapes: it is damaged, fetch it again."
        )
    return fits[0] >= fits[1]


def _looked_at(data: h5py.Dataset, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Some slices of padded pictures that can be read, from among rows, with their places."""
    parts = range(_VERIFIED_SLICES if len(rows) else 0)
    for start in sorted({int(rows[len(rows) * part // _VERIFIED_SLICES]) for part in parts}):
        last = min(start + _VERIFIED_ROWS, len(data)) - 1
        for row, picture in enumerate(_read_slab(data, start, last), start):
            if not isinstance(picture, Rejected):
                yield row, picture


def _fits(picture: NDArray[np.uint8], height: int, width: int) -> bool:
    """Whether a padded picture [3, H, W] is zero below and right of a size."""
    return not picture[:, height:].any() and not picture[:, :, width:].any()


def _names(path: Path, file: h5py.File, count: int) -> list[str]:
    """Names of the pictures, as text."""
    names = file.get("meta_data/names")
    return read_strings(path, names, count) if isinstance(names, h5py.Dataset) and names.ndim == 1 else []


def _read_slab(data: h5py.Dataset, first: int, last: int) -> list[NDArray[np.uint8] | Rejected]:
    """Padded pictures [3, H, W] of the rows first to last; one by one where a damaged chunk is among them."""
    try:
        return list(data[first : last + 1])
    except OSError as error:
        if (reason := system_error(error)) is not None:
            raise cannot_be_read(data.file.filename, reason) from error
        if first == last:
            return [Rejected(Reason.unreadable, f"damaged in the file: {error}"[:200])]
    return [_read_slab(data, row, row)[0] for row in range(first, last + 1)]


def _block_rows(data: h5py.Dataset) -> int:
    """Pictures to read at once: whole chunks where the file is chunked, within a bound on memory."""
    chunk = data.chunks[0] if data.chunks else 1
    rows = -(-_BLOCK_ROWS // chunk) * chunk
    picture_bytes = int(np.prod(data.shape[1:]))
    return max(1, min(rows, _BLOCK_BYTES // picture_bytes))
