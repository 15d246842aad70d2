"""Make the sample again, pixel for pixel, or the full set of logos: `python -m data.sample.build [--size full]`."""

import argparse
import hashlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from data.sample.copies import copy, draw_change
from data.sample.drawing import Distinct, Look, encode, look_at, rasterise, to_mode
from data.sample.icons import Icon, read_icons

_SEED = 7
_HERE = Path(__file__).parent

_MODES = {"RGBA": 0.42, "RGB": 0.36, "P": 0.10, "PA": 0.04, "L": 0.05, "LA": 0.03}
_GRAYISH_SHARE = 0.2  # of the logos without colour, those that are taken all the same
_FULL_SIDE = 256
_FULL_SETS = ("token-branded", "logos", "thesvg-color", "selfhst")
_FULL_SHARD_ROWS = 2000

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SCHEMA = pa.schema({"name": pa.string(), "set": pa.string(), "licence": pa.string(), "image": _IMAGE})
_TRUTH = pa.schema(
    {
        "name": pa.string(),  # row of boosted_like
        "original": pa.string(),  # row of lld_like that it copies; null = it is new
        "icon": pa.string(),
        "change": pa.string(),
        "scale": pa.float64(),
        "quality": pa.int64(),
        "margin": pa.float64(),
    }
)


@dataclass(frozen=True)
class Stratum:
    """A part of the sample: how many logos of which set, and which of them."""

    set: str
    lld: int
    boosted: int
    takes: Callable[[Icon], bool]


def _is_oblong(icon: Icon) -> bool:
    return icon.aspect > 2


def _is_squarish(icon: Icon) -> bool:
    return 0.6 < icon.aspect < 1.7


def _is_wordmark(icon: Icon) -> bool:
    return icon.name.endswith("-wordmark")


# Wordmarks first, a third of the whole; token-branded looks most like LLD-logo.
_STRATA = (
    Stratum("logos", 190, 28, lambda icon: icon.has_symbol and icon.aspect > 1.3),
    Stratum("devicon", 95, 14, _is_wordmark),
    Stratum("thesvg-color", 80, 12, _is_oblong),
    Stratum("token-branded", 320, 49, lambda icon: True),
    Stratum("thesvg-color", 200, 32, _is_squarish),
    Stratum("logos", 80, 12, _is_squarish),
    Stratum("cryptocurrency-color", 60, 9, lambda icon: True),
    Stratum("devicon", 50, 7, lambda icon: not _is_wordmark(icon)),
    Stratum("skill-icons", 25, 4, lambda icon: True),
)
_COPIES = 333


@dataclass(frozen=True)
class Logo:
    """One logo of the sample, drawn."""

    icon: Icon
    png: bytes


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m data.sample.build", description=__doc__)
    parser.add_argument("--size", choices=["sample", "full"], default="sample", help="the embedded sample, or all")
    parser.add_argument("--package", type=Path, help="archive that npm pack made; default: download it")
    parser.add_argument("--out", type=Path, help="folder to write to; default: data/sample, or data/full")
    parser.add_argument("--limit", type=int, help="with --size full: draw only the first LIMIT icons of each set")
    arguments = parser.parse_args()
    try:
        if arguments.size == "sample":
            build_sample(arguments.package, arguments.out or _HERE)
        else:
            build_full(arguments.package, arguments.out or _HERE.parent / "full", arguments.limit)
    except ValueError as error:
        sys.exit(str(error))


def build_sample(package: Path | None, out: Path) -> None:
    """Write lld_like.parquet, boosted_like.parquet and truth.parquet."""
    icons = read_icons(package, sorted({stratum.set for stratum in _STRATA}))
    lld, new = _choose(icons)
    lld.sort(key=lambda logo: _random("order", logo.icon.name).random())
    copied = sorted(lld, key=lambda logo: _random("copied", logo.icon.name).random())[:_COPIES]

    boosted: list[tuple[dict[str, Any], dict[str, Any]]] = []  # row, truth about it
    for logo in new:
        boosted.append((_row(logo.icon, logo.png), {"icon": logo.icon.name, "change": "new"}))
    for logo in copied:
        image = Image.open(io.BytesIO(logo.png))
        change = draw_change(_random("change", logo.icon.name), *image.size)
        truth = {"original": logo.icon.name, "icon": logo.icon.name, "change": str(change), **vars(change)}
        boosted.append((_row(logo.icon, copy(image, change)), truth))
    boosted.sort(key=lambda pair: _random("order of boosted", pair[1]["icon"]).random())
    for index, (row, truth) in enumerate(boosted):
        row["name"] = truth["name"] = f"boosted_{index:04d}"
        row["image"]["path"] = row["name"] + Path(row["image"]["path"]).suffix

    _write(out / "lld_like.parquet", [_row(logo.icon, logo.png) for logo in lld])
    _write(out / "boosted_like.parquet", [row for row, _ in boosted])
    _replace(out / "truth.parquet", pa.Table.from_pylist([truth for _, truth in boosted], schema=_TRUTH))


