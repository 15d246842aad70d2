"""The embedded sample: whole, readable, licensed, and with no copies but those that its truth table names."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import data.sample
from data.images import Limits, decode
from data.intake import take_in
from data.sample.copies import Change, copy
from data.sample.drawing import flatten, rasterise, to_mode
from data.sample.icons import Icon
from data.sources import open_source

_FOLDER = Path(data.sample.__file__).parent


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(_FOLDER / f"{name}.parquet").to_pylist()
    return rows


@pytest.fixture(scope="module")
def lld() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _rows("lld_like")}


@pytest.fixture(scope="module")
def boosted() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _rows("boosted_like")}


@pytest.fixture(scope="module")
def truth() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _rows("truth")}


def _thumbnail(row: dict[str, Any]) -> Any:
    """16 x 16 x 3 values on white, 0 to 1, aspect kept; written apart from data.pixels on purpose."""
    image = Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGBA")
    side = max(image.size)
    canvas = Image.new("RGBA", (side, side), "white")
    canvas.alpha_composite(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(canvas.convert("RGB").resize((16, 16), Image.Resampling.BOX)).reshape(-1) / 255


def test_ingest_accepts_every_row() -> None:
    for name, count in {"lld_like": 1100, "boosted_like": 500}.items():
        source = open_source(name, _FOLDER / f"{name}.parquet")
        taken = list(take_in(source.name, "", source.read(source.entries()), Limits()))
        assert len(taken) == count
        assert [each.outcome for each in taken if each.row is None] == []
        assert {each.row.licence for each in taken if each.row is not None} == {"MIT", "CC0-1.0"}


def test_the_modes_and_sizes_are_as_varied_as_described(lld: dict[str, dict[str, Any]]) -> None:
    images = [Image.open(io.BytesIO(row["image"]["bytes"])) for row in lld.values()]
    assert Counter(image.mode for image in images).keys() == {"RGBA", "RGB", "P", "L", "LA"}
    long_sides = [max(image.size) for image in images]
    assert min(long_sides) >= 48
    assert max(long_sides) <= 256
    assert 140 < float(np.mean(long_sides)) < 170  # uniform: 152
    wide = sum(image.width > 2 * image.height for image in images)
    assert 0.2 < wide / len(images) < 0.4


def test_the_truth_table_names_each_row_once_and_only_rows_that_exist(
    lld: dict[str, Any], boosted: dict[str, Any], truth: dict[str, Any]
) -> None:
    assert truth.keys() == boosted.keys()
    originals = [row["original"] for row in truth.values() if row["original"] is not None]
    assert len(originals) == len(set(originals)) == 333
    assert set(originals) <= lld.keys()
    new = {row["icon"] for row in truth.values() if row["original"] is None}
    assert len(new) == 167
    assert not new & lld.keys()
    assert all((row["change"] == "new") == (row["original"] is None) for row in truth.values())


def test_every_copy_is_its_original_changed_as_the_truth_table_says(
    lld: dict[str, Any], boosted: dict[str, Any], truth: dict[str, Any]
) -> None:
    for name, row in truth.items():
        if row["original"] is None:
            continue
        width, height = Image.open(io.BytesIO(lld[row["original"]]["image"]["bytes"])).size
        made = Image.open(io.BytesIO(boosted[name]["image"]["bytes"]))
        margin = round(max(width, height) * (row["margin"] or 0))
        if row["margin"]:
            margin = margin or (1 if row["margin"] > 0 else -1)
        scale = row["scale"] or 1
        assert row["scale"] is None or 0.3 <= scale <= 0.7
        assert made.size == (round((width + 2 * margin) * scale), round((height + 2 * margin) * scale))
        assert made.format == ("PNG" if row["quality"] is None else "JPEG")


def test_no_two_rows_look_alike_but_those_that_the_truth_table_names(
    lld: dict[str, Any], boosted: dict[str, Any], truth: dict[str, Any]
) -> None:
    names = [*lld, *(truth[name]["original"] or name for name in boosted)]
    prints = np.stack([_thumbnail(row) for row in [*lld.values(), *boosted.values()]])  # [1600, 768]
    squares = (prints**2).sum(axis=1)
    rms = np.sqrt(np.maximum(squares[:, None] + squares - 2 * prints @ prints.T, 0) / prints.shape[1])
    alike = np.argwhere(np.triu(rms < 0.04, k=1))
    assert [(names[one], names[two]) for one, two in alike if names[one] != names[two]] == []
    assert len(alike) > 200  # most of the 333 copies; padding and cropping move the rest further away


def test_no_logo_is_a_variant_for_light_or_dark_pages(lld: dict[str, Any], truth: dict[str, Any]) -> None:
    assert not [name for name in lld if name.endswith(("-light", "-dark"))]
    assert not [row["icon"] for row in truth.values() if row["icon"].endswith(("-light", "-dark"))]


def test_rasterising_draws_the_view_box_at_the_size_asked_for() -> None:
    body = '<path fill="#f00" d="M10 0h20v10H10z"/><path fill="#00f" d="M10 10h20v10H10z"/>'
    image = rasterise(Icon("s:two", "s", "MIT", body, (0, 0, 40, 20), False), 80)
    pixels = np.asarray(image)
    assert pixels.shape == (40, 80, 4)
    expected = np.zeros_like(pixels)
    expected[:20, 20:60], expected[20:, 20:60] = (255, 0, 0, 255), (0, 0, 255, 255)
    assert_array_equal(pixels, expected)
    for mode in ("RGBA", "RGB", "P", "PA"):
        converted = to_mode(image, mode).convert("RGBA")
        assert_array_equal(np.asarray(flatten(converted)), np.asarray(flatten(image)))


def test_copies_change_what_they_say_and_nothing_else() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 4), np.uint8)
    image = Image.fromarray(pixels)
    padded = decode(copy(image, Change(margin=0.1)), Limits()).pixels
    assert_array_equal(padded[6:-6, 6:-6], pixels)
    assert padded.shape == (52, 72, 4)
    assert (padded[:6, :, 3] == 0).all()
    cropped = decode(copy(image, Change(margin=-0.03)), Limits()).pixels
    assert_array_equal(cropped, pixels[2:-2, 2:-2])
    small = decode(copy(image, Change(scale=0.5, quality=90)), Limits()).pixels
    assert small.shape == (20, 30, 3)
