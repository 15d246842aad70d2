"""Intake: every image that a source offers is accepted or turned away with a reason."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.testing import assert_array_equal
from PIL import Image

from data.images import Limits, Reason
from data.intake import take_in
from data.pixels import rgb
from data.sources import Entry, RawImage, open_source
from data.table import Origin, read_shard, write_shard


def test_every_file_of_a_messy_folder_is_accounted_for(
    tmp_path: Path, png: Callable[[int], bytes], encode: Callable[..., bytes], blocks: Callable[..., Any]
) -> None:
    folder = tmp_path / "messy"
    folder.mkdir()
    good = png(1)
    files = {
        "good.png": (good, None),
        "cut.png": (good[: len(good) // 2], Reason.truncated),
        "text.png": (b"no picture at all", Reason.unreadable),
        "empty.png": (b"", Reason.truncated),
        "tiny.gif": (encode(Image.fromarray(blocks(8, 8)), "GIF"), Reason.too_small),
        "wide.png": (encode(Image.fromarray(blocks(1200, 16))), Reason.too_large),
        "white.jpg": (encode(Image.new("RGB", (40, 40), "white"), "JPEG"), Reason.blank),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.blank),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    source = open_source("mess", folder, licence="CC0-1.0")
    taken = list(take_in(source.name, source.licence, source.read(source.entries()), Limits(max_side=1000)))

    reasons = {entry.name: each.outcome.reason for entry, each in zip(source.entries(), taken, strict=True)}
    assert reasons == {name: reason for name, (_, reason) in files.items()}
    assert all(each.outcome.detail for each in taken if each.row is None)
    (row,) = (each.row for each in taken if each.row is not None)
    assert row.id == hashlib.sha256(good).hexdigest()
    assert (row.data, row.width, row.height, row.mode, row.licence) == (good, 24, 20, "RGB", "CC0-1.0")
    assert row.origins == (Origin("mess", "good.png", 0),)


def test_raw_pixels_are_stored_losslessly_and_named_by_their_pixels(tmp_path: Path, blocks: Callable[..., Any]) -> None:
    pixels = blocks(30, 20)
    raws = [RawImage(Entry("a", place, f"x:{place}"), pixels=pixels.copy(), labels={"rc": 7}) for place in (0, 5)]
    one, two = take_in("lld", "", raws, Limits())
    first, second = one.row, two.row
    assert one.outcome == two.outcome
    assert first is not None
    assert second is not None
    assert first.pixel_sha256 == second.pixel_sha256
    assert first.labels == {"rc": 7}
    write_shard(tmp_path / "shard.parquet", [first])
    assert_array_equal(rgb(read_shard(tmp_path / "shard.parquet")[0]), pixels)

    (turned,) = take_in("lld", "", [RawImage(raws[0].entry, pixels=pixels.transpose(1, 0, 2).copy())], Limits())
    assert turned.outcome.id != one.outcome.id
