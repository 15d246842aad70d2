"""The metrics' self-test on real logos in the space that ships, and that it can fail."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import data.sample
from data.images import ADMITTED, decode, flatten
from data.pixels import fit_squares
from evaluation.features import EfficientNetLite0, Features, Images
from evaluation.ladder import EXPECTED, Rung, blurred, climb, noisy, passed, recompressed

SIDE = 64


@pytest.fixture(scope="module")
def logos() -> NDArray[np.uint8]:
    rows = pq.read_table(Path(data.sample.__file__).with_name("text_labels.parquet"))["png"].to_pylist()[:128]
    return fit_squares([flatten(decode(png, ADMITTED).pixels) for png in rows], SIDE)


class Corner:
    """The colour of the first pixel alone: a space that sees noise, but no blur where the border is white."""

    name, dimensions, digest = "corner", 3, hashlib.sha256(b"corner").hexdigest()

    def extract(self, images: Images) -> Features:
        return images[:, :, 0, 0].astype(np.float32)


def test_every_metric_notices_every_damage_in_the_space_that_ships(logos: NDArray[np.uint8]) -> None:
    network = EfficientNetLite0()
    features = network.extract(logos)
    labels = (features @ np.random.default_rng(0).standard_normal(features.shape[1]) > 0).astype(np.int64)
    labels += 2 * (logos.mean(axis=(1, 2, 3)) > np.median(logos.mean(axis=(1, 2, 3))))
    rungs = climb(logos, labels, features, network, sample=32, seed=1, paths=True)
    assert sorted((rung.damage, rung.strength) for rung in rungs) == sorted((d, s) for d in EXPECTED for s in range(4))
    verdicts = passed(rungs)
    assert all(verdicts["path_length"].values())
    assert all(verdicts["in_asked_cluster"].values())
    assert all(verdicts[metric][damage] for damage in ("blur", "noise", "JPEG") for metric in ("frechet", "kernel"))
    assert verdicts["closer"]["copies"]
    copies = [rung.scores["closer"] for rung in rungs if rung.damage == "copies"]
    assert copies[0] == pytest.approx(0.5, abs=0.15)  # real logos are as near as unseen ones
    assert copies[-1] == 1.0  # nothing but copies


class Shades:
    """Mean shades of blocks: linear in the pixels, so that path lengths are known. Whole shades hide small steps."""

    name, dimensions, digest = "shades", 192, hashlib.sha256(b"shades").hexdigest()

    def __init__(self, whole: bool) -> None:
        self._whole = whole

    def extract(self, images: Images) -> Features:
        seen = (images.round() if self._whole else images).astype(np.float64)
        blocks = seen.reshape(len(images), 3, 8, SIDE // 8, 8, SIDE // 8).mean(axis=(3, 5))
        return blocks.reshape(len(images), -1)  # type: ignore[return-value]


def test_paths_are_the_longer_the_faster_they_lead_where_the_space_sees_their_steps(logos: NDArray[np.uint8]) -> None:
    space, labels = Shades(whole=False), np.arange(len(logos)) % 4
    rungs = climb(logos, labels, space.extract(logos), space, sample=16, paths=True)
    lengths = [rung.scores["path_length"] for rung in rungs if rung.damage == "fast paths"]
    assert_allclose(np.divide(lengths[1:], lengths[:-1]), 4, rtol=0.01)  # squared twice the change
    coarse = Shades(whole=True)
    verdicts = passed(climb(logos, labels, coarse.extract(logos), coarse, sample=16, paths=True))
    assert not verdicts["path_length"]["fast paths"]
    assert "path_length" not in passed(climb(logos, labels, space.extract(logos), space, sample=16))


def test_all_are_in_the_asked_cluster_until_they_are_asked_for_others(logos: NDArray[np.uint8]) -> None:
    plain = np.repeat(np.arange(4, dtype=np.uint8) * 60, 32)[:, None, None, None] + np.zeros((3, SIDE, SIDE), np.uint8)
    space, labels = Shades(whole=False), np.repeat(np.arange(4), 32)
    rungs = climb(plain, labels, space.extract(plain), space, sample=32)
    shares = [rung.scores["in_asked_cluster"] for rung in rungs if rung.damage == "wrong clusters"]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.6  # what is left was asked for another image's cluster that is its own, too


def test_a_space_that_cannot_see_blur_fails_on_it(logos: NDArray[np.uint8]) -> None:
    space = Corner()
    wide = np.pad(logos, ((0, 0), (0, 0), (24, 24), (24, 24)), constant_values=255)
    verdicts = passed(climb(wide, np.arange(len(wide)) % 4, space.extract(wide), space, sample=48))
    for metric in ("frechet", "kernel"):
        assert (verdicts[metric]["blur"], verdicts[metric]["noise"]) == (False, True)
    with pytest.raises(ValueError, match="60 images are too few to test metrics with: give 64 or more"):
        climb(logos[:60], np.zeros(60, np.int64), space.extract(logos[:60]), space)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [((1, 2, 2, 3), True), ((1, 2, 1.9, 3), False), ((1, 1, 1, 1), False), ((3, 2, 1, 0), False)],
)
def test_a_metric_passes_where_it_never_goes_back(values: tuple[float, ...], verdict: bool) -> None:
    rungs = [
        Rung(damage, i, {metric: sign * value for metric, sign in metrics.items()})
        for damage, metrics in EXPECTED.items()
        for i, value in enumerate(values)
    ]
    assert {one for by_damage in passed(rungs).values() for one in by_damage.values()} == {verdict}


def test_damage_is_what_it_says(logos: NDArray[np.uint8]) -> None:
    image = logos[:1]
    middle = slice(12, -12)  # the borders are mirrored otherwise
    pillow = Image.fromarray(image[0].transpose(1, 2, 0)).filter(ImageFilter.GaussianBlur(1.5))
    ours = blurred(image, 1.5)[0].transpose(1, 2, 0)
    assert np.abs(ours[middle, middle].astype(int) - np.asarray(pillow)[middle, middle]).mean() < 2
    gray = np.full((40, 1, SIDE, SIDE), 128, np.uint8)
    assert noisy(gray, 8.0, np.random.default_rng(0)).std() == pytest.approx(8.0, rel=0.02)
    buffer = io.BytesIO()
    Image.fromarray(image[0].transpose(1, 2, 0)).save(buffer, "JPEG", quality=25)
    assert_allclose(recompressed(image, 25)[0].transpose(1, 2, 0), np.asarray(Image.open(buffer)))
    alpha = np.concatenate([image, image[:, :1]], axis=1)
    assert np.array_equal(recompressed(alpha, 25)[:, 3], alpha[:, 3])
    assert np.array_equal(recompressed(alpha, 25)[:, :3], recompressed(image, 25))
    assert recompressed(gray[:1], 8).shape == (1, 1, SIDE, SIDE)
