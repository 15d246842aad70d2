"""A training step of StyleGAN2-ADA: images a second, memory, phases, and share of what the device can multiply.

    python -m benchmarks.gan_step [--sizes 32 64 128] [--batches 16] [--device cpu] [--channel-base N] [--json]

A full cycle of lazy regularisation is timed, gradient penalty every 16 steps and path lengths every 4, with
augmentation at p = 0.5. Each way runs in a process of its own, in turns, and the fastest of the rounds counts, since
whatever else the machine does can only slow it down; on a CPU for the same reason one thread works, and its own seconds
are counted, not those on the wall:

    plain       each image convolved with weights of its own, in groups; NCHW, float32; the published geometry, which
                convolves with its filter
    float32     ours: scaled activations, channels_last; the published geometry, its filter as a matrix product
    reduced     the same with the largest sizes in bfloat16, where the device multiplies it
    bilinear    the same with the cheaper geometry

and on request, by --ways,

    compiled        bilinear with the phases without regularisation compiled
    deterministic   bilinear with nothing that a GPU does not compute alike twice

All start from the same weights and draw the same numbers. How far their losses lie apart in a first step, which has
every phase and leaves the weights as they are, is told relative to plain's. The matrix rate is that of a float32
product (bfloat16 but for the first two) of 4096 x 4096 measured beside it; the operations are those of the
convolutions and products, counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from math import log
from statistics import linear_regression, mean

from benchmarks.gan_cycle import CYCLE, Result, Setup, measure
from stylegan2.deterministic import deterministic

WAYS = ("plain", "float32", "reduced", "bilinear")
MORE_WAYS = ("compiled", "deterministic")


def main() -> None:
    """Measure, or measure one way in this process, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--batches", type=int, nargs="+", default=[16])
    parser.add_argument("--ways", nargs="+", choices=WAYS + MORE_WAYS, default=WAYS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channel-base", type=int, default=2048, help="16384 is the published networks'")
    parser.add_argument("--channel-max", type=int, default=64, help="512 is the published networks'")
    parser.add_argument("--cycles", type=int, default=1, help="of 16 steps, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        setup = Setup(**json.loads(given.one))
        with deterministic(setup.way == "deterministic"):
            print(json.dumps(asdict(measure(setup))))
        return
    results = []
    for size in given.sizes:
        for batch in given.batches:
            shape = (size, batch, given.device, given.channel_base, given.channel_max, given.cycles)
            setups = [Setup(way, *shape) for way in given.ways]
            rounds = [[in_its_own_process(setup) for setup in setups] for _ in range(given.rounds)]
            results += [best(list(of_one_way)) for of_one_way in zip(*rounds, strict=True)]
            if not given.json:
                show(results[-len(setups) :])
    if given.json:
        print(json.dumps([asdict(result) for result in results]))
    elif len(results) > len(given.ways):
        show_growth(results)


def in_its_own_process(setup: Setup) -> Result:
    """Measure without what was measured before."""
    command = [sys.executable, "-m", "benchmarks.gan_step", "--one", json.dumps(asdict(setup))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told = json.loads(done.stdout)
    return Result(**{**told, "setup": Setup(**told["setup"])})


def best(rounds: list[Result]) -> Result:
    """The fastest round, with the best matrix rate of all."""
    fastest = max(rounds, key=lambda result: result.images_per_s)
    return replace(fastest, matrix_tera=max(result.matrix_tera for result in rounds))


def show(results: list[Result]) -> None:
    """One size and batch: a row for each way."""
    first = results[0]
    print(f"\n{first.setup.size} px, batch {first.setup.batch}, {first.tera / CYCLE:.2f} x 10^12 operations a step")
    phases = list(first.seconds)
    print(
        f"{'way':<10} {'img/s':>8} {'x first':>8} {'s/kimg':>8} {'MiB':>7} {'rate':>6} {'losses':>9}  share of "
        + ", ".join(phases)
    )
    for one in results:
        apart = max(abs(one.losses[name] - value) / abs(value) for name, value in first.losses.items())
        total = sum(one.seconds.values())
        shares = "  ".join(f"{one.seconds[phase] / total:.0%}" for phase in phases)
        print(
            f"{one.setup.way:<10} {one.images_per_s:8.1f} {one.images_per_s / first.images_per_s:8.2f} "
            f"{1000 / one.images_per_s:8.2f} {one.peak_mib:7.0f} {one.utilisation:6.1%} {apart:9.1e}  {shares}"
        )


def show_growth(results: Sequence[Result]) -> None:
    """How the time for an image grows with its side, and with the batch."""
    print()
    for way in dict.fromkeys(one.setup.way for one in results):
        mine = [one for one in results if one.setup.way == way]
        exponents = {"side": growth(mine, "size", "batch"), "batch": growth(mine, "batch", "size")}
        told = [f"{name}^{exponent:.2f}" for name, exponent in exponents.items() if exponent is not None]
        print(f"{way}: time for an image ~ {', '.join(told)}")


def growth(results: Sequence[Result], along: str, fixed: str) -> float | None:
    """The exponent by which the time for an image grows along one part of the setup; None where it does not vary."""
    lines: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for one in results:
        lines[getattr(one.setup, fixed)].append((log(getattr(one.setup, along)), -log(one.images_per_s)))
    slopes = [linear_regression(*zip(*line, strict=True)).slope for line in lines.values() if len(line) > 1]
    return mean(slopes) if slopes else None


if __name__ == "__main__":
    main()
