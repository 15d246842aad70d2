"""Search, self join and k-means over many vectors: time, peak memory, how they grow, and the recall of the lists.

    python -m benchmarks.neighbours [--sizes 50000 200000 1000000] [--json]

The vectors are synthetic and look like embeddings: 128 dimensions of which 32 matter, groups within groups, and a
quarter of them near copies of others. Each way runs in a process of its own, which loads the vectors from a file; the
time is that of the call, the peak that of the process, vectors, Python and libraries included. Threads are what
OMP_NUM_THREADS says; k-means takes one, for the same result on every machine.

    search      the 16 nearest of one vector
    candidates  the pairs that deduplicate looks at: each vector with its 16 nearest at a cosine of 0.5 and more
    lists       the same self join by inverted lists, also where there are too few vectors for them to be used
    k-means     10 clusters, 10 starts

The growth is the exponent e of CPU time ~ size^e, fitted over the sizes. The candidates among the 122,920 images of
LLD-logo have a target of 60 s on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH = 128
INNER = 32
COPIES = 0.25
NEIGHBOURS = 16
SIMILARITY = 0.5
LLD = 122_920
TARGET_S = 60.0

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Measurement:
    """One way, on so many vectors; `recall` is None where nothing is searched."""

    way: str
    vectors: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    recall: float | None
    found: str


def make_vectors(n: int, seed: int = 0) -> Vectors:
    """Unit vectors `[n, 128]` in groups within groups, the last quarter near copies of the first."""
    random = np.random.default_rng(seed)
    groups, parts = random.standard_normal((12, INNER)), random.standard_normal((max(n // 150, 1), INNER))
    of_part = random.integers(0, len(parts), n)
    inner = groups[of_part % len(groups)] + 0.8 * parts[of_part] + 0.5 * random.standard_normal((n, INNER))
    fresh = n - int(COPIES * n)
    inner[fresh:] = inner[: n - fresh] + 0.03 * random.standard_normal((n - fresh, INNER))
    outward = np.linalg.qr(random.standard_normal((WIDTH, INNER)))[0].T.astype(np.float32)
    vectors: Vectors = inner.astype(np.float32) @ outward
    vectors += 0.02 * random.standard_normal(vectors.shape, np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def one_search(vectors: Vectors) -> tuple[float | None, str]:
    """The nearest of one vector."""
    from neighbours.search import search

    found = search(vectors, vectors[:1], NEIGHBOURS)
    return found.recall, f"{found.indices.shape[1]} neighbours"


def candidates(vectors: Vectors, **options: int) -> tuple[float | None, str]:
    """The pairs that deduplicate looks at."""
    from neighbours.search import self_join

    found = self_join(vectors, NEIGHBOURS, **options)
    rows = np.repeat(np.arange(len(vectors)), found.indices.shape[1])
    near = found.similarities.ravel() >= SIMILARITY
    rows, others = rows[near], found.indices.ravel()[near]
    pairs = np.unique(np.minimum(rows, others) * len(vectors) + np.maximum(rows, others))
    return found.recall, f"{len(pairs):,} pairs"


def lists(vectors: Vectors) -> tuple[float | None, str]:
    """The same by inverted lists."""
    return candidates(vectors, exact_below=0)


def clusters(vectors: Vectors) -> tuple[float | None, str]:
    """Ten clusters."""
    from neighbours.kmeans import kmeans

    found = kmeans(vectors, k=10, restarts=10, seed=0)
    return None, f"inertia {found.inertia:.0f}"


WAYS: dict[str, Callable[[Vectors], tuple[float | None, str]]] = {
    "search": one_search,
    "candidates": candidates,
    "lists": lists,
    "k-means": clusters,
}


def child(way: str, path: str) -> None:
    """Do one way and print what it took."""
    import faiss  # noqa: F401  (loaded before the clock starts)
    import sklearn.cluster  # noqa: F401

    vectors = np.load(path)
    wall, cpu = time.perf_counter(), time.process_time()
    recall, found = WAYS[way](vectors)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps(asdict(Measurement(way, len(vectors), wall, cpu, peak_mib(), recall, found))))


def peak_mib() -> float:
    """Most memory that this process held; getrusage would count what its parent held before it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure(way: str, path: Path) -> Measurement:
    """Run one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.neighbours", "--child", way, str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Measurement(**json.loads(done.stdout))


def growth(results: list[Measurement]) -> dict[str, float]:
    """Exponent of the CPU time over the number of vectors, by way, where there are several sizes."""
    exponents = {}
    for way in WAYS:
        own = [result for result in results if result.way == way]
        if len({result.vectors for result in own}) > 1:
            sizes, times = [r.vectors for r in own], [r.cpu_s for r in own]  # not of what else the machine does
            exponents[way] = float(np.polyfit(np.log(sizes), np.log(times), 1)[0])
    return exponents


def main() -> None:
    """Make the vectors, run every way on every size, print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, LLD, 200_000, 1_000_000])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(*given.child)

    results = []
    with tempfile.TemporaryDirectory() as folder:
        for size in given.sizes:
            path = Path(folder) / "vectors.npy"
            np.save(path, make_vectors(size))
            results += [measure(way, path) for way in given.ways]
    exponents = growth(results)
    if given.json:
        threads = os.environ.get("OMP_NUM_THREADS")
        print(json.dumps({"threads": threads, "results": [asdict(r) for r in results], "growth": exponents}))
        return None
    print_table(results, exponents)
    return None


def print_table(results: list[Measurement], exponents: dict[str, float]) -> None:
    """One line for each measurement, then how each way grows, then the target."""
    print(f"{'way':<11} {'vectors':>10} {'wall s':>9} {'CPU s':>9} {'peak MiB':>9} {'recall':>7}  found")
    for r in results:
        recall = "" if r.recall is None else f"{r.recall:.4f}"
        print(f"{r.way:<11} {r.vectors:>10,} {r.wall_s:9.2f} {r.cpu_s:9.2f} {r.peak_mib:9.0f} {recall:>7}  {r.found}")
    for way, exponent in exponents.items():
        print(f"{way} grows as size^{exponent:.2f}")
    for r in results:
        if (r.way, r.vectors) == ("candidates", LLD):
            met = "met" if r.wall_s < TARGET_S else "missed"
            print(f"candidates of {LLD:,} logos: {r.wall_s:.1f} s, target {TARGET_S:.0f} s: {met}")


if __name__ == "__main__":
    main()
