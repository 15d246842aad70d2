"""The generator of LLD files: the published layouts, and pictures that differ."""

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from data.sample.lld import LAYOUTS, main
from data.sources import open_source


@pytest.fixture(scope="module")
def logos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred logos in compressed chunks, eighty of them with labels."""
    path = tmp_path_factory.mktemp("lld") / "LLD-logo.hdf5"
    options = ("--layout", "logo", "--images", "100", "--compression", "gzip", "--chunk-rows", "16", "--labels", "80")
    assert main([str(path), *options]) == 0
    return path


def test_a_logo_file_has_the_published_layout(logos: Path) -> None:
    with h5py.File(logos) as file:
        data, shapes = file["data"][:], file["shapes"][:]
        assert (data.shape, data.dtype) == ((100, 3, 400, 400), np.uint8)
        assert (file["data"].chunks, file["data"].compression) == ((16, 3, 400, 400), "gzip")
        assert (shapes[:, 0] == 3).all()
        assert shapes[:, 1:].min() >= 64
        assert shapes[:, 1:].max() == 400
        assert len({*shapes[:, 1], *shapes[:, 2]}) > 50
        for picture, (_, height, width) in zip(data, shapes, strict=True):
            assert not picture[:, height:].any()
            assert not picture[:, :, width:].any()
        labels = file["labels/resnet/rc_64"]
        assert labels.shape == (80,)
        assert_allclose(labels.attrs["probs"], np.bincount(labels[:], minlength=64) / 80)
        assert file["meta_data/names"].shape == file["meta_data/twitter/ids"].shape == (100,)
        users = [json.loads(text) for text in file["meta_data/twitter/user_objects"].asstr()[:]]
        assert [user["id"] for user in users] == file["meta_data/twitter/ids"][:].tolist()
        assert [user["screen_name"].encode() for user in users] == file["meta_data/names"][:].tolist()


@pytest.mark.parametrize(
    ("layout", "labels"),
    [
        ("icon", {"ae_grayscale": 99, "resnet/rc_32": 31, "resnet/rc_64": 63, "resnet/rc_128": 127}),
        ("icon-sharp", {"resnet1/rc_128": 127}),
    ],
)
def test_icon_files_have_their_labels_and_no_sizes(tmp_path: Path, layout: str, labels: dict[str, int]) -> None:
    path = tmp_path / "icons.hdf5"
    main([str(path), "--layout", layout, "--images", "200"])
    with h5py.File(path) as file:
        assert (file["data"].shape, file["data"].chunks) == ((200, 3, 32, 32), None)
        assert "shapes" not in file
    raws = list((source := open_source("icons", path)).read(source.entries()))
    found = {name: max(raw.labels[name] for raw in raws) for name in raws[0].labels}
    assert found == labels


def test_the_reader_gives_back_what_was_written(logos: Path) -> None:
    source = open_source("lld", logos)
    entries = source.entries()
    with h5py.File(logos) as file:
        for raw, picture, (_, height, width) in zip(
            source.read(entries), file["data"][:], file["shapes"][:], strict=True
        ):
            assert raw.pixels is not None
            assert_array_equal(raw.pixels, picture[:, :height, :width].transpose(1, 2, 0))
            assert (raw.labels == {}) == (raw.entry.position >= 80)
        assert [entry.name.encode() for entry in entries] == list(file["meta_data/names"])


def test_no_two_pictures_are_equal_though_the_logos_come_around_again(tmp_path: Path) -> None:
    main([str(tmp_path / "icons.hdf5"), "--layout", "icon", "--images", "2000"])  # of 1,600 logos
    with h5py.File(tmp_path / "icons.hdf5") as file:
        assert len({hashlib.sha256(picture.tobytes()).digest() for picture in file["data"]}) == 2000


def test_a_longer_file_begins_as_a_shorter_one(tmp_path: Path, logos: Path) -> None:
    main([str(tmp_path / "few.hdf5"), "--images", "20"])
    with h5py.File(tmp_path / "few.hdf5") as few, h5py.File(logos) as many:
        assert_array_equal(few["data"][:], many["data"][:20])


def test_every_layout_is_offered() -> None:
    assert list(LAYOUTS) == ["logo", "icon", "icon-sharp"]


def test_a_file_in_no_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path / "missing" / "lld.hdf5"), "--images", "1"])
    assert end.value.code == 2
    assert "missing is no folder: make it first" in capsys.readouterr().err
