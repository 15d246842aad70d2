"""LLD's HDF5 files: one array of zero-padded pictures, with their sizes, names and cluster labels beside it."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data.limits import Reason, Rejected
from data.sources.hdf5 import checked_data, opened, read_strings
from data.sources.source import Entry, HashFile, RawImage, SourceError

# Read one by one from compressed chunks, pictures come 30 times slower than in slices along N.
_BLOCK_ROWS = 64
_BLOCK_BYTES = 128 * 2**20
_VERIFIED_SLICES = 4
_VERIFIED_ROWS = 16


class LldSource:
    """LLD-logo, LLD-icon or LLD-icon-sharp as published: `data` [N, 3, H, W] uint8, and what else is there.

    Pictures are cut by `shapes`, labelled by every list of integers below `labels`, and named by `meta_data/names`.
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

    def digest(self) -> str:
        """The file's sha256."""
        return self._sha256

    def entries(self) -> list[Entry]:
        """One entry per picture; its name is that of `meta_data/names`, else its index."""
        with opened(self._path) as file:
            names = _names(self._path, file, self._count)
        names += [f"{position:06d}" for position in range(len(names), self._count)]
        return [Entry(names[position], position, f"{self._sha256}:{position}") for position in range(self._count)]

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read pictures in slices along N, cut to their own size."""
        with opened(self._path) as file:
            data = file["data"]
            shapes = file["shapes"][:] if "shapes" in file else None
            labels = {name: dataset[: self._count] for name, dataset in _label_datasets(file)}
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
        own = {name: int(values[entry.position]) for name, values in labels.items() if entry.position < len(values)}
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
        return "shapes" not in file or _heights_fit(path, file["data"], file["shapes"][:])


def _heights_fit(path: Path, data: h5py.Dataset, shapes: NDArray[Any]) -> bool:
    """Whether heights before widths agree with the padding of some slices at least as well as the reverse."""
    oblong = np.flatnonzero(shapes[:, 1] != shapes[:, 2])
    if len(oblong) == 0:
        return True
    fits, seen = [0, 0], 0  # as (channels, height, width), as (channels, width, height)
    for start in {int(oblong[len(oblong) * part // _VERIFIED_SLICES]) for part in range(_VERIFIED_SLICES)}:
        last = min(start + _VERIFIED_ROWS, len(data)) - 1
        for picture, (_, first, second) in zip(_read_slab(data, start, last), shapes[start : last + 1], strict=True):
            if not isinstance(picture, Rejected) and first != second:
                fits[0] += _fits(picture, first, second)
                fits[1] += _fits(picture, second, first)
                seen += 1
    if max(fits) < seen / 2:  # a few damaged rows are turned away when they are read
        raise SourceError(
            f"{path} has pixels outside the sizes in its dataset named shapes: it is damaged, fetch it again."
        )
    return fits[0] >= fits[1]


def _fits(picture: NDArray[np.uint8], height: int, width: int) -> bool:
    """Whether a padded picture [3, H, W] is zero below and right of a size."""
    return not picture[:, height:].any() and not picture[:, :, width:].any()


def _names(path: Path, file: h5py.File, count: int) -> list[str]:
    """Names of the pictures, as text."""
    names = file.get("meta_data/names")
    return read_strings(path, names, count) if isinstance(names, h5py.Dataset) and names.ndim == 1 else []


def _label_datasets(file: h5py.File) -> list[tuple[str, h5py.Dataset]]:
    """One-dimensional integer datasets below `labels`, by their path there; LLD has resnet/rc_64 and the like."""
    found: list[tuple[str, h5py.Dataset]] = []

    def visit(name: str, member: Any) -> None:
        # uint64 is left out: classes are small, and the table holds int64.
        is_list = isinstance(member, h5py.Dataset) and member.ndim == 1
        if is_list and member.dtype.kind in "iu" and np.can_cast(member.dtype, np.int64):
            found.append((name, member))

    if "labels" in file:
        file["labels"].visititems(visit)
    return sorted(found, key=lambda pair: pair[0])


def _read_slab(data: h5py.Dataset, first: int, last: int) -> list[NDArray[np.uint8] | Rejected]:
    """Padded pictures [3, H, W] of the rows first to last; one by one where a damaged chunk is among them."""
    try:
        return list(data[first : last + 1])
    except OSError as error:
        if first == last:
            return [Rejected(Reason.unreadable, f"damaged in the file: {error}"[:200])]
    return [_read_slab(data, row, row)[0] for row in range(first, last + 1)]


def _block_rows(data: h5py.Dataset) -> int:
    """Pictures to read at once: whole chunks where the file is chunked, within a bound on memory."""
    chunk = data.chunks[0] if data.chunks else 1
    rows = -(-_BLOCK_ROWS // chunk) * chunk
    picture_bytes = int(np.prod(data.shape[1:]))
    return max(1, min(rows, _BLOCK_BYTES // picture_bytes))