def build_full(package: Path | None, out: Path, limit: int | None) -> None:
    """Write the coloured logos of four sets, 256 px, RGBA, as Parquet shards, drawn on all cores."""
    icons = read_icons(package, _FULL_SETS)
    if limit is not None:
        icons = [icon for name in _FULL_SETS for icon in [icon for icon in icons if icon.set == name][:limit]]
    distinct, rows, shards = Distinct(), [], 0
    out.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        drawn = pool.map(_draw_full, icons, chunksize=32)
        for index, (icon, result) in enumerate(zip(icons, drawn, strict=True), start=1):
            if result is not None and distinct.add(result[1]):
                rows.append(_row(icon, result[0]))
            if rows and (len(rows) == _FULL_SHARD_ROWS or index == len(icons)):
                _write(out / f"logos-{shards:05d}.parquet", rows)
                rows, shards = [], shards + 1
            if index % 500 == 0:
                print(f"{index} of {len(icons)} icons drawn, {shards * _FULL_SHARD_ROWS + len(rows)} taken", flush=True)


def _choose(icons: Sequence[Icon]) -> tuple[list[Logo], list[Logo]]:
    """Draw the logos of both sources: one per brand, no two alike."""
    lld: list[Logo] = []
    new: list[Logo] = []
    brands: set[str] = set()
    distinct = Distinct()
    for stratum in _STRATA:
        members = [icon for icon in icons if icon.set == stratum.set and stratum.takes(icon)]
        members.sort(key=lambda icon: _random("choice", icon.name).random())
        found = _draw_members(members, brands, distinct)
        taken = [logo for logo, _ in zip(found, range(stratum.lld + stratum.boosted), strict=False)]
        if len(taken) < stratum.lld + stratum.boosted:
            raise ValueError(f"The set {stratum.set} has only {len(taken)} logos that fit: ask for fewer in _STRATA.")
        lld += taken[: stratum.lld]
        new += taken[stratum.lld :]
    return lld, new


def _draw_members(members: Sequence[Icon], brands: set[str], distinct: Distinct) -> Iterator[Logo]:
    """Draw icons that are fit for the sample, at a random size and in a random mode."""
    for icon in members:
        random = _random("drawing", icon.name)
        long_side = int(random.integers(48, 257))
        if icon.brand in brands or not 1 / 5 < icon.aspect < 5:
            continue
        narrow = min(icon.aspect, 1 / icon.aspect)
        image = _try_rasterise(icon, max(long_side, round(20 / narrow)))
        if image is None:
            continue
        visible, coloured = _is_visible(look_at(image)), _is_coloured(look_at(image))
        image = to_mode(image, str(random.choice(list(_MODES), p=list(_MODES.values()))))
        wanted = visible and (coloured or random.random() < _GRAYISH_SHARE)
        if wanted and distinct.add(look_at(image)):
            brands.add(icon.brand)
            yield Logo(icon, encode(image))


def _draw_full(icon: Icon) -> tuple[bytes, Look] | None:
    """Draw one logo of the full set; None when it is not visible, not coloured, or not drawable."""
    image = _try_rasterise(icon, _FULL_SIDE)
    if image is None or min(image.size) < _FULL_SIDE // 8:
        return None
    look = look_at(image)
    return (encode(image), look) if _is_visible(look) and _is_coloured(look) else None


def _try_rasterise(icon: Icon, long_side: int) -> Image.Image | None:
    """Draw an icon, or None where the graphics are invalid (a few of the sets' are)."""
    try:
        return rasterise(icon, long_side)
    except ValueError:
        return None


def _is_visible(look: Look) -> bool:
    """Whether there is something to see on white, and more than one flat colour."""
    return look.ink > 0.05 and look.visible > 0.7 and look.contrast > 0.04


def _is_coloured(look: Look) -> bool:
    """Whether a good part of the ink is no gray."""
    return look.colour > 0.15


def _random(purpose: str, name: str) -> np.random.Generator:
    """Random numbers that depend on the purpose and the icon alone, so that the order of work does not matter."""
    digest = hashlib.sha256(f"{_SEED} {purpose} {name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _row(icon: Icon, data: bytes) -> dict[str, Any]:
    """A row of a source."""
    suffix = ".png" if data.startswith(b"\x89PNG") else ".jpg"
    image = {"bytes": data, "path": icon.name.replace(":", "_") + suffix}
    return {"name": icon.name, "set": icon.set, "licence": icon.licence, "image": image}


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of a source, which Hugging Face datasets shows as pictures."""
    metadata = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}}}})}
    _replace(path, pa.Table.from_pylist(list(rows), schema=_SCHEMA.with_metadata(metadata)))


def _replace(path: Path, table: pa.Table) -> None:
    """Write a Parquet file beside its place, then move it there whole."""
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="none", row_group_size=256)
    temporary.replace(path)
    print(f"{path}: {table.num_rows} rows, {path.stat().st_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
