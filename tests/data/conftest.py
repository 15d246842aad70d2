"""Pictures, encoded images and LLD files to test with."""

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

_NOBODY = 65534


def _blocks(width: int, height: int, channels: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Coloured blocks of 4 px, `[height, width, channels]`: nothing blank, and compressible."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 4), -(-width // 4), channels), np.uint8)
    return coarse.repeat(4, axis=0).repeat(4, axis=1)[:height, :width]


def _encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _write_lld(
    path: Path,
    pictures: Sequence[NDArray[np.uint8]],
    side: int,
    *,
    width_first: bool = False,
    labels: int | None = None,
    **storage: Any,
) -> None:
    """Write pictures `[h, w, 3]` as LLD-logo was published: padded with zeros at the bottom and on the right."""
    data = np.zeros((len(pictures), 3, side, side), np.uint8)
    shapes = np.zeros((len(pictures), 3), np.int64)
    for index, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        data[index, :, :height, :width] = picture.transpose(2, 0, 1)
        shapes[index] = (3, width, height) if width_first else (3, height, width)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, **storage)
        file["shapes"] = shapes
        file["labels/resnet/rc_64"] = np.arange(len(pictures) if labels is None else labels) % 64
        file["meta_data/names"] = np.array([f"site-{index}".encode() for index in range(len(pictures))])


@pytest.fixture
def blocks() -> Callable[..., NDArray[np.uint8]]:
    return _blocks


@pytest.fixture
def encode() -> Callable[..., bytes]:
    return _encode


@pytest.fixture
def png(blocks: Callable[..., NDArray[np.uint8]]) -> Callable[[int], bytes]:
    """A PNG of 24 x 20 px that differs by its seed."""
    return lambda seed: _encode(Image.fromarray(blocks(24, 20, seed=seed)))


@pytest.fixture
def write_lld() -> Callable[..., None]:
    return _write_lld


@pytest.fixture
def ordinary_user() -> Callable[[], AbstractContextManager[None]]:
    """Run a block without root's right to read everything; where the tests run as a user already, nothing changes."""

    @contextmanager
    def drop() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.setresuid(_NOBODY, _NOBODY, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)

    return drop


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        path.chmod(0o755)
    shutil.rmtree(folder)
