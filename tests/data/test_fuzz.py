"""Damaged files of every format and container: none crashes, hangs or fills the memory, and each is accounted for.

500 of them in every test run; `make fuzz` tries 5,000 (FUZZ_FILES), others with another FUZZ_SEED.
"""

import io
import json
import os
import select
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from data.sample.lld import LAYOUTS, write_lld

FILES = int(os.environ.get("FUZZ_FILES", "500"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
HANG_S = 10.0
PEAK_MIB = 1024
ROOT = Path(__file__).resolve().parents[2]
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x80\0\0\0")

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 30"><defs><linearGradient id="g"><stop stop-color="red"/>'
    '<stop offset="1" stop-color="blue"/></linearGradient><pattern id="p" width="5" height="5"><rect width="3" '
    'height="3" fill="url(#g)"/></pattern><filter id="f"><feGaussianBlur stdDeviation="2"/></filter></defs>'
    '<g transform="rotate(20)" filter="url(#f)"><path d="M1 1 C 20 3 4 25 30 20 Z" fill="url(#p)" stroke="#0a0" '
    'stroke-width="2" stroke-dasharray="3 1"/><use href="#g"/></g><text x="3" y="9">logo</text></svg>'
)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of every kind, by suffix; `.image` stands for what a folder holds."""
    folder = tmp_path_factory.mktemp("seeds")
    images = dict(write_images())
    made = {f"{name}.image": data for name, data in images.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("png", "jpeg", "gif"):
            archive.writestr(f"{name}.{name}", images[name])
        archive.writestr("dataset.json", json.dumps({"labels": [["png.png", 1]]}))
    made["logos.zip"] = buffer.getvalue()
    for mode in ("w", "w:gz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
            for name, data in [("a.png", images["png"]), ("a.cls", b"3"), ("inner.zip", made["logos.zip"])]:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        made["logos.tar" if mode == "w" else "logos.tgz"] = buffer.getvalue()
    rows = [{"name": name, "image": {"bytes": data, "path": name}, "label": 1} for name, data in images.items()]
    pq.write_table(pa.Table.from_pylist(rows), folder / "logos.parquet")
    write_lld(folder / "plain.hdf5", LAYOUTS["icon"], 5)
    write_lld(folder / "packed.hdf5", LAYOUTS["icon"], 5, compression="gzip", chunk_rows=2)
    return made | {path.name: path.read_bytes() for path in folder.iterdir()}


def write_images() -> Iterator[tuple[str, bytes]]:
    """A small picture in every format and some of their varieties."""
    random = np.random.default_rng(0)
    pixels: NDArray[np.uint8] = random.integers(0, 256, (6, 8, 4), np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    rgba, other = Image.fromarray(pixels), Image.fromarray(pixels[::-1].copy())
    varieties: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "png": (rgba.convert("RGB"), "PNG", {}),
        "palette": (rgba.convert("RGB").quantize(9), "PNG", {"transparency": 1}),
        "apng": (rgba, "PNG", {"save_all": True, "append_images": [other]}),
        "deep": (Image.fromarray(pixels[..., 0].astype(np.uint16) * 257), "PNG", {}),
        "jpeg": (rgba.convert("RGB"), "JPEG", {}),
        "progressive": (rgba.convert("RGB"), "JPEG", {"progressive": True}),
        "inks": (rgba.convert("CMYK"), "JPEG", {}),
        "webp": (rgba, "WEBP", {"lossless": True}),
        "moving": (rgba, "WEBP", {"save_all": True, "append_images": [other]}),
        "gif": (rgba.convert("RGB"), "GIF", {"save_all": True, "append_images": [other.convert("RGB")]}),
        "bmp": (rgba.convert("RGB"), "BMP", {}),
        "ico": (rgba, "ICO", {"sizes": [(16, 16), (32, 24)]}),
        "tiff": (rgba, "TIFF", {"save_all": True, "append_images": [other]}),
        "lzw": (rgba.convert("RGB"), "TIFF", {"compression": "tiff_lzw"}),
    }
    for name, (image, kind, options) in varieties.items():
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        yield name, buffer.getvalue()
    yield "svg", SVG.encode()


def flip(data: bytearray, random: Generator) -> None:
    """Change some bytes, mostly near the beginning, where the headers are."""
    for _ in range(int(random.integers(1, 9))):
        data[int(random.random() ** 3 * len(data))] = int(random.integers(256))


def cut(data: bytearray, random: Generator) -> None:
    """Lose the end."""
    del data[int(random.integers(1, len(data))) :]


def lose(data: bytearray, random: Generator) -> None:
    """Lose a piece."""
    start = int(random.integers(len(data)))
    del data[start : start + int(random.integers(1, 30))]


def repeat(data: bytearray, random: Generator) -> None:
    """Say a piece again, elsewhere."""
    start, to = random.integers(len(data), size=2)
    data[to:to] = data[start : start + int(random.integers(1, 200))]


def exaggerate(data: bytearray, random: Generator) -> None:
    """Put an extreme number somewhere."""
    start = int(random.random() ** 2 * len(data))
    data[start : start + 4] = EXTREMES[int(random.integers(len(EXTREMES)))]


DAMAGES: tuple[Callable[[bytearray, Generator], None], ...] = (flip, cut, lose, repeat, exaggerate)


def damaged(seeds: dict[str, bytes], index: int) -> tuple[str, bytes]:
    """The file of a number: its kind, and its bytes."""
    random = np.random.default_rng((SEED, index))
    name = sorted(seeds)[index % len(seeds)]
    data = bytearray(seeds[name])
    for _ in range(int(random.integers(1, 4))):
        if data:
            DAMAGES[int(random.integers(len(DAMAGES)))](data, random)
    return name, bytes(data)


class Child:
    """A process that takes in files, with a limit on its memory."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", str(ROOT / "tests" / "support" / "fuzz_child.py")],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def take_in(self, path: Path, patience_s: float = HANG_S) -> dict[str, Any]:
        """What became of a file."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], patience_s)[0]:
            pytest.fail(f"{path} took more than {patience_s} s")
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"{path} ended the process: {self._process.stderr.read()[-3000:]}")
        told: dict[str, Any] = json.loads(line)
        return told

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def child() -> Iterator[Child]:
    process = Child()
    yield process
    process.end()


def test_every_damaged_file_is_accepted_or_turned_away(seeds: dict[str, bytes], child: Child, tmp_path: Path) -> None:
    for name, data in seeds.items():  # whole, each is accepted; the first waits for the imports
        (tmp_path / name).write_bytes(data)
        told = child.take_in(tmp_path / name, patience_s=120)
        assert told.get("accepted"), (name, told)
        assert not told["rejected"], (name, told)
    seen: Counter[str] = Counter()
    for index in range(FILES):
        name, data = damaged(seeds, index)
        path = tmp_path / f"{index}-{name}"
        path.write_bytes(data)
        told = child.take_in(path)
        assert told["peak_mib"] < PEAK_MIB, path
        seen.update(key for key in ("accepted", "rejected", "refused") if told.get(key))
        path.unlink()
    assert set(seen) == {"accepted", "rejected", "refused"}, seen
