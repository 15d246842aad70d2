"""`logoflow check`: is any image the copy of a logo that a run was trained on, or of any others?"""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.neighbours import SHEET_TILE, EncoderOption, PathsArgument, embedded, loaded
from logoflow.cli.output import JsonOption, StoreOption, check_sheet, console, print_rows
from logoflow.cli.pictures import Offered, read_pictures
from logoflow.errors import UserError
from logoflow.resolve import Place
from logoflow.run import default_store, existing_workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.images import Pixels
    from logoflow.resolve import Workspace
    from moco.encoder import Encoder
    from neighbours.likeness import Near, View
    from neighbours.vectors import Vectors

SEED = 0


@dataclass(frozen=True)
class Known:
    """Logos that an image may repeat.

    Attributes:
        words: where they come from.
        vectors: unit vectors, `[N, D]`.
        outlines: `[N, L]`.
        pictures: takes rows to the pictures, RGB on white, and their sizes `[R, 2]`.
        origins: takes rows to what is known of each: its name, and its id and source where it has them.
    """

    words: str
    vectors: "Vectors"
    outlines: "Vectors"
    pictures: "Callable[[NDArray[np.int64]], tuple[list[Pixels], NDArray[np.int64]]]"
    origins: "Callable[[Sequence[int]], list[dict[str, Any]]]"


