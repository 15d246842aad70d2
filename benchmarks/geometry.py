"""What moving images costs on a CPU: the published geometry, as it is worded and as we compute it, and the cheaper one.

    python -m benchmarks.geometry [--sizes 32 64 128] [--batch 16] [--rounds 10] [--json]

    convolved   mirror, double by convolving with the wavelet's filter, sample, halve the same way
    reference   the same pictures by matrix products
    bilinear    doubled bilinearly, averaged

All move the same images by the same matrices, drawn at p = 1. One thread works, its own seconds are counted, and the
fastest of the rounds, which take the ways in turns. The second derivative is what a gradient penalty needs: that of
the squared gradient with respect to what the images are multiplied by.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from stylegan2.augment import warp
from stylegan2.augment.draws import RandomDraws
from stylegan2.augment.geometry import BLIT, GEOMETRY, inverse_matrices

ON_A_CPU = warp.products_pay
WAYS = {
    "convolved": (True, warp.warp_reference),
    "reference": (False, warp.warp_reference),
    "bilinear": (False, warp.warp_bilinear),
}


@dataclass(frozen=True)
class Result:
    """Milliseconds for a batch."""

    size: int
    way: str
    forward_ms: float
    backward_ms: float
    second_ms: float


def main() -> None:
    """Time every way at every size, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()
    torch.set_num_threads(1)
    results = [result for size in given.sizes for result in measured(size, given.batch, given.rounds)]
    if given.json:
        print(json.dumps([asdict(result) for result in results]))
        return
    print(f"{'px':>4} {'way':<10} {'forward':>9} {'+ backward':>11} {'+ second':>9}   ms for {given.batch} images")
    for one in results:
        print(f"{one.size:4d} {one.way:<10} {one.forward_ms:9.1f} {one.backward_ms:11.1f} {one.second_ms:9.1f}")


def measured(size: int, batch: int, rounds: int) -> list[Result]:
    """Every way at one size."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, size, size, generator=random, requires_grad=True)
    draws = RandomDraws(random, batch)
    matrices = inverse_matrices(BLIT + GEOMETRY, torch.ones(()), draws, size, size).float()
    passes = (forward, backward, second)
    fastest = {way: [float("inf")] * len(passes) for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            convolved, move = WAYS[way]
            warp.products_pay = never if convolved else ON_A_CPU
            spent = [milliseconds(one, move, images, matrices) for one in passes]
            fastest[way] = [min(pair) for pair in zip(fastest[way], spent, strict=True)]
    return [Result(size, way, *fastest[way]) for way in WAYS]


def never(x: Tensor) -> bool:
    """What products pay where filters are to be convolved with."""
    return False


def forward(move: warp.Warp, images: Tensor, matrices: Tensor) -> None:
    """Move the images."""
    with torch.no_grad():
        move(images, matrices)


def backward(move: warp.Warp, images: Tensor, matrices: Tensor) -> None:
    """And differentiate."""
    torch.autograd.grad(move(images, matrices).sum(), images)


def second(move: warp.Warp, images: Tensor, matrices: Tensor) -> None:
    """And differentiate the squared gradient."""
    gain = torch.ones((), requires_grad=True)
    (gradient,) = torch.autograd.grad(move(images * gain, matrices).square().sum(), images, create_graph=True)
    torch.autograd.grad(gradient.square().sum(), gain)


def milliseconds(one: Callable[..., None], move: warp.Warp, images: Tensor, matrices: Tensor) -> float:
    """CPU time of one pass."""
    start = time.process_time()
    one(move, images, matrices)
    return (time.process_time() - start) * 1000


if __name__ == "__main__":
    main()
