"""Drawn marks, copies of them as collections make them, and unit vectors."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Drawing = Callable[[int], Image.Image]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Threads only wait for each other on batches this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def mark() -> Drawing:
    """Draws the mark of a seed, 160 x 120: three shapes in colours of their own on white, with a bar across."""

    def draw(seed: int) -> Image.Image:
        random = np.random.default_rng(seed)
        image = Image.new("RGB", (160, 120), "white")
        pen = ImageDraw.Draw(image)
        for shape in (pen.ellipse, pen.rectangle, pen.ellipse):
            left, top = random.integers(8, 90), random.integers(8, 60)
            width, height = random.integers(25, 60, 2)
            shape((left, top, left + width, top + height), fill=tuple(random.integers(0, 220, 3).tolist()))
        pen.line((10, int(random.integers(20, 100)), 150, int(random.integers(20, 100))), fill="black", width=6)
        return image

    return draw


@pytest.fixture
def thumbnails() -> Callable[[list[Image.Image]], tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Makes square thumbnails `[N, 3, 64, 64]` on white, and the sizes `[N, 2]` they were made from."""

    def make(images: list[Image.Image]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        squares = np.full((len(images), 64, 64, 3), 255, np.uint8)
        for square, image in zip(squares, images, strict=True):
            scale = 64 / max(image.size)
            width, height = (max(1, round(side * scale)) for side in image.size)
            top, left = (64 - height) // 2, (64 - width) // 2
            square[top : top + height, left : left + width] = np.asarray(image.resize((width, height), 3))
        return squares.transpose(0, 3, 1, 2).copy(), np.array([image.size for image in images], np.int64)

    return make


@pytest.fixture
def as_jpeg() -> Callable[[Image.Image, int], Image.Image]:
    """Saves a picture as JPEG of a quality, and opens it again."""

    def save(image: Image.Image, quality: int) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return save


@pytest.fixture
def blobs() -> NDArray[np.float32]:
    """Unit vectors `[120, 8]` in four clusters of 50, 40, 20 and 10, in random order."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(8)[:4], [50, 40, 20, 10], axis=0)
    vectors = random.permutation(centres + 0.1 * random.standard_normal((120, 8)))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
