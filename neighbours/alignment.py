"""Find the scale and shift that lay one picture on another, for a batch of pairs at once.

A copy that was padded or cropped shows the same mark at another size and place. Three numbers describe that as long as
the aspect ratio is kept: `a(x) = b(scale x + shift)`, with coordinates in -1..1 across the square thumbnails. They are
found by Gauss-Newton steps on the squared difference (Lucas and Kanade 1981), from coarse to fine.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

COARSE_STEPS, FINE_STEPS = 8, 4
STILL = torch.tensor([1.0, 0.0, 0.0])  # the pose of pictures that lie on each other already
SCALES = (0.5, 2.0)
SHIFTS = (-0.8, 0.8)


class Pairs(NamedTuple):
    """Pictures to lay on each other.

    Attributes:
        a: `[P, 3, S, S]`, 0 where there is only paper.
        b: like `a`.
        frame_a: 1 inside the picture, 0 where it was padded to a square, `[P, 1, S, S]`.
        frame_b: like `frame_a`.
    """

    a: Tensor
    b: Tensor
    frame_a: Tensor
    frame_b: Tensor


def align(pairs: Pairs) -> Tensor:
    """The pose `(scale, shift x, shift y)` that lays b on a, `[P, 3]`."""
    coarse = Pairs(*(F.avg_pool2d(x, 2) for x in pairs))
    still = STILL.expand(len(pairs.a), 3)
    zoomed = torch.tensor([1.1, 0.0, 0.0]).expand(len(pairs.a), 3)
    starts = [still, zoomed, inverse(zoomed), _pose_of_moments(coarse)]
    poses = torch.stack([refine(coarse, start, COARSE_STEPS) for start in starts])  # [starts, P, 3]
    errors = torch.stack([_error(pairs, pose) for pose in poses])  # thin lines tell only at the full side
    return refine(pairs, poses[errors.argmin(dim=0), torch.arange(len(pairs.a))], FINE_STEPS)


def warp(b: Tensor, pose: Tensor) -> Tensor:
    """Lay b on a by a pose, `[P, C, S, S]`; 0 where b has nothing."""
    theta = torch.zeros(len(b), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = pose[:, 0]
    theta[:, :, 2] = pose[:, 1:]
    return F.grid_sample(b, F.affine_grid(theta, list(b.shape), align_corners=False), align_corners=False)


def inverse(pose: Tensor) -> Tensor:
    """The pose that lays a on b."""
    return torch.cat([torch.ones(len(pose), 1), -pose[:, 1:]], dim=1) / pose[:, :1]


def gradients(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along width and height, in units per pixel, `[P, C, S, S]` each."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2


def refine(pairs: Pairs, pose: Tensor, steps: int) -> Tensor:
    """Gauss-Newton steps where both pictures are, with the mean of their gradients (Benhimane and Malis 2004)."""
    side = pairs.a.shape[-1]
    position = _positions(side)
    for _ in range(steps):
        warped = warp(pairs.b, pose)
        valid = (warp(pairs.frame_b, pose) * pairs.frame_a).expand_as(warped).flatten(1)  # [P, C S S]
        # Means of both gradients, from pixels to the units of the coordinates.
        dx, dy = ((g + h) * (side / 4) for g, h in zip(gradients(warped), gradients(pairs.a), strict=True))
        jacobian = torch.stack([dx * position + dy * position[:, None], dx, dy], dim=1).flatten(2) * valid[:, None]
        residual = (pairs.a - warped).flatten(1) * valid
        normal = jacobian @ jacobian.transpose(1, 2)  # [P, 3, 3]
        damping = 1e-3 * normal.diagonal(dim1=1, dim2=2).mean(dim=1).clamp_min(1e-6)
        normal = normal + damping[:, None, None] * torch.eye(3)
        change = torch.linalg.solve(normal, jacobian @ residual[:, :, None])[:, :, 0]
        # The warped picture's gradient already holds the scale, so the change is in a's coordinates: compose it.
        scale = (pose[:, :1] * (1 + change[:, :1])).clamp(*SCALES)
        pose = torch.cat([scale, (pose[:, 1:] + pose[:, :1] * change[:, 1:]).clamp(*SHIFTS)], dim=1)
    return pose


def _error(pairs: Pairs, pose: Tensor) -> Tensor:
    """Mean squared difference where both pictures are, and a price for leaving each other, `[P]`."""
    both = warp(pairs.frame_b, pose) * pairs.frame_a
    area = both.sum(dim=(1, 2, 3))
    squares = ((warp(pairs.b, pose) - pairs.a).square() * both).mean(dim=1).sum(dim=(1, 2))
    smaller = torch.minimum(pairs.frame_a.sum(dim=(1, 2, 3)), pairs.frame_b.sum(dim=(1, 2, 3)) / pose[:, 0].square())
    return squares / area.clamp_min(1) + 0.1 * (1 - area / smaller).clamp_min(0)


def _pose_of_moments(pairs: Pairs) -> Tensor:
    """The pose that makes centre and spread of the ink agree, `[P, 3]`."""
    (centre_a, spread_a), (centre_b, spread_b) = _moments(pairs.a), _moments(pairs.b)
    scale = (spread_b / spread_a).clamp(*SCALES)[:, None]
    return torch.cat([scale, (centre_b - scale * centre_a).clamp(*SHIFTS)], dim=1)


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Centre `[P, 2]` and root mean square distance from it `[P]` of the ink."""
    position = _positions(x.shape[-1])
    mass = (x.amax(dim=1) - 0.1).clamp_min(0) + 1e-6  # what JPEG leaves around the mark is not ink
    mass = mass / mass.sum(dim=(1, 2), keepdim=True)
    centre = torch.stack([(mass.sum(dim=1) * position).sum(dim=1), (mass.sum(dim=2) * position).sum(dim=1)], dim=1)
    square = (position - centre[:, :1]).square()[:, None, :] + (position - centre[:, 1:]).square()[:, :, None]
    return centre, (mass * square).sum(dim=(1, 2)).sqrt()


def _positions(side: int) -> Tensor:
    """Coordinates of the pixels' centres, `[S]` in -1..1."""
    return (torch.arange(side) * 2 + 1) / side - 1