def check(
    paths: PathsArgument,
    against: Annotated[
        list[str] | None,
        typer.Option(
            help="A run's id or its beginning, or images, folders, archives, Parquet files; may be repeated. Else the "
            "logos of the store's last run."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Nearest logos that are named.")] = 3,
    sheet: Annotated[Path | None, typer.Option(help="Image file: each image beside its nearest logos.")] = None,
    encoder: EncoderOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say of images whether they repeat a known logo: a copy, recoloured or mirrored as well.

    A copy shows the same mark, pixel by pixel, whatever its size, place, format or colours. No finding is no proof: a
    mark that was drawn anew, or lies in no collection, is not found. The exit code is 0 whatever is found.
    """
    from neighbours.likeness import Rules, among_themselves, look, nearest

    check_sheet(sheet)
    known, network = known_logos(against or [], encoder, store)
    names, shown, views = pictures_to_check(paths, network)
    found = nearest(look(views, known.vectors, known.outlines, thumbnails_of(known)), len(names), Rules(), k)
    usual = among_themselves(known.vectors, SEED)
    rows = [described(name, near, known, usual) for name, near in zip(names, found, strict=True)]
    if sheet is not None:
        save_pairs(sheet, shown, found, known, rows)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = [{**row, **row["nearest"][0], "name": row["name"], "of": row["nearest"][0]["name"]} for row in rows]
    print_rows(("name", "verdict", "of", "distance", "reason"), table, as_json)
    suspects = sum(row["copy"] for row in rows)
    console.print(f"{suspects} of {len(rows)} images repeat one of {len(known.vectors)} logos ({known.words}).")


def known_logos(against: Sequence[str], encoder: Path | None, store: Place | None) -> "tuple[Known, Encoder]":
    """What to compare with, and the encoder that describes it.

    Raises:
        UserError: there is nothing to compare with.
    """
    from logoflow.cli.neighbours import choose

    if against and all(Path(path).exists() for path in against):
        network = loaded(choose(encoder, store))
        return from_paths(against, network), network
    space = existing_workspace(store)
    if len(against) > 1 or space is None:
        missing = next((path for path in against if not Path(path).exists()), None)
        raise UserError(
            f"{missing} is neither there nor a run of {store or default_store()}: give files, or see `logoflow runs`."
            if missing
            else f"{store or default_store()} is no store: name logos to compare with by --against, or a --store."
        )
    return from_run(space, against[0] if against else None)


def from_run(space: "Workspace", run: str | None) -> "tuple[Known, Encoder]":
    """The logos without text that a run embedded; only the pictures of those that are asked for are read."""
    import numpy as np

    from logoflow.search import encoder_of, open_collection, origins_of
    from tasks.images import load_pictures, shard_of_each

    collection = open_collection(space, run=run)
    where = shard_of_each(collection.table)

    def pictures(rows: "NDArray[np.int64]") -> "tuple[list[Pixels], NDArray[np.int64]]":
        ids = [collection.ids[row] for row in rows]
        found = load_pictures(space.store, [(i, where[i]) for i in ids])
        return found, np.array([picture.shape[1::-1] for picture in found], np.int64)

    def origins(rows: Sequence[int]) -> list[dict[str, Any]]:
        ids = [collection.ids[row] for row in rows]
        found = origins_of(collection.table, ids)
        return [{"id": i, **found[i]} for i in ids]

    words = f"run {run}" if run else "the last run"
    network = loaded(encoder_of(space, collection))
    return Known(words, collection.vectors, collection.outlines, pictures, origins), network


def from_paths(paths: Sequence[str], network: "Encoder") -> Known:
    """Any logos; their thumbnails go to a file without a name."""
    import numpy as np

    from data.pixels import fit_squares
    from neighbours.outlines import outlines
    from tasks.describe import THUMBNAIL

    names: list[str] = []
    vectors, shapes, sizes = [], [], []
    with tempfile.TemporaryFile() as file:
        for block, squares, found in embedded(list(paths), network):
            vectors.append(found)
            shapes.append(outlines(squares))
            file.write(fit_squares([image.pixels for image in block], THUMBNAIL).tobytes())
            names += [image.name for image in block]
            sizes += [(image.width, image.height) for image in block]
        thumbnails = np.memmap(file, np.uint8, "r", shape=(len(names), 3, THUMBNAIL, THUMBNAIL))
    known_sizes = np.array(sizes, np.int64)

    def pictures(rows: "NDArray[np.int64]") -> "tuple[list[Pixels], NDArray[np.int64]]":
        return [np.array(one.transpose(1, 2, 0)) for one in thumbnails[rows]], known_sizes[rows]

    def origins(rows: Sequence[int]) -> list[dict[str, Any]]:
        return [{"name": names[row]} for row in rows]

    return Known(", ".join(paths), np.concatenate(vectors), np.concatenate(shapes), pictures, origins)


def thumbnails_of(known: Known) -> "Callable[[NDArray[np.int64]], tuple[NDArray[np.uint8], NDArray[np.int64]]]":
    """What `neighbours.likeness.look` asks for."""
    from data.pixels import fit_squares
    from tasks.describe import THUMBNAIL

    def load(rows: "NDArray[np.int64]") -> "tuple[NDArray[np.uint8], NDArray[np.int64]]":
        pictures, sizes = known.pictures(rows)
        return fit_squares(pictures, THUMBNAIL), sizes

    return load


def pictures_to_check(paths: Sequence[str], network: "Encoder") -> "tuple[list[str], list[Pixels], list[View]]":
    """Names and pictures of the images to check, and their views: as they are, and mirrored."""
    from tasks.describe import view
    from tasks.device import device_named

    images = [image for image in read_pictures(paths) if isinstance(image, Offered)]
    if not images:
        raise UserError(f"{', '.join(paths)}: no image that can be read.")
    shown = [image.pixels for image in images]
    turned = [picture[:, ::-1] for picture in shown]
    views = [view(pictures, network, device_named("auto")) for pictures in (shown, turned)]
    return [image.name for image in images], shown, views


def described(name: str, near: "Sequence[Near]", known: Known, usual: "NDArray[np.float64]") -> dict[str, Any]:
    """The verdict on an image, why, and the logos near it."""
    from neighbours.likeness import nearer_than

    return {
        "name": name,
        "copy": near[0].likeness > 0,
        "verdict": near[0].likeness.words,
        "reason": near[0].likeness.reason,
        "nearer_than": round(nearer_than(near, usual), 4),
        "nearest": [
            {**origin, "distance": round(one.distance, 4), "likeness": one.likeness.words}
            for one, origin in zip(near, known.origins([one.row for one in near]), strict=True)
        ],
    }


def save_pairs(
    path: Path,
    shown: "Sequence[Pixels]",
    found: "Sequence[Sequence[Near]]",
    known: Known,
    rows: Sequence[dict[str, Any]],
) -> None:
    """Write a contact sheet: a row for each image, its nearest logos beside it."""
    import numpy as np

    from data.sheets import contact_sheet

    images, captions = [], []
    for picture, near, row in zip(shown, found, rows, strict=True):
        wanted = [one.row for one in near]
        order = np.sort(wanted)
        logos = dict(zip(order.tolist(), known.pictures(order)[0], strict=True))
        images += [picture, *(logos[one] for one in wanted)]
        captions += [Path(row["name"]).name]
        captions += [f"{one['likeness']} {one['distance']:.2f} {one['name']}" for one in row["nearest"]]
    contact_sheet(images, 1 + len(found[0]), SHEET_TILE, captions).save(path)
