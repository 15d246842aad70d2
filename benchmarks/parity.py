"""How far our networks and augmentations are from the reference numbers: `python -m benchmarks.parity FOLDER`.

Prints max |ours - theirs| / max |theirs| of every quantity in every npz of the folder (float32, CPU), and exits 1 when
one is above 1e-4.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylegan2.augment.draws import FixedDraws
from stylegan2.augment.pipe import OPERATIONS, PIPES, augment
from stylegan2.discriminator import Discriminator
from stylegan2.generator import Generator
from stylegan2.losses import path_lengths, r1_penalty
from stylegan2.nvidia import discriminator_names, load_networks

TOLERANCE = 1e-4
PSI, MIX = "out.w_psi", "out.img_mix"  # followed by the truncation, and by the layer of the crossover
GIVEN = ("out.r1_grad_param", "out.pl_noise")  # what the others were measured with
Arrays = dict[str, NDArray[Any]]


def main() -> int:
    """Compare every file, print a line for every quantity."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder of reference npz files")
    files = sorted(parser.parse_args().folder.glob("*.npz"))
    if not files:
        print("There is no npz file in this folder: give the one with the reference files.", file=sys.stderr)
        return 2
    errors = [0.0]
    for file in files:
        for name, error in compare(file):
            print(f"{file.name}  {name:<18} {error:.1e}{'' if error <= TOLERANCE else '  above the tolerance'}")
            errors.append(error)
    worst = float(np.max(errors))  # not a number where one of them is none
    print(f"largest relative error {worst:.1e}, tolerance {TOLERANCE:.0e}")
    return 0 if worst <= TOLERANCE else 1


def compare(file: Path) -> Iterator[tuple[str, float]]:
    """Yield the name and the relative error of each quantity in a reference file; NaN for one that we do not have."""
    with np.load(file, allow_pickle=False) as arrays:
        values = {name: arrays[name] for name in arrays.files}
    ours = dict(networks(file, values) if "config" in values else augmentations(values))
    for name in values:
        if name in ours:
            theirs = values[name].reshape(ours[name].shape)
            yield name, float(np.abs(ours[name] - theirs).max() / (np.abs(theirs).max() or 1.0))
        elif (name.startswith("out.") and name not in GIVEN) or "@" in name:
            yield name, math.nan


def networks(file: Path, values: Arrays) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Compute what a file of networks says they give."""
    generator, discriminator = load_networks(file)
    z = torch.from_numpy(values["in.z"])
    labels = torch.from_numpy(values["in.c"]) if "in.c" in values else None
    with torch.no_grad():
        ws = generator.map(z, labels)
        images = generator.synthesis(ws)
        yield "out.w", ws[:, 0].numpy()
        for name in values:
            if name.startswith(PSI):
                yield name, generator.truncate(ws, float(name.removeprefix(PSI)))[:, 0].numpy()
            if name.startswith(MIX):
                crossed = int(name.removeprefix(MIX))
                other = torch.cat([ws[:, :crossed], ws.roll(1, 0)[:, crossed:]], dim=1)
                yield name, generator.synthesis(other).numpy()
        yield "out.img_const", images.numpy()
        yield "out.img_none", generator.synthesis(ws, "none").numpy()
        yield "out.d_logits", discriminator(images, labels).numpy()
    yield from _r1(discriminator, torch.from_numpy(values["in.x"]), labels, str(values["out.r1_grad_param"]))
    yield "out.pl_lengths", _path_lengths(generator, ws, torch.from_numpy(values["out.pl_noise"]))


def augmentations(values: Arrays) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Apply the operation or pipe of each `NAME@q` at its quantile."""
    images = torch.from_numpy(values["in.x"])
    for name in values:
        operation, at, quantile = name.partition("@")
        operations = PIPES.get(operation, (operation,))
        if at and set(operations) <= set(OPERATIONS):
            draws = FixedDraws(float(quantile), len(images))
            yield name, augment(images, torch.ones(()), draws, operations, "reference").numpy()


def _r1(
    discriminator: Discriminator, images: Tensor, labels: Tensor | None, theirs: str
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    names = {theirs: ours for ours, theirs in discriminator_names(discriminator.settings).items()}
    weight = dict(discriminator.named_parameters())[names[theirs]].requires_grad_()
    logits = discriminator(images.requires_grad_(), labels)
    penalty = r1_penalty(logits, images)
    (gradient,) = torch.autograd.grad(penalty.sum(), weight)
    yield "out.d_logits_x", logits.detach().numpy()
    yield "out.r1", penalty.detach().numpy()
    yield "out.r1_grad_norm", gradient.norm().numpy()


def _path_lengths(generator: Generator, ws: Tensor, noise: Tensor) -> NDArray[np.float32]:
    ws = ws.clone().requires_grad_()
    lengths: NDArray[np.float32] = path_lengths(generator.synthesis(ws), ws, noise).detach().numpy()
    return lengths


if __name__ == "__main__":
    sys.exit(main())
