"""`logoflow search` by id in a run of LLD-logo's size: wall time of the whole command, its start included.

    python -m benchmarks.search [--images 122920] [--repeats 3] [--json]

The store is made up: an image table, vectors, clusters and copies of so many logos, as the stages would leave them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.artifacts import commit
from data.index import write_index
from data.table import Origin, Picture
from logoflow.resolve import Workspace
from neighbours.vectors import write_vectors

DIMENSIONS = 128
OUTLINES = 144
CLUSTERS = 10


def main() -> None:
    """Make the store, time the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=122_920)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON in place of a sentence")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wanted = make_store(Path(folder), given.images)
        command = [str(Path(sys.executable).with_name("logoflow")), "search", wanted, "--store", folder, "--json"]
        times = []
        for _ in range(given.repeats):
            start = time.perf_counter()
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            times.append(time.perf_counter() - start)
        assert len(found) == 10
    if given.json:
        print(json.dumps({"images": given.images, "wall_s": times}))
    else:
        print(f"search by id among {given.images} logos: {statistics.median(times):.2f} s (median of {len(times)})")


def make_store(folder: Path, images: int) -> str:
    """Write what a run would have left; the id of one of its logos."""
    random = np.random.default_rng(0)
    ids = sorted(hashlib.sha256(f"{n}".encode()).hexdigest() for n in range(images))
    vectors, shapes = (random.standard_normal((images, width)).astype(np.float32) for width in (DIMENSIONS, OUTLINES))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    rows = [
        Picture(i, i, b"", "", 400, 400, "RGB", (Origin("lld", f"logo_{n:06}", n),), {"resnet/rc_64": n % 64}, "")
        for n, i in enumerate(ids)
    ]
    space = Workspace.open(folder)
    table = commit(space, "ingest", {}, "images.parquet", lambda path: write_index(path, rows))
    embedded = commit(
        space, "embed", {"ingest": table}, "vectors.arrow", lambda path: write_vectors(path, ids, vectors, shapes)
    )
    labels = pa.table({"id": ids, "label": random.integers(0, CLUSTERS, images)})
    commit(space, "cluster", {"embed": embedded}, "labels.parquet", lambda path: pq.write_table(labels, path))
    copies = pa.table({"id": ids[::3], "kept": [ids[-1]] * len(ids[::3])})
    commit(space, "deduplicate", {"embed": embedded}, "groups.parquet", lambda path: pq.write_table(copies, path))
    return ids[images // 2]


if __name__ == "__main__":
    main()
