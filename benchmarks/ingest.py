"""Ingest and curate against the plain way of StyleGAN2-ADA's dataset tool: images per CPU-second, and peak memory.

    python -m benchmarks.ingest [--images 20000] [--folder PATH] [--json]

The pictures are variations of the sample's logos, of LLD-logo's sizes: 64 to 400 px, RGB. They lie once in a folder of
PNG files, once in an HDF5 file as LLD was published. The plain way opens each with Pillow, crops its centre, resizes it
to 128 px by Lanczos, and writes it as PNG without compression into one zip. Ours is what `logoflow run` does of ingest
and curate, units one after the other, without Prefect's server: every file is hashed, every picture is checked,
identified by its pixels and kept as it came; the training array is written, and all that is written is hashed again.
Each way runs in a process of its own with one thread; CPU time is user and system time of that process and its
children. What it takes to start (Python, and for ours Prefect and torch) is in the rates, and told beside them.
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import io
import json
import os
import pstats
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image

SIDE = 128
SLICE = 64
PROFILED = 2000

PARTS = {
    "list and hash the source": [("logoflow/sources.py", "open_reader"), ("sources/folder.py", "entries")],
    "read the images": [("sources/folder.py", "_read_file"), ("sources/lld.py", "_read_slab")],
    "hash the bytes or pixels": [("data/intake.py", "identify")],
    "decode": [("data/images.py", "decode")],
    "identify by pixels": [("data/images.py", "pixel_sha256")],
    "look for blank ones": [("data/images.py", "is_blank")],
    "encode raw pixels as PNG": [("data/png.py", "encode_png")],
    "resize": [("data/squares.py", "fit")],
    "write shards": [("data/table.py", "_flush"), ("data/squares.py", "_flush")],
    "read squares": [("data/squares.py", "read_squares")],
    "hash and sync what was written": [("store/store.py", "record_files")],
    "merge and write the table": [("data/index.py", "merge"), ("data/index.py", "write_index")],
    "draw the pages": [("tasks/ingest_page.py", "ingest_page"), ("tasks/curate.py", "curate_page")],
}
"""Functions, by file and name, whose cumulative time is reported; none calls another of the list."""


@dataclass(frozen=True)
class Measurement:
    """One way, on one source."""

    way: str
    source: str
    images: int
    cpu_s: float
    start_s: float
    wall_s: float
    peak_mib: float

    @property
    def per_cpu_s(self) -> float:
        """Images per second of CPU time."""
        return self.images / self.cpu_s


def plain_folder(source: Path, out: Path) -> None:
    """The plain way, from a folder of files."""

    def pictures() -> Iterator[Image.Image]:
        for path in sorted(source.iterdir()):
            with Image.open(path) as opened:
                yield opened

    write_plainly(pictures(), out)


def plain_hdf5(source: Path, out: Path) -> None:
    """The plain way, from LLD's HDF5 in slices; one by one would be thirty times slower where it is compressed."""

    def pictures() -> Iterator[Image.Image]:
        with h5py.File(source) as file:
            sizes = file["shapes"][:]
            for start in range(0, len(sizes), SLICE):
                for padded, (_, height, width) in zip(file["data"][start : start + SLICE], sizes[start:], strict=False):
                    yield Image.fromarray(np.ascontiguousarray(padded[:, :height, :width].transpose(1, 2, 0)))

    write_plainly(pictures(), out)


def write_plainly(pictures: Iterator[Image.Image], out: Path) -> None:
    """Crop, resize and write pictures."""
    with zipfile.ZipFile(out / "dataset.zip", "w", zipfile.ZIP_STORED) as archive:
        for index, image in enumerate(pictures):
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            buffer = io.BytesIO()
            square.save(buffer, "PNG", compress_level=0)
            archive.writestr(f"{index:08}.png", buffer.getvalue())


def ours_ingest(source: Path, out: Path) -> None:
    """Ingest alone."""
    run_stages(source, out, curated=False)


def ours(source: Path, out: Path) -> None:
    """Ingest and curate, to the training array."""
    run_stages(source, out, curated=True)


def run_stages(source: Path, out: Path, curated: bool) -> None:
    """Ingest a source; then curate all of it as one cluster without copies."""
    from logoflow.config.load import check_config
    from logoflow.run import Run
    from tasks import units
    from tasks.curate import curate
    from tasks.ingest import ingest

    units.run_unit = Here(units.run_unit.fn)  # type: ignore[assignment]
    units.as_completed = list  # type: ignore[assignment, attr-defined]
    sources = [{"name": "logos", "path": str(source)}]
    config = check_config({"name": "bench", "ingest": {"sources": sources}, "curate": {"resolution": SIDE}})
    run = Run(config, out / "store")
    table: Any = ingest.fn(run).data
    if curated:
        made: Any = curate.fn(run, table, *pretend(run, table)).data
        pixels = np.load(made.file("pixels.npy"), mmap_mode="r")
        assert pixels.shape == (table.manifest.metrics["distinct"], 3, SIDE, SIDE)


class Here:
    """In the place of Prefect's runner: does each unit at once, in this process."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self._work = work

    def submit(self, *arguments: Any) -> Future[Any]:
        """Do the work."""
        future: Future[Any] = Future()
        future.set_result(self._work(*arguments))
        return future


def pretend(run: Any, table: Any) -> list[Any]:
    """What embed, cluster and deduplicate would leave, had they found one cluster and no copies."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from benchmarks.artifacts import commit
    from data.index import read_index

    ids = [row.id for row in read_index(table.file("images.parquet"))]
    none = pa.array([], pa.string())
    files = {
        "embed": ("vectors.arrow", {"id": ids}),
        "cluster": ("labels.parquet", {"id": ids, "label": [0] * len(ids)}),
        "deduplicate": ("groups.parquet", {"id": none, "kept": none}),
    }
    return [
        commit(run.workspace(), name, {}, file, functools.partial(pq.write_table, pa.table(columns)))
        for name, (file, columns) in files.items()
    ]


