"""LLD's HDF5: pictures cut exactly, either order of sizes, and nothing that points out of the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

import data.sources.hdf5
import data.sources.lld
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


def test_every_published_list_of_labels_is_read_each_as_long_as_it_is(tmp_path: Path) -> None:
    lengths = {"ae_grayscale": 6, "resnet/rc_32": 6, "resnet/rc_128": 4, "resnet1/rc_128": 2, "resnet1/rc_64": 9}
    with h5py.File(tmp_path / "LLD-icon.hdf5", "w") as file:
        file["data"] = np.random.default_rng(0).integers(0, 256, (6, 3, 32, 32), np.uint8)
        for number, (name, length) in enumerate(lengths.items()):
            file[f"labels/{name}"] = np.arange(length, dtype=[np.int32, np.uint8, np.int64][number % 3]) + number
            file[f"labels/{name}"].attrs["probs"] = np.full(16, 1 / 16)
        file["labels/probabilities"] = np.zeros((6, 4))
        file["labels/scores"] = np.full(6, 0.5)
    source = open_source("icons", tmp_path / "LLD-icon.hdf5")
    for raw in source.read(source.entries()):
        position = raw.entry.position
        assert raw.labels == {
            name: position + number for number, (name, length) in enumerate(lengths.items()) if position < length
        }


def test_names_may_be_shorter_or_longer_and_text_of_either_kind(tmp_path: Path) -> None:
    for kind, names in {"bytes": [b"caf\xc3\xa9", b"b"], "text": ["café", "b", "c", "d", "e"]}.items():
        with h5py.File(tmp_path / f"{kind}.hdf5", "w") as file:
            file["data"] = np.ones((3, 3, 8, 8), np.uint8)
            file["meta_data/names"] = np.array(names, "S") if kind == "bytes" else names
        found = [entry.name for entry in open_source("lld", tmp_path / f"{kind}.hdf5").entries()]
        assert found == ["café", "b", "000002" if kind == "bytes" else "c"]


def test_profiles_of_twitter_stay_where_they_are(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any]
) -> None:
    write_lld(tmp_path / "LLD-logo.hdf5", pictures, 40)
    with h5py.File(tmp_path / "LLD-logo.hdf5", "r+") as file:
        file["meta_data/twitter/ids"] = np.arange(30)
        file["meta_data/twitter/user_objects"] = ['{"location": "home"}'] * 30
    source = open_source("lld", tmp_path / "LLD-logo.hdf5")
    assert all(raw.labels.keys() == {"resnet/rc_64"} for raw in source.read(source.entries()))


def test_the_order_of_sizes_is_judged_once_for_all_blocks(
    tmp_path: Path, write_lld: Callable[..., None], pictures: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lld(tmp_path / "LLD-logo.hdf5", pictures, 40, width_first=True)
    judged = []
    judge = data.sources.lld._heights_fit
    monkeypatch.setattr("data.sources.lld._heights_fit", lambda *given: judged.append(1) or judge(*given))
    for _ in range(3):
        source = open_source("lld", tmp_path / "LLD-logo.hdf5")
        assert all(raw.problem is None for raw in source.read(source.entries()[:7]))
    assert len(judged) == 1


def test_files_that_claim_far_more_than_they_hold_are_refused(tmp_path: Path) -> None:
    def never_written(file: h5py.File) -> None:
        file.create_dataset("data", (10**6, 3, 32, 32), np.uint8, chunks=(64, 3, 32, 32))

    def many_of_little(file: h5py.File) -> None:
        file.create_dataset("data", (10**9, 3, 1, 1), np.uint8, chunks=(10**6, 3, 1, 1), compression="gzip")[
            : 10**6
        ] = 1

    def one_chunk(file: h5py.File) -> None:
        shape = (2000, 3, 1000, 1000)
        file.create_dataset("data", shape, np.uint8, chunks=(500, 3, 1000, 1000), compression="gzip")

    def enormous(file: h5py.File) -> None:
        file.create_dataset("data", (1, 3, 10**5, 10**5), np.uint8, chunks=(1, 3, 1000, 1000))

    def long_names(file: h5py.File) -> None:
        file["data"] = np.ones((2, 3, 8, 8), np.uint8)
        file.create_dataset("meta_data/names", (2,), "S1000000", chunks=(1,))

    for trick, claim in {
        never_written: "claims 3072000000 bytes of pictures, but stores only 0",
        many_of_little: "has 1000000000 pictures",
        one_chunk: "has chunks of 1500000000 bytes",
        enormous: "has pictures of 100000 x 100000 px",
        long_names: "has names of 1000000 bytes",
    }.items():
        path = tmp_path / f"{trick.__name__}.hdf5"
        with h5py.File(path, "w") as file:
            trick(file)
        with pytest.raises(SourceError, match=f"{claim}, more than is read: it is damaged or made to harm"):
            open_source("lld", path)


def test_names_over_which_the_library_loops_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "LLD-icon.hdf5", "w") as file:
        file["data"] = np.ones((3, 3, 8, 8), np.uint8)
        file["meta_data/names"] = ["a", "b", "c"]
    monkeypatch.setattr(data.sources.hdf5, "_STRINGS_S", 0.0)  # no damage is known that makes every version loop
    with pytest.raises(SourceError, match="is damaged in /meta_data/names: copy or download it again"):
        open_source("lld", tmp_path / "LLD-icon.hdf5").entries()


def test_labels_of_any_type_that_are_whole_numbers_are_read_and_others_are_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "labels.hdf5", "w") as file:
        file["data"] = np.random.default_rng(0).integers(1, 256, (3, 3, 32, 32), np.uint8)
        file["labels/float"] = np.array([4.0, np.nan, 6.0], np.float32)
        file["labels/unsigned"] = np.array([1, 2, 3], np.uint64)
        file["labels/column"] = np.array([[7], [8], [9]])
        file["labels/scores"] = np.array([0.25, 1, 2])
        file["labels/huge"] = np.array([2**64 - 1, 0, 0], np.uint64)
        file["labels/matrix"] = np.zeros((3, 2), np.int64)
    source = open_source("lld", tmp_path / "labels.hdf5")
    assert [raw.labels for raw in source.read(source.entries())] == [
        {"float": 4, "unsigned": 1, "column": 7},
        {"unsigned": 2, "column": 8},
        {"float": 6, "unsigned": 3, "column": 9},
    ]
    assert source.ignored() == {
        "labels/huge (uint64, 3)": 3,
        "labels/matrix (int64, 3 x 2)": 3,
        "labels/scores (float64, 3)": 3,
    }


def test_padded_pictures_without_sizes_are_refused_and_full_ones_are_not(
    tmp_path: Path, pictures: list[NDArray[np.uint8]], write_lld: Callable[..., None]
) -> None:
    write_lld(tmp_path / "padded.hdf5", pictures, 64)
    with h5py.File(tmp_path / "padded.hdf5", "r+") as file:
        del file["shapes"]
    with pytest.raises(SourceError, match="as if padded, but no dataset named shapes with their sizes: add it"):
        open_source("lld", tmp_path / "padded.hdf5")
    with h5py.File(tmp_path / "full.hdf5", "w") as file:
        file["data"] = np.random.default_rng(0).integers(1, 256, (5, 3, 64, 64), np.uint8)
    source = open_source("lld", tmp_path / "full.hdf5")
    assert [raw.pixels.shape for raw in source.read(source.entries()) if raw.pixels is not None] == [(64, 64, 3)] * 5


def test_sizes_with_the_channels_last_are_said_to_be_so(
    tmp_path: Path, pictures: list[NDArray[np.uint8]], write_lld: Callable[..., None]
) -> None:
    write_lld(tmp_path / "hwc.hdf5", pictures, 64)
    with h5py.File(tmp_path / "hwc.hdf5", "r+") as file:
        file["shapes"][:] = file["shapes"][:][:, [1, 2, 0]]
    with pytest.raises(SourceError, match="named shapes that end in 3, as height, width, channels do: put"):
        open_source("lld", tmp_path / "hwc.hdf5")
