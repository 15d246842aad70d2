"""One cycle of lazy regularisation of StyleGAN2-ADA, timed in this process: what benchmarks.gan_step compares."""

from __future__ import annotations

import resource
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam
from torch.utils.flop_counter import FlopCounterMode

from stylegan2.augment import warp
from stylegan2.images import TrainingImages
from stylegan2.phases import Trainer
from stylegan2.planning import plan
from stylegan2.settings import AugmentSettings, TrainingSettings
from stylegan2.state import TrainingState, initial_state
from stylegan2.synthesis import ModulatedConv2d, StoredNoise, demodulation

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


def speak_plainly(state: TrainingState) -> None:
    """Compute as the papers word it, for good: this process ends with it."""
    ModulatedConv2d.forward = grouped  # type: ignore[method-assign,assignment]
    warp.products_pay = lambda x: False
    for network in (state.generator, state.discriminator, state.average):
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch's stub


def measure(setup: Setup) -> Result:
    """Count operations, read the losses of a first step that leaves the weights as they are, and time cycles."""
    device = torch.device(setup.device)
    torch.set_num_threads(1)
    cheap = setup.way not in ("plain", "float32", "reduced")
    settings = TrainingSettings(
        preset="article",
        batch=setup.batch,
        channel_base=setup.channel_base,
        channel_max=setup.channel_max,
        r1_interval=CYCLE,
        precision="bfloat16" if cheap or setup.way == "reduced" else "float32",
        augment=AugmentSettings(mode="fixed", strength=STRENGTH, geometry="bilinear" if cheap else "reference"),
        compiled=setup.way == "compiled",
    )
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 3, setup.size, setup.size), dtype=np.uint8)
    labels = np.arange(IMAGES) % CLASSES
    networks, row = plan(pixels, labels, settings)
    state = initial_state(networks, settings, row, 0, device)
    images = TrainingImages(pixels, labels, 0, device)
    still = Trainer(state, images, settings.model_copy(update={"compiled": False}), row, 0)
    trainer = TimedTrainer(state, images, settings, row, 0)
    trainer.seconds = defaultdict(float)
    optimizers = (state.generator_optimizer, state.discriminator_optimizer)
    rates = [set_rate(optimizer, 0.0) for optimizer in optimizers]
    tera = operations_of_a_cycle(still) / 1e12  # of ours in every way: torch counts those of groups wrongly
    if setup.way == "plain":
        speak_plainly(state)
    still.meters.read()
    state.step = 0
    still.step()
    losses = still.meters.read()
    for optimizer, rate in zip(optimizers, rates, strict=True):
        set_rate(optimizer, rate)
    state.step = 0
    trainer.step()  # warms up every phase
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
        tera=tera,
        matrix_tera=matrix_rate(device, settings.precision) / 1e12,
    )


def set_rate(optimizer: Adam, rate: float) -> float:
    """Change the learning rate; the one before."""
    (group,) = optimizer.param_groups
    before, group["lr"] = group["lr"], rate
    return float(before)


def operations_of_a_cycle(trainer: Trainer) -> float:
    """Operations of 16 steps: one with a gradient penalty and path lengths, three with path lengths, twelve without."""
    total = 0
    for step, times in ((0, 1), (4, 3), (1, 12)):
        trainer.state.step = step
        with FlopCounterMode(display=False) as counter:
            trainer.step()
        total += times * counter.get_total_flops()
    return total


def matrix_rate(device: torch.device, precision: str) -> float:
    """Operations a second of a matrix product, in the precision in which a GPU convolves: TF32 as a rule."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
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


def seconds_on(device: torch.device) -> float:
    """A clock: wall time when a GPU is done with what it was given, else CPU time of this process."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()