WAYS: dict[str, dict[str, Callable[[Path, Path], None]]] = {
    "folder": {"plain": plain_folder, "ingest": ours_ingest, "ingest + curate": ours},
    "hdf5": {"plain": plain_hdf5, "ingest": ours_ingest, "ingest + curate": ours},
}


def prepare(folder: Path, images: int) -> dict[str, Path]:
    """Write the pictures in both forms."""
    from data.sample.lld import LAYOUTS, write_lld
    from data.sources import open_source

    hdf5, files = folder / "lld.hdf5", folder / "files"
    write_lld(hdf5, LAYOUTS["logo"], images)
    files.mkdir()
    source = open_source("lld", hdf5)
    for raw in source.read(source.entries()):
        assert raw.pixels is not None
        Image.fromarray(raw.pixels).save(files / f"{raw.entry.position:06}.png")
    return {"folder": files, "hdf5": hdf5}


def measure(
    way: str, kind: str, source: Path, images: int, profile: bool = False
) -> tuple[Measurement, dict[str, float]]:
    """Run one way in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    with tempfile.TemporaryDirectory(dir=source.parent) as out:
        command = [sys.executable, "-m", "benchmarks.ingest", "--child", way, kind, str(source), out, str(int(profile))]
        clock = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        wall_s = time.perf_counter() - clock
    if done.returncode:
        sys.exit(f"{way} on {kind} failed: {done.stderr[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    return Measurement(way, kind, images, told["cpu_s"], told["start_s"], wall_s, told["peak_mib"]), told["parts"]


def child(way: str, kind: str, source: Path, out: Path, profile: bool) -> None:
    """Do the work of one way, and tell what it took."""
    if way != "plain":
        import torch  # noqa: F401

        import tasks.curate  # noqa: F401
    start_s = cpu_s()
    profiler = cProfile.Profile()
    if profile:
        profiler.runcall(WAYS[kind][way], source, out)
    else:
        WAYS[kind][way](source, out)
    told = {
        "cpu_s": cpu_s(),
        "start_s": start_s,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "parts": parts_of(profiler) if profile else {},
    }
    print(json.dumps(told))


def cpu_s() -> float:
    """User and system time of this process and its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def parts_of(profiler: cProfile.Profile) -> dict[str, float]:
    """Seconds by part, and in all."""
    stats = pstats.Stats(profiler)
    spent = {(path, name): row[3] for (path, _, name), row in stats.stats.items()}  # type: ignore[attr-defined]
    parts = {
        part: sum(
            s for (path, name), s in spent.items() for end, wanted in ends if path.endswith(end) and name == wanted
        )
        for part, ends in PARTS.items()
    }
    return {**parts, "all": stats.total_tt}  # type: ignore[attr-defined]


def some_files(folder: Path) -> Path:
    """A folder of the first files of another."""
    some = folder.with_name("some")
    some.mkdir()
    for path in sorted(folder.iterdir())[:PROFILED]:
        (some / path.name).hardlink_to(path)
    return some


def main() -> None:
    """Make the pictures, run every way, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000, help="pictures in the folder and in the HDF5 file")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when left out")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        way, kind, source, out, profile = given.child
        return child(way, kind, Path(source), Path(out), profile == "1")

    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        sources = prepare(folder, given.images)
        results = [measure(way, kind, sources[kind], given.images)[0] for kind in WAYS for way in WAYS[kind]]
        profiled = min(given.images, PROFILED)
        _, parts = measure("ingest + curate", "folder", some_files(sources["folder"]), profiled, profile=True)
    finally:
        shutil.rmtree(folder)
    if given.json:
        print(json.dumps({"results": [asdict(result) for result in results], "parts_s": parts, "profiled": profiled}))
        return None
    print_table(results)
    print_parts(parts, profiled)
    return None


def print_table(results: list[Measurement]) -> None:
    """One line for each way, with its rate over that of the plain way on the same source."""
    print(
        f"{'source':<8} {'way':<16} {'images/CPU-s':>12} {'images/s':>9} {'peak MiB':>9} {'start s':>8} {'x plain':>8}"
    )
    plain = {result.source: result.per_cpu_s for result in results if result.way == "plain"}
    for result in results:
        times = result.per_cpu_s / plain[result.source]
        print(
            f"{result.source:<8} {result.way:<16} {result.per_cpu_s:12.0f} {result.images / result.wall_s:9.0f} "
            f"{result.peak_mib:9.0f} {result.start_s:8.1f} {times:8.2f}"
        )


def print_parts(parts: dict[str, float], images: int) -> None:
    """Where the time of ingest + curate goes, from the folder."""
    print(f"\nWhere the time goes: ingest + curate of {images} files, µs per image (under a profiler)")
    named = {part: seconds for part, seconds in parts.items() if part != "all"}
    for part, seconds in sorted(named.items(), key=lambda pair: -pair[1]):
        print(f"  {part:<32} {seconds / images * 1e6:7.0f}")
    print(f"  {'everything else':<32} {(parts['all'] - sum(named.values())) / images * 1e6:7.0f}")


if __name__ == "__main__":
    main()
