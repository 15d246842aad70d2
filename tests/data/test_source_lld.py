"""LLD's HDF5: pictures cut exactly, either order of sizes, and nothing that points out of the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from data.limits import Reason
from data.sources import SourceError, open_source

_SIZES = [(40, 24), (24, 40), (33, 33), (40, 40), (17, 40), (40, 39)]  # width, height


@pytest.fixture
def pictures(blocks: Callable[..., Any]) -> list[NDArray[np.uint8]]:
    """Thirty pictures of all sizes that go into 40 px, none with a black edge."""
    return [np.maximum(blocks(*_SIZES[index % 6], seed=index), 1) for index in range(30)]


@pytest.mark.parametrize("width_first", [False, True])
@pytest.mark.parametrize(
    "storage", [{}, {"chunks": True, "compression": "gzip"}, {"chunks": (7, 3, 16, 16), "compression": "lzf"}]
)
def test_pictures_are_cut_out_of_their_padding_exactly(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any], width_first: bool, storage: dict[str, Any]
) -> None:
    write_lld(tmp_path / "LLD-logo.hdf5", pictures, 40, width_first=width_first, **storage)
    source = open_source("lld", tmp_path / "LLD-logo.hdf5")
    entries = source.entries()
    assert [entry.name for entry in entries] == [f"site-{index}" for index in range(30)]
    for order in (entries, entries[::-1], [entries[29], entries[2], entries[2]]):
        for raw, entry in zip(source.read(order), order, strict=True):
            assert raw.entry == entry
            assert raw.pixels is not None
            assert_array_equal(raw.pixels, pictures[entry.position])


def test_icons_without_shapes_and_names_are_taken_whole(tmp_path: Path) -> None:
    icons = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)
    with h5py.File(tmp_path / "LLD-icon.hdf5", "w") as file:
        file["data"] = icons
        file["labels/ae_grayscale"] = np.arange(5)
    source = open_source("icons", tmp_path / "LLD-icon.hdf5")
    assert [entry.name for entry in source.entries()] == [f"{index:06d}" for index in range(5)]
    for index, raw in enumerate(source.read(source.entries())):
        assert raw.pixels is not None
        assert_array_equal(raw.pixels, icons[index].transpose(1, 2, 0))
        assert raw.labels == {"ae_grayscale": index}


def test_labels_may_be_shorter_than_the_data(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    write_lld(tmp_path / "LLD-logo.hdf5", pictures, 40, labels=10)
    source = open_source("lld", tmp_path / "LLD-logo.hdf5")
    labels = [raw.labels for raw in source.read(source.entries())]
    assert labels == [{"resnet/rc_64": index} for index in range(10)] + [{}] * 20


def test_a_row_whose_size_does_not_fit_is_quarantined_alone(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    path = tmp_path / "LLD-logo.hdf5"
    write_lld(path, pictures, 40)
    with h5py.File(path, "r+") as file:
        file["shapes"][3] = (3, 41, 41)
        file["shapes"][8] = (1, 33, 33)
        file["shapes"][9] = (3, 0, 0)
        file["shapes"][12] = (3, 20, 20)
    source = open_source("lld", path)
    raws = list(source.read(source.entries()))
    assert [raw.entry.position for raw in raws if raw.problem is not None] == [3, 8, 9, 12]
    assert all(raw.problem is None or raw.problem.reason == Reason.unreadable for raw in raws)


def test_a_damaged_chunk_costs_its_own_rows_only(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    path = tmp_path / "LLD-logo.hdf5"
    write_lld(path, pictures, 40, chunks=(5, 3, 40, 40), compression="gzip", fletcher32=True)
    with h5py.File(path, "r") as file:
        chunk = file["data"].id.get_chunk_info(2)  # rows 10 to 14
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + chunk.size // 2] ^= 0xFF
    path.write_bytes(damaged)
    source = open_source("lld", path)
    lost = [raw.entry.position for raw in source.read(source.entries()) if raw.problem is not None]
    assert lost == [10, 11, 12, 13, 14]


def test_sizes_that_contradict_the_padding_are_an_error(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    path = tmp_path / "LLD-logo.hdf5"
    write_lld(path, pictures, 40)
    with h5py.File(path, "r+") as file:
        file["shapes"][:] = (3, 20, 19)
    with pytest.raises(SourceError, match="pixels outside the sizes"):
        open_source("lld", path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_an_error_with_a_remedy(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any], share: float
) -> None:
    path = tmp_path / "LLD-logo.hdf5"
    write_lld(path, pictures, 40)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceError, match=r"LLD-logo.hdf5 is damaged or not whole .*: copy or download it again\."):
        open_source("lld", path)


def test_nothing_that_points_out_of_the_file_is_followed(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    secret = tmp_path / "secret.hdf5"
    write_lld(secret, pictures, 40)
    shape = (30, 3, 40, 40)
    (tmp_path / "raw").write_bytes(bytes(int(np.prod(shape))))
    layout = h5py.VirtualLayout(shape, np.uint8)
    layout[...] = h5py.VirtualSource(str(secret), "data", shape)

    def external_link(file: h5py.File) -> None:
        file["data"] = h5py.ExternalLink(str(secret), "data")

    def soft_link_in_a_group(file: h5py.File) -> None:
        file["data"] = np.zeros(shape, np.uint8)
        file["meta_data/names"] = h5py.SoftLink("/data")

    def external_storage(file: h5py.File) -> None:
        file.create_dataset("data", shape, np.uint8, external=[(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)])

    def virtual_dataset(file: h5py.File) -> None:
        file.create_virtual_dataset("data", layout)

    for trick in (external_link, soft_link_in_a_group, external_storage, virtual_dataset):
        path = tmp_path / f"{trick.__name__}.hdf5"
        with h5py.File(path, "w") as file:
            trick(file)
        with pytest.raises(SourceError, match=r"which is refused: copy the data in\."):
            open_source("lld", path)


def test_other_layouts_are_errors_with_a_remedy(tmp_path: Path) -> None:
    for name, array in {
        "no data": None,
        "channels last": np.zeros((4, 8, 8, 3), np.uint8),
        "floats": np.zeros((4, 3, 8, 8)),
        "empty": np.zeros((0, 3, 8, 8), np.uint8),
    }.items():
        with h5py.File(tmp_path / f"{name}.hdf5", "w") as file:
            file["images" if array is None else "data"] = np.zeros(1) if array is None else array
        with pytest.raises(SourceError, match="dataset named data"):
            open_source("lld", tmp_path / f"{name}.hdf5")
