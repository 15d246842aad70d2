"""A training step of StyleGAN2-ADA: images a second, memory, phases, and share of what the device can multiply.

    python -m benchmarks.gan_step [--sizes 32 64 128] [--batches 16] [--device cpu] [--channel-base N] [--json]

A full cycle of lazy regularisation is timed, gradient penalty every 16 steps and path lengths every 4, with
augmentation at p = 0.5. Each way runs in a process of its own, in turns, and the fastest of the rounds counts, since
whatever else the machine does can only slow it down; on a CPU for the same reason one thread works, and its own seconds
are counted, not those on the wall:

    plain       each image convolved with weights of its own, in groups; NCHW, float32, the published geometry
    float32     ours: scaled activations, channels_last; the published geometry
    reduced     the same with the largest sizes in bfloat16, where the device multiplies it
    bilinear    the same with the cheaper geometry

All start from the same weights and draw the same numbers. How far their losses lie apart in a first step, which has
every phase and leaves the weights as they are, is told relative to plain's. The matrix rate is that of a float32
product (bfloat16 for the last two) of 4096 x 4096 measured beside it; the operations are those of the convolutions and
products, counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import log, sqrt
from statistics import linear_regression, mean

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam
from torch.utils.flop_counter import FlopCounterMode

from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.settings import AugmentSettings, TrainingSettings
from stylegan2.state import initial_state
from stylegan2.synthesis import ModulatedConv2d, StoredNoise, demodulation

WAYS = ("plain", "float32", "reduced", "bilinear")
CYCLE = 16
STRENGTH = 0.5
MATRIX = 4096
IMAGES = 512
CLASSES = 10


@dataclass(frozen=True)
class Setup:
    """What a process measures."""

    way: str
    size: int
    batch: int
    device: str
    channel_base: int
    channel_max: int
    cycles: int


@dataclass(frozen=True)
class Result:
    """What it found.

    Attributes:
        setup: what was measured.
        images_per_s: real images a second, on a CPU of its own time, over whole cycles.
        peak_mib: most memory of the GPU, or of the process.
        seconds: of a cycle, by phase.
        losses: what the first step reported.
        tera: operations of a cycle, in 10^12.
        matrix_tera: operations a second of a matrix product, in 10^12.
    """

    setup: Setup
    images_per_s: float
    peak_mib: float
    seconds: dict[str, float]
    losses: dict[str, float]
    tera: float
    matrix_tera: float

    @property
    def utilisation(self) -> float:
        """Share of the matrix rate."""
        return self.tera / sum(self.seconds.values()) / self.matrix_tera


class TimedTrainer(Trainer):
    """A trainer that adds up the seconds of each phase."""

    seconds: dict[str, float]

    def _update(self, phase: str, loss_of_share: Callable[[int], Tensor]) -> None:
        start = seconds_on(self.images.device)
        super()._update(phase, loss_of_share)
        self.seconds[phase] += seconds_on(self.images.device) - start


def grouped(layer: ModulatedConv2d, x: Tensor, w: Tensor, noise: Tensor | StoredNoise) -> Tensor:
    """A modulated convolution as the paper words it: weights of its own for each image, one group each."""
    n, _, height, width = x.shape
    styles = layer.affine(w)
    weight = layer.weight * styles[:, None, :, None, None] * demodulation(layer.weight, styles)[:, :, None, None, None]
    if layer.resampler is None:
        y = F.conv2d(x.reshape(1, -1, height, width), weight.flatten(0, 1), padding=1, groups=n)
    else:
        stacked = x.reshape(1, -1, height, width)
        y = F.conv_transpose2d(stacked, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=n)
        y = F.conv2d(y, layer.resampler.kernel.expand(y.shape[1], 1, 4, 4) * 4, padding=1, groups=y.shape[1])
    y = y.reshape(n, -1, *y.shape[2:])
    values = layer.noise if isinstance(noise, str) else noise
    if noise != "none":
        y = y + values * layer.noise_strength
    return F.leaky_relu(y + layer.bias[None, :, None, None], 0.2) * sqrt(2)


def main() -> None:
    """Measure, or measure one way in this process, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--batches", type=int, nargs="+", default=[16])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channel-base", type=int, default=2048, help="16384 is the published networks'")
    parser.add_argument("--channel-max", type=int, default=64, help="512 is the published networks'")
    parser.add_argument("--cycles", type=int, default=1, help="of 16 steps, in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        print(json.dumps(asdict(measure(Setup(**json.loads(given.one))))))
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


def measure(setup: Setup) -> Result:
    """Time cycles of training steps after a first step that warms up and gives the losses."""
    device = torch.device(setup.device)
    torch.set_num_threads(1)
    settings = TrainingSettings(
        preset="article",
        batch=setup.batch,
        channel_base=setup.channel_base,
        channel_max=setup.channel_max,
        r1_interval=CYCLE,
        precision="bfloat16" if setup.way in ("reduced", "bilinear") else "float32",
        augment=AugmentSettings(
            mode="fixed", strength=STRENGTH, geometry="bilinear" if setup.way == "bilinear" else "reference"
        ),
    )
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 3, setup.size, setup.size), dtype=np.uint8)
    labels = np.arange(IMAGES) % CLASSES
    networks, row = plan(pixels, labels, settings)
    state = initial_state(networks, settings, row, 0, device)
    trainer = TimedTrainer(state, TrainingImages(pixels, labels, 0, device), settings, row, 0)
    trainer.seconds = defaultdict(float)
    if setup.way == "plain":
        ModulatedConv2d.forward = grouped  # type: ignore[method-assign,assignment]  # for good: this process ends with it
        for network in (state.generator, state.discriminator, state.average):
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub
    optimizers = (state.generator_optimizer, state.discriminator_optimizer)
    rates = [set_rate(optimizer, 0.0) for optimizer in optimizers]
    with FlopCounterMode(display=False) as counter:
        trainer.step()
    first = counter.get_total_flops()
    losses = trainer.meters.read()
    for optimizer, rate in zip(optimizers, rates, strict=True):
        set_rate(optimizer, rate)
    state.step = CYCLE
    trainer.seconds.clear()
    start = seconds_on(device)
    for _ in range(CYCLE * setup.cycles):
        trainer.step()
    elapsed = seconds_on(device) - start
    seconds = {phase: spent / setup.cycles for phase, spent in trainer.seconds.items()}
    seconds["the rest"] = elapsed / setup.cycles - sum(seconds.values())
    return Result(
        setup=setup,
        images_per_s=CYCLE * setup.cycles * setup.batch / elapsed,
        peak_mib=peak_mib(device),
        seconds=seconds,
        losses={name: losses[name] for name in ("loss_generator", "loss_discriminator", "r1_penalty", "path_length")},
        tera=operations_of_a_cycle(first, trainer) / 1e12,
        matrix_tera=matrix_rate(device, settings.precision) / 1e12,
    )


