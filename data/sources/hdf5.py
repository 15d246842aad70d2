"""HDF5 files of LLD's layout, opened so that nothing in them leads elsewhere or grows without bound."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from data.limits import HARD_MAX_PIXELS
from data.sources.retry import is_passing
from data.sources.source import SourceError, reading

_CHUNK_CACHE_BYTES = 128 * 2**20

# Zeros compress a thousandfold, and chunks of nothing but padding are not stored at all by some writers.
_UNPACKED_RATIO = 20_000
_MAX_PICTURES = 10_000_000
_MAX_CHUNK_BYTES = 2**30
_MAX_NAME_BYTES = 1024
_MAX_CLASS = 2**53  # up to here floating point tells each from the next

_STRINGS_S = 8.0
_STRING_S = 1e-4
_READ_STRINGS = """
import json, sys
import h5py
path, name, count = sys.argv[1:]
with h5py.File(path, "r") as file:
    values = file[name][: int(count)]
texts = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
json.dump(texts, sys.stdout)
"""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """The file, in which nothing points out of it."""
    with reading(path), h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES) as file:
        _refuse_links(path, file)
        yield file


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


def checked_data(path: Path, file: h5py.File) -> h5py.Dataset:
    """The dataset of pixels, when it has LLD's layout."""
    data = file.get("data")
    if not isinstance(data, h5py.Dataset) or data.dtype != np.uint8 or data.ndim != 4 or data.shape[1] != 3:
        raise SourceError(f"{path} is not laid out like LLD: it needs a dataset named data, uint8, N x 3 x H x W.")
    if data.shape[0] == 0:
        raise SourceError(f"{path} holds no images: its dataset named data is empty.")
    shapes = file.get("shapes")
    if shapes is not None and not (
        isinstance(shapes, h5py.Dataset) and shapes.shape == (data.shape[0], 3) and shapes.dtype.kind in "iu"
    ):
        raise SourceError(f"{path} has no usable dataset named shapes: it needs integers, N x 3, for the N of data.")
    _refuse_bombs(path, file, data)
    return data


def read_strings(path: Path, dataset: h5py.Dataset, count: int) -> list[str]:
    """The first strings of a dataset.

    Those of variable length lie in a heap over which, damaged, the HDF5 library can loop for ever and not be
    interrupted; they are read in a process that can be ended.
    """
    if dataset.dtype.kind not in "SO":
        return [str(value) for value in dataset[:count]]
    if dataset.dtype.kind == "S":
        return [value.decode("utf-8", "replace") for value in dataset[:count]]
    command = [sys.executable, "-I", "-c", _READ_STRINGS, str(path.absolute()), str(dataset.name), str(count)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_STRINGS_S + _STRING_S * count, check=True)
        return [str(value) for value in json.loads(done.stdout)]
    except (subprocess.SubprocessError, ValueError) as error:
        raise SourceError(f"{path} is damaged in {dataset.name}: copy or download it again.") from error


def read_classes(file: h5py.File, count: int) -> tuple[dict[str, NDArray[Any]], Counter[str]]:
    """The first labels of each list below `labels`, by its path there; LLD has resnet/rc_64 and the like.

    Returns:
        Lists of whole numbers, in which NaN stands for no label; and what the others are, with their lengths.
    """
    found: dict[str, NDArray[Any]] = {}
    others: Counter[str] = Counter()

    def visit(name: str, member: Any) -> None:
        if not isinstance(member, h5py.Dataset):
            return
        is_list = member.ndim == 1 or (member.ndim == 2 and member.shape[1] == 1)
        values = member[:count].ravel() if is_list and member.dtype.kind in "iuf" else None
        if values is not None and _are_classes(values):
            found[name] = values
        else:
            others[f"labels/{name} ({member.dtype}, {' x '.join(map(str, member.shape))})"] += max(1, len(member))

    if "labels" in file:
        file["labels"].visititems(visit)
    return dict(sorted(found.items())), others


def _are_classes(values: NDArray[Any]) -> bool:
    """Whether numbers are whole, where they are any, and fit the int64 of the table."""
    if np.can_cast(values.dtype, np.int64):
        return True
    known = values[values == values]  # NaN is not itself
    return bool((known == np.floor(known)).all() and (np.abs(known) < _MAX_CLASS).all())


def system_error(error: OSError) -> OSError | None:
    """The system's own error that HDF5's library names in its message, where there is one that may pass."""
    named = re.search(r"errno = (\d+)", str(error))
    cause = OSError(int(named[1]), os.strerror(int(named[1]))) if named else error
    return cause if is_passing(cause) else None


def _refuse_bombs(path: Path, file: h5py.File, data: h5py.Dataset) -> None:
    """Refuse arrays that claim far more than the file holds, or chunks and strings that no memory could."""
    claimed, stored = data.size, data.id.get_storage_size()
    chunk_bytes = int(np.prod(data.chunks)) if data.chunks else 0
    names = file.get("meta_data/names")
    name_bytes = names.dtype.itemsize if isinstance(names, h5py.Dataset) else 0
    too_much = {
        f"has pictures of {data.shape[3]} x {data.shape[2]} px": data.shape[2] * data.shape[3] > HARD_MAX_PIXELS,
        f"has {data.shape[0]} pictures": data.shape[0] > _MAX_PICTURES,
        f"has chunks of {chunk_bytes} bytes": chunk_bytes > _MAX_CHUNK_BYTES,
        f"has names of {name_bytes} bytes": name_bytes > _MAX_NAME_BYTES,
        f"claims {claimed} bytes of pictures, but stores only {stored}": claimed > _UNPACKED_RATIO * stored,
    }
    for claim, holds in too_much.items():
        if holds:
            raise SourceError(f"{path} {claim}, more than is read: it is damaged or made to harm, fetch it again.")
