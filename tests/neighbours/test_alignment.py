"""Poses found again that were put in, and steps that match finite differences."""

import pytest
import torch
from torch.nn import functional as F

from neighbours.alignment import Pairs, align, gradients, inverse, warp


def smooth(n: int, side: int = 32) -> torch.Tensor:
    """Smooth random marks in the middle of the paper, `[n, 3, side, side]`."""
    noise = torch.rand(n, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    noise[:, :, [0, -1]] = 0
    noise[:, :, :, [0, -1]] = 0
    return F.interpolate(noise, (side, side), mode="bicubic").clamp(0, 1)


def whole(pictures: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(pictures[:, :1])


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(1.0, 0.0, 0.0), (0.8, 0.05, -0.03), (1.15, -0.05, 0.1), (1.3, 0.1, 0.05)]
)
def test_a_picture_moved_by_a_known_pose_is_brought_back(scale: float, x: float, y: float) -> None:
    b = smooth(8)
    pose = torch.tensor([[scale, x, y]]).expand(8, 3)
    a = warp(b, pose)
    found = align(Pairs(a, b, whole(a), whole(b)))
    assert torch.allclose(found, pose, atol=1e-5)


def test_the_inverse_pose_undoes_a_pose() -> None:
    pose = torch.tensor([[0.8, 0.1, -0.2], [1.3, 0.0, 0.15]])
    there_and_back = warp(warp(smooth(2, 128), pose), inverse(pose))
    middle = slice(40, 88)
    assert torch.allclose(there_and_back[..., middle, middle], smooth(2, 128)[..., middle, middle], atol=0.02)


def test_only_where_both_pictures_are_counts() -> None:
    b = smooth(8)
    cropped = b[:, :, 2:30, 2:30]
    a = F.interpolate(cropped, (32, 32), mode="bicubic")  # shows the middle, larger
    found = align(Pairs(a, b, whole(a), whole(b)))
    assert torch.allclose(found, torch.tensor([28 / 32, 0.0, 0.0]).expand(8, 3), atol=0.02)


def test_gradients_of_a_plane_are_its_slopes() -> None:
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    dx, dy = gradients((2 * x + 3 * y)[None, None])
    assert torch.allclose(dx[0, 0, :, 1:-1], torch.tensor(2.0))
    assert torch.allclose(dy[0, 0, 1:-1], torch.tensor(3.0))
