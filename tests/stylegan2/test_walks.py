"""Ways through keyframes, against loops over points and against the pictures that they pass."""

from math import acos, sin

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from stylegan2.generator import Generator
from stylegan2.sampling import generate, mapped
from stylegan2.walks import Curve, path_steps, slerp, walk, walk_in_w, walk_in_z


def walk_by_loops(keys: np.ndarray, steps: int, curve: str, loop: bool) -> list[np.ndarray]:
    """From the definitions, number by number, for keys `[K, D]`."""
    points = []
    ends = [*range(1, len(keys)), 0] if loop else range(1, len(keys))
    for first, last in ((keys[end - 1], keys[end]) for end in ends):
        for step in range(steps):
            t = step / steps
            if curve == "linear":
                points.append((1 - t) * first + t * last)
            else:
                angle = acos(np.dot(first, last) / (np.linalg.norm(first) * np.linalg.norm(last)))
                points.append((sin((1 - t) * angle) * first + sin(t * angle) * last) / sin(angle))
    return points if loop else [*points, keys[-1]]


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("curve", ["linear", "spherical"])
@pytest.mark.parametrize(("keys", "steps"), [(2, 1), (2, 5), (4, 3)])
def test_a_walk_equals_the_loop_over_its_points(keys: int, steps: int, curve: Curve, loop: bool) -> None:
    places = torch.randn(keys, 6, dtype=torch.float64)
    expected = np.stack(walk_by_loops(places.numpy(), steps, curve, loop))
    assert_close(walk(places, steps, curve, loop).numpy(), expected)
    layered = torch.stack([places, -2 * places], dim=1)  # a w for each of two layers: each walks by itself
    assert_close(walk(layered, steps, curve, loop)[:, 1], walk(-2 * places, steps, curve, loop))


@given(st.integers(2, 40), st.integers(0, 1000))
def test_slerp_keeps_to_the_sphere_and_is_symmetric(size: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    first, last = torch.nn.functional.normalize(torch.randn(2, size, generator=random, dtype=torch.float64))
    weight = torch.linspace(0, 1, 7, dtype=torch.float64)[:, None]
    path = slerp(first, last, weight)
    assert_close(path.norm(dim=1), torch.ones(7, dtype=torch.float64))
    assert_close(path, slerp(last, first, weight).flip(0))
    angles = (path[1:] * path[:-1]).sum(dim=1).clamp(-1, 1).acos()
    assert_close(angles, angles[:1].expand(6), rtol=1e-4, atol=1e-4)


def test_between_equal_vectors_slerp_stays() -> None:
    vector = torch.randn(5)
    assert_close(slerp(vector, vector, torch.linspace(0, 1, 4)[:, None]), vector.expand(4, 5))


def test_a_loop_closes_with_a_step_like_the_others(generator: Generator) -> None:
    keys = mapped(generator, [1, 2, 3], [0, 1, 2])
    way = walk_in_w(generator, keys, 4, loop=True)
    steps = (way.roll(-1, dims=0) - way).flatten(1).norm(dim=1)  # the last is the one from the end to the start
    legs = (keys.roll(-1, dims=0) - keys).flatten(1).norm(dim=1)
    assert_close(steps, (legs / 4).repeat_interleave(4))
    assert torch.equal(way[::4], keys)


@pytest.mark.parametrize("loop", [False, True])
def test_a_way_in_z_passes_its_keyframes_and_in_w_keeps_its_distance(generator: Generator, loop: bool) -> None:
    seeds, classes = [1, 2, 3], [0, 2, 2]
    keys = mapped(generator, seeds, classes, 0.8)
    way = walk_in_z(generator, seeds, classes, 5, loop=loop, truncation=0.8)
    assert_close(way[::5], keys)
    assert len(way) == (15 if loop else 11)
    z_half = walk_in_z(generator, seeds[:2], classes[:2], 2)[1]
    w_half = walk_in_w(generator, mapped(generator, seeds[:2], classes[:2]), 2)[1]
    assert not torch.allclose(z_half, w_half, atol=1e-2)

    around = walk_in_w(generator, keys, 5, "spherical", loop)
    assert_close(around[::5], keys)
    distance = (around[:6, 0] - generator.w_avg).norm(dim=1)
    assert distance.min() > 0.9 * min(distance[0], distance[5])  # a chord would come nearer to the average


def test_a_step_along_a_path_begins_at_a_picture_and_goes_towards_the_other(generator: Generator) -> None:
    pairs, classes = [(1, 2), (3, 4)], [0, 2]
    start, nearly = path_steps(generator, pairs, classes, 1e-3)
    _, end = path_steps(generator, pairs, classes, 1.0)
    for pictures, place in ((start, 0), (end, 1)):
        expected = generate(generator, [pair[place] for pair in pairs], classes)
        assert np.abs(np.clip(pictures, 0, 255) - expected).max() <= 0.5  # those are rounded
    assert 0 < np.abs(nearly - start).max() < 0.05 * np.abs(end - start).max()
