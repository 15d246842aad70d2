"""LLD's HDF5 files: one array of zero-padded pictures, with their sizes, names and cluster labels beside it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data.images import Reason, Rejected
from data.sources.source import Entry, HashFile, RawImage, SourceError

# Read one by one from compressed chunks, pictures come 30 times slower than in slices along N.
_BLOCK_ROWS = 64
_BLOCK_BYTES = 128 * 2**20
_VERIFIED_ROWS = 64


class LldSource:
    """LLD-logo, LLD-icon or LLD-icon-sharp as published: `data` [N, 3, H, W] uint8, and what else is there."""

    def __init__(self, name: str, path: Path, licence: str, hash_file: HashFile) -> None:
        self.name = name
        self.licence = licence
        self._path = Path(path)
        with self._open() as file:
            self._count = _checked_data(self._path, file).shape[0]
            self._heights_first = _heights_first(self._path, file)
        self._sha256 = hash_file(self._path)

    def digest(self) -> str:
        """The file's sha256."""
        return self._sha256

    def entries(self) -> list[Entry]:
        """One entry per picture; its name is that of `meta_data/names`, else its index."""
        with self._open() as file:
            names = _names(file)
        names += [f"{position:06d}" for position in range(len(names), self._count)]
        return [Entry(names[position], position, f"{self._sha256}:{position}") for position in range(self._count)]

    def read(self, entries: Sequence[Entry]) -> Iterator[RawImage]:
        """Read pictures in slices along N, cut to their own size."""
        with self._open() as file:
            data = file["data"]
            shapes = file["shapes"][:] if "shapes" in file else None
            labels = {name: dataset[:] for name, dataset in _label_datasets(file)}
            rows = _block_rows(data)
            for _, run in groupby(entries, key=lambda entry: entry.position // rows):
                block = list(run)
                first = min(entry.position for entry in block)
                last = max(entry.position for entry in block)
                slab = data[first : last + 1]  # [rows, 3, H, W]
                for entry in block:
                    shape = None if shapes is None else shapes[entry.position]
                    yield self._raw_image(entry, slab[entry.position - first], shape, labels)

    def _raw_image(
        self, entry: Entry, padded: NDArray[np.uint8], shape: NDArray[Any] | None, labels: dict[str, NDArray[Any]]
    ) -> RawImage:
        """Cut one picture out of its padding."""
        own = {name: int(values[entry.position]) for name, values in labels.items() if entry.position < len(values)}
        if shape is None:
            return RawImage(entry, pixels=np.ascontiguousarray(padded.transpose(1, 2, 0)), labels=own)
        channels, height, width = (int(size) for size in shape)
        if not self._heights_first:
            height, width = width, height
        if channels != 3 or not (1 <= height <= padded.shape[1] and 1 <= width <= padded.shape[2]):
            detail = f"its entry in shapes is {[int(size) for size in shape]}, which does not fit the array"
            return RawImage(entry, labels=own, problem=Rejected(Reason.unreadable, detail))
        cut = padded[:, :height, :width].transpose(1, 2, 0)
        return RawImage(entry, pixels=np.ascontiguousarray(cut), labels=own)

    def _open(self) -> h5py.File:
        """Open the file without following anything that points out of it, or say in a sentence why not."""
        try:
            file = h5py.File(self._path, "r", rdcc_nbytes=_BLOCK_BYTES)
        except OSError as error:
            raise SourceError(
                f"{self._path} is not a whole HDF5 file, perhaps cut off in a download: fetch it again ({error})."
            ) from error
        try:
            _refuse_links(self._path, file)
        except BaseException:
            file.close()
            raise
        return file


def _refuse_links(path: Path, group: h5py.Group) -> None:
    """Refuse links and storage outside the file anywhere below a group, before any of them is resolved."""
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise SourceError(f"{path} links {group.name}/{key} to another place, which is refused: copy the data in.")
        member = group[key]
        if isinstance(member, h5py.Group):
            _refuse_links(path, member)
        elif isinstance(member, h5py.Dataset) and (member.is_virtual or member.external):
            raise SourceError(f"{path} keeps {member.name} in other files, which is refused: copy the data in.")


def _checked_data(path: Path, file: h5py.File) -> h5py.Dataset:
    """The dataset of pixels, when it has LLD's layout."""
    data = file.get("data")
    if not isinstance(data, h5py.Dataset) or data.dtype != np.uint8 or data.ndim != 4 or data.shape[1] != 3:
        raise SourceError(f"{path} is not laid out like LLD: it needs a dataset named data, uint8, N x 3 x H x W.")
    if data.shape[0] == 0:
        raise SourceError(f"{path} holds no images: its dataset named data is empty.")
    shapes = file.get("shapes")
    if shapes is not None and (shapes.ndim != 2 or shapes.shape != (data.shape[0], 3) or shapes.dtype.kind not in "iu"):
        raise SourceError(f"{path} has a dataset named shapes of size {shapes.shape}: it needs integers, N x 3.")
    return data


def _heights_first(path: Path, file: h5py.File) -> bool:
    """Whether `shapes` is (channels, height, width), judged by the zero padding; published readers disagree."""
    if "shapes" not in file:
        return True
    shapes = file["shapes"][:]
    oblong = np.flatnonzero(shapes[:, 1] != shapes[:, 2])
    sample = oblong[np.linspace(0, len(oblong) - 1, min(len(oblong), _VERIFIED_ROWS)).astype(int)]
    padded = [(file["data"][int(row)], int(shapes[row, 1]), int(shapes[row, 2])) for row in sample]
    if all(_fits(picture, first, second) for picture, first, second in padded):
        return True
    if all(_fits(picture, second, first) for picture, first, second in padded):
        return False
    raise SourceError(
        f"{path} has pixels outside the sizes in its dataset named shapes: it is damaged, fetch it again."
    )


def _fits(picture: NDArray[np.uint8], height: int, width: int) -> bool:
    """Whether a padded picture [3, H, W] is zero below and right of a size."""
    return not picture[:, height:].any() and not picture[:, :, width:].any()


def _names(file: h5py.File) -> list[str]:
    """Names of the pictures, as text."""
    if "meta_data/names" not in file:
        return []
    values = file["meta_data/names"][:]
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def _label_datasets(file: h5py.File) -> list[tuple[str, h5py.Dataset]]:
    """One-dimensional integer datasets below `labels`, by their path there."""
    found: list[tuple[str, h5py.Dataset]] = []

    def visit(name: str, member: Any) -> None:
        if isinstance(member, h5py.Dataset) and member.ndim == 1 and member.dtype.kind in "iu":
            found.append((name, member))

    if "labels" in file:
        file["labels"].visititems(visit)
    return sorted(found, key=lambda pair: pair[0])


def _block_rows(data: h5py.Dataset) -> int:
    """Pictures to read at once: whole chunks where the file is chunked, within a bound on memory."""
    chunk = data.chunks[0] if data.chunks else 1
    rows = -(-_BLOCK_ROWS // chunk) * chunk
    picture_bytes = int(np.prod(data.shape[1:]))
    return max(1, min(rows, _BLOCK_BYTES // picture_bytes))
