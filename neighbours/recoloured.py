"""Are two pictures the same mark, in whatever colours? As `neighbours.comparison` asks, once the colours are matched.

A logo in other colours shows the same shapes: each of its colours stands where one of the other's stood. So the
colours of either picture are taken to those of the other by the linear map that fits best, as registration across
modalities does (Roche et al. 2000), and what then remains different is measured. A map can make two colours one, by
which a disc with a sign becomes a plain disc, so the pictures have to agree both ways.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neighbours.alignment import FINE_STEPS, STILL, Pairs, align, refine, warp
from neighbours.comparison import Differences, Tolerance, differences, look_closer, reduced
from neighbours.described import Described
from neighbours.marks import silhouettes

RIDGE = 0.02  # of the mean energy of the colours: what hardly differs in one picture becomes no contrast in the other


def compare_in_any_colours(
    one: Described, other: Described, first: NDArray[np.int64], second: NDArray[np.int64], tolerance: Tolerance
) -> Differences:
    """Measure what is different in the pictures of each pair but for their colours, whichever way it is more.

    Args:
        one: pictures.
        other: pictures as well.
        first: rows of one, `[P]`.
        second: rows of the other, `[P]`.
        tolerance: pairs whose silhouettes' gists differ by more are left out, and those that it admits as they lie not
            aligned.
    """
    distances = one.silhouettes.distances(first, other.silhouettes, second)
    return look_closer(one, other, first, second, distances, tolerance, _look)


def matched(ink: Tensor, to: Tensor, valid: Tensor) -> Tensor:
    """The matrices that take the colours of ink nearest to others, in the sense of least squares; paper stays paper.

    Args:
        ink: what is not paper, 0..1, `[P, 3, S, S]`.
        to: the same of the pictures whose colours are wanted.
        valid: how much a pixel counts, `[P, 1, S, S]`.

    Returns:
        `[P, 3, 3]`, to be multiplied by colours as columns.
    """
    x, y = (ink * valid).flatten(2), (to * valid).flatten(2)  # [P, 3, S S]
    energy = x @ x.transpose(1, 2)
    ridge = RIDGE * energy.diagonal(dim1=1, dim2=2).mean(dim=1).clamp_min(1e-6)
    maps: Tensor = torch.linalg.solve(energy + ridge[:, None, None] * torch.eye(3), x @ y.transpose(1, 2))
    return maps.transpose(1, 2)


def _look(pairs: Pairs, side: int, tolerance: Tolerance) -> NDArray[np.float32]:
    """Colour, edges and overlap of each pair at a side, `[3, P]`, aligned by their silhouettes where that is needed."""
    small = Pairs(*(reduced(x, side) for x in pairs))
    found = _both_ways(pairs, small, STILL.expand(len(pairs.a), 3)).numpy()
    moved = np.flatnonzero(~Differences(*found).within(tolerance))
    if len(moved):
        pairs, small = (Pairs(*(x[moved] for x in same)) for same in (pairs, small))
        plain = small._replace(a=silhouettes(small.a), b=silhouettes(small.b))
        pose = align(plain)
        pose = refine(small._replace(b=_recoloured(small, pose)), pose, FINE_STEPS)
        found[:, moved] = _both_ways(pairs, small, pose).numpy()
    return found


def _recoloured(pairs: Pairs, pose: Tensor) -> Tensor:
    """The ink of b in the colours of a, `[P, 3, S, S]`; the pose says where it lies on a."""
    maps = matched(warp(pairs.b, pose), pairs.a, pairs.frame_a * warp(pairs.frame_b, pose))
    return _painted(pairs.b, maps)


def _both_ways(pairs: Pairs, small: Pairs, pose: Tensor) -> Tensor:
    """Colour, edges and overlap `[3, P]` of pairs in a pose, in the colours of a or of b, whichever differ more."""
    laid, valid = warp(small.b, pose), small.frame_a * warp(small.frame_b, pose)
    to_a, to_b = matched(laid, small.a, valid), matched(small.a, laid, valid)
    ways = []
    for a, b in ((None, to_a), (to_b, None)):
        painted = [
            same._replace(
                a=same.a if a is None else _painted(same.a, a), b=same.b if b is None else _painted(same.b, b)
            )
            for same in (pairs, small)
        ]
        ways.append(differences(painted[0], painted[1], pose))
    one, other = ways
    return torch.stack([torch.maximum(one[0], other[0]), torch.maximum(one[1], other[1]), one[2].minimum(other[2])])


def _painted(ink: Tensor, maps: Tensor) -> Tensor:
    """Ink `[P, 3, S, S]` with its colours mapped by `[P, 3, 3]`, within what there is, 0..1."""
    return torch.einsum("pij,pjyx->piyx", maps, ink).clamp(0, 1)