def set_rate(optimizer: Adam, rate: float) -> float:
    """Change the learning rate; the one before."""
    (group,) = optimizer.param_groups
    before, group["lr"] = group["lr"], rate
    return float(before)


def operations_of_a_cycle(all_phases: int, trainer: TimedTrainer) -> float:
    """Operations of 16 steps, one of which has a gradient penalty and four of which have path lengths."""
    counts: dict[str, float] = {}
    for name, step in (("neither", 1), ("path lengths", 4)):
        trainer.state.step = CYCLE + step
        with FlopCounterMode(display=False) as counter:
            trainer.step()
        counts[name] = counter.get_total_flops()
    return all_phases + 3 * counts["path lengths"] + 12 * counts["neither"]


def matrix_rate(device: torch.device, precision: str) -> float:
    """Operations a second of a matrix product."""
    factors = torch.randn(2, MATRIX, MATRIX, device=device).to(getattr(torch, precision))
    least_s = float("inf")
    for _ in range(4):
        start = seconds_on(device)
        factors[0] @ factors[1]
        least_s = min(least_s, seconds_on(device) - start)
    return 2 * MATRIX**3 / least_s


def peak_mib(device: torch.device) -> float:
    """Most memory of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


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


def seconds_on(device: torch.device) -> float:
    """A clock: wall time when a GPU is done with what it was given, else CPU time of this process."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


if __name__ == "__main__":
    main()
