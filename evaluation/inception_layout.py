"""The layout of Inception-v3 (Szegedy et al. 2016, figures 5, 6, 7 and 10), with the names of the published file."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

POINT, SQUARE3, SQUARE5 = (1, 1), (3, 3), (5, 5)  # kernels: height, width
ROW3, COLUMN3, ROW7, COLUMN7 = (1, 3), (3, 1), (1, 7), (7, 1)
AVERAGE = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
MAXIMUM = nn.MaxPool2d(3, stride=1, padding=1)
REDUCTION = nn.MaxPool2d(3, stride=2)


class Layer(NamedTuple):
    """A convolution: its name in the file, its channels out, its kernel and stride, and whether it keeps the grid."""

    name: str
    outputs: int
    kernel: tuple[int, int] = POINT
    stride: int = 1
    padded: bool = True


class Branch(NamedTuple):
    """A path through a block: a pool, then convolutions one after the other, then convolutions side by side."""

    layers: tuple[Layer, ...]
    ends: tuple[Layer, ...] = ()
    pool: nn.Module | None = None


def chain(name: str, *shapes: tuple[int, tuple[int, int]]) -> tuple[Layer, ...]:
    """Convolutions `name_1`, `name_2`, ... of these channels out and kernels."""
    return tuple(Layer(f"{name}_{i}", *shape) for i, shape in enumerate(shapes, start=1))


def reducing(*layers: Layer) -> Branch:
    """A branch whose last convolution halves the grid."""
    return Branch((*layers[:-1], layers[-1]._replace(stride=2, padded=False)))


def block_35(pooled: int) -> tuple[Branch, ...]:
    """A block on 35 x 35 positions (figure 5), with this many channels out of its pool's branch."""
    return (
        Branch((Layer("branch1x1", 64),)),
        Branch(chain("branch5x5", (48, POINT), (64, SQUARE5))),
        Branch(chain("branch3x3dbl", (64, POINT), (96, SQUARE3), (96, SQUARE3))),
        Branch((Layer("branch_pool", pooled),), pool=AVERAGE),
    )


def block_17(inner: int) -> tuple[Branch, ...]:
    """A block on 17 x 17 positions (figure 6), with this many channels within its chains."""
    doubled = (inner, POINT), (inner, COLUMN7), (inner, ROW7), (inner, COLUMN7), (192, ROW7)
    return (
        Branch((Layer("branch1x1", 192),)),
        Branch(chain("branch7x7", (inner, POINT), (inner, ROW7), (192, COLUMN7))),
        Branch(chain("branch7x7dbl", *doubled)),
        Branch((Layer("branch_pool", 192),), pool=AVERAGE),
    )


def block_8(pool: nn.Module) -> tuple[Branch, ...]:
    """A block on 8 x 8 positions (figure 7), whose chains end in a row beside a column."""

    def ends(name: str) -> tuple[Layer, ...]:
        return Layer(f"{name}a", 384, ROW3), Layer(f"{name}b", 384, COLUMN3)

    return (
        Branch((Layer("branch1x1", 320),)),
        Branch(chain("branch3x3", (384, POINT)), ends("branch3x3_2")),
        Branch(chain("branch3x3dbl", (448, POINT), (384, SQUARE3)), ends("branch3x3dbl_3")),
        Branch((Layer("branch_pool", 192),), pool=pool),
    )


# From 35 to 17 positions a side, and from 17 to 8 (figure 10).
TO_17 = (
    reducing(Layer("branch3x3", 384, SQUARE3)),
    reducing(*chain("branch3x3dbl", (64, POINT), (96, SQUARE3), (96, SQUARE3))),
    Branch((), pool=REDUCTION),
)
TO_8 = (
    reducing(*chain("branch3x3", (192, POINT), (320, SQUARE3))),
    reducing(*chain("branch7x7x3", (192, POINT), (192, ROW7), (192, COLUMN7), (192, SQUARE3))),
    Branch((), pool=REDUCTION),
)

STEM: dict[str, tuple[Layer, ...]] = {
    "MaxPool_1": (
        Layer("Conv2d_1a_3x3", 32, SQUARE3, stride=2, padded=False),
        Layer("Conv2d_2a_3x3", 32, SQUARE3, padded=False),
        Layer("Conv2d_2b_3x3", 64, SQUARE3),
    ),
    "MaxPool_2": (Layer("Conv2d_3b_1x1", 80), Layer("Conv2d_4a_3x3", 192, SQUARE3, padded=False)),
}
"""The first convolutions, by the pool that follows them."""

BLOCKS = {
    "Mixed_5b": block_35(32),
    "Mixed_5c": block_35(64),
    "Mixed_5d": block_35(64),
    "Mixed_6a": TO_17,
    "Mixed_6b": block_17(128),
    "Mixed_6c": block_17(160),
    "Mixed_6d": block_17(160),
    "Mixed_6e": block_17(192),
    "Mixed_7a": TO_8,
    "Mixed_7b": block_8(AVERAGE),
    "Mixed_7c": block_8(MAXIMUM),
}
