"""The order of the training images, and where random numbers come from."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from stylegan2.folders import load_images
from stylegan2.images import TrainingImages
from stylegan2.streams import stream

Logos = tuple[NDArray[np.uint8], NDArray[np.int64]]


def test_each_epoch_shows_every_image_once_in_a_new_order(logos: Logos) -> None:
    images = TrainingImages(*logos, seed=1, device=torch.device("cpu"))
    epochs = [images.indices(first, 40) for first in (0, 40, 80)]
    assert all(sorted(epoch.tolist()) == list(range(40)) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])
    assert torch.equal(images.indices(35, 10), torch.cat([epochs[0][35:], epochs[1][:5]]))


def test_the_order_is_a_function_of_the_seed_and_the_step_alone(logos: Logos) -> None:
    one, other = (TrainingImages(*logos, seed=1, device=torch.device("cpu")) for _ in range(2))
    for step in range(12):
        one.batch(step, 8)
    assert torch.equal(one.batch(12, 8)[0], other.batch(12, 8)[0])


def test_pixels_are_scaled_to_one_and_keep_their_labels(logos: Logos) -> None:
    pixels, labels = logos
    images = TrainingImages(pixels, labels, seed=1, device=torch.device("cpu"))
    chosen = images.indices(8, 8).numpy()
    batch, batch_labels = images.batch(1, 8)
    assert batch_labels is not None
    np.testing.assert_array_equal(np.round((batch.numpy() + 1) * 127.5), pixels[chosen])
    np.testing.assert_array_equal(batch_labels, labels[chosen])


def test_mirroring_flips_about_half_of_the_images(logos: Logos) -> None:
    plain = TrainingImages(*logos, seed=1, device=torch.device("cpu"))
    mirrored = TrainingImages(*logos, seed=1, device=torch.device("cpu"), mirror=True)
    flipped = 0
    for step in range(10):
        image, same = mirrored.batch(step, 40)[0], plain.batch(step, 40)[0]
        is_same = (image == same).flatten(1).all(dim=1)
        assert torch.equal(image[~is_same], same[~is_same].flip(3))
        flipped += int((~is_same).sum())
    assert abs(flipped - 200) < 5 * 10


def test_fake_labels_are_as_frequent_as_the_real_ones() -> None:
    labels = np.array([0] * 30 + [1] * 10)
    images = TrainingImages(np.zeros((40, 1, 4, 4), np.uint8), labels, seed=1, device=torch.device("cpu"))
    drawn = images.draw_labels(4000, stream(0, "test", 0))
    assert drawn is not None
    assert abs(float(drawn.float().mean()) - 0.25) < 5 * 0.007


def test_streams_differ_by_seed_purpose_and_step_and_nothing_else() -> None:
    def first(seed: int, purpose: str, step: int) -> float:
        return float(torch.rand((), generator=stream(seed, purpose, step), dtype=torch.float64))

    values = {first(s, p, t) for s in (0, 1) for p in ("a", "b") for t in range(50)}
    assert len(values) == 200
    assert first(1, "a", 7) == first(1, "a", 7)


def test_a_folder_is_read_with_its_sub_folders_as_classes(tmp_path: Path) -> None:
    for name, color in (("blue/x.png", (0, 0, 255)), ("red/y.png", (255, 0, 0)), ("red/dark/z.png", (255, 0, 0))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (20, 10), color).save(tmp_path / name)
    images, labels = load_images(tmp_path, 8)
    assert images.shape == (3, 3, 8, 8)
    assert labels is not None
    assert labels.tolist() == [0, 1, 1]
    assert images[0, :, 4, 4].tolist() == [0, 0, 255]
    assert images[0, :, 0, 0].tolist() == [255, 255, 255]  # a wide picture is padded, not stretched


def test_an_array_is_read_with_its_labels(tmp_path: Path, logos: Logos) -> None:
    np.save(tmp_path / "logos.npy", logos[0])
    assert load_images(tmp_path / "logos.npy", None)[1] is None
    np.save(tmp_path / "logos.labels.npy", logos[1])
    images, labels = load_images(tmp_path / "logos.npy", None)
    assert isinstance(images, np.memmap)
    assert labels is not None
    np.testing.assert_array_equal(labels, logos[1])


def test_a_folder_without_pictures_is_refused_by_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures in"):
        load_images(tmp_path, 8)
    with pytest.raises(ValueError, match="--size"):
        load_images(tmp_path, None)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"broken.png cannot be read as a picture: mend it, or take it out"):
        load_images(tmp_path, 8)


def test_balanced_sampling_shows_every_class_equally_often_and_every_image_of_it_once_a_lap() -> None:
    labels = np.array([0] * 30 + [2] * 6 + [5] * 4)  # classes 1, 3 and 4 have no images
    images = TrainingImages(
        np.zeros((40, 1, 4, 4), np.uint8), labels, seed=1, device=torch.device("cpu"), balanced=True
    )
    order = images.indices(0, 360).numpy()
    assert np.bincount(labels[order]).tolist() == [120, 0, 120, 0, 0, 120]
    for start in range(0, 360, 3):
        assert sorted(labels[order[start : start + 3]]) == [0, 2, 5]
    assert np.bincount(order, minlength=40).tolist() == [4] * 30 + [20] * 6 + [30] * 4
    assert len({tuple(labels[order[start : start + 3]]) for start in range(0, 360, 3)}) == 6  # in any order
    drawn = images.draw_labels(3000, stream(0, "test", 0))
    assert drawn is not None
    counts = torch.bincount(drawn)
    assert counts[[1, 3, 4]].tolist() == [0, 0, 0]
    assert all(abs(int(counts[c]) - 1000) < 5 * 26 for c in (0, 2, 5))


def test_a_share_of_a_batch_is_that_of_the_whole(logos: Logos) -> None:
    images = TrainingImages(*logos, seed=1, device=torch.device("cpu"), mirror=True)
    whole, labels = images.batch(3, 12)
    assert labels is not None
    for share in range(3):
        part, own = images.batch(3, 12, share, 3)
        assert own is not None
        assert torch.equal(part, whole[share::3])
        assert torch.equal(own, labels[share::3])
