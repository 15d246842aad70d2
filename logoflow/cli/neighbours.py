"""`logoflow search` and `embed`: the nearest logos of a finished run, and vectors of any images."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.output import JsonOption, StoreOption, check_out, check_sheet, console, open_workspace, print_rows
from logoflow.cli.pictures import Offered, read_pictures
from logoflow.config.sections import OUTLINES
from logoflow.errors import UserError
from logoflow.resolve import Place
from logoflow.run import existing_workspace
from logoflow.store.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.images import Pixels
    from moco.encoder import Encoder

BATCH = 256
SHEET_COLUMNS, SHEET_TILE = 6, 128

PathsArgument = Annotated[
    list[str], typer.Argument(help="Images, or anything that ingest reads: folders, archives, ...")
]
EncoderOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="Encoder file; else that of the store's last run, else the one that ships."
    ),
]

OutlinesOption = Annotated[
    float, typer.Option(min=0, help="Weight of a logo's outlines; 0 goes by the encoder alone, colours first.")
]


def search(
    what: Annotated[str, typer.Argument(help="An image's path, or a name, an id or its beginning in the run.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many logos to find.")] = 10,
    sheet: Annotated[Path | None, typer.Option(help="Image file for a contact sheet of them.")] = None,
    outlines: OutlinesOption = OUTLINES,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the logos of the last run that are nearest to an image or to one of themselves.

    The distance is that of unit vectors: 0 for equal ones, 1.41 for unrelated ones.
    """
    from logoflow.search import SHORT, encoder_of, nearest, open_collection, row_of, with_clusters

    check_sheet(sheet)
    space = open_workspace(store)
    collection = open_collection(space, outlines)
    if Path(what).is_file():
        block, squares, vectors = next(embedded([what], loaded(encoder_of(space, collection))))
        if len(block) > 1:
            raise UserError(f"{what} holds several images: search for one at a time.")
        shown = [image.pixels for image in block]
        found = nearest(collection, beside(vectors, squares, outlines)[0], k)
    else:
        row, shown = row_of(collection, what), []
        found = [near for near in nearest(collection, collection.described(row), k + 1) if near["row"] != row][:k]
    found = with_clusters(space, collection, found)
    if sheet is not None:
        save_sheet(space.store, collection.table, sheet, found, shown)
    short = [{**near, "id": near["id"][:SHORT], "copy_of": (near["copy_of"] or "")[:SHORT]} for near in found]
    rows = found if as_json else short
    print_rows(("distance", "id", "name", "source", "cluster", "copy_of"), rows, as_json)


def embed(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help="Parquet file for names and vectors.")],
    encoder: EncoderOption = None,
    outlines: OutlinesOption = OUTLINES,
    store: StoreOption = None,
) -> None:
    """Describe images by unit vectors: a Parquet table of name and vector, a list of float32.

    A Parquet's images are its column image (bytes, or a struct with bytes) or png; its column name is passed through as
    text, and where it is null the file's name and the row stand in. Images that cannot be read are told on stderr and
    have no row, so join by name, not by place.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_out(out)
    names, vectors = [], []
    for block, squares, found in embedded(paths, loaded(choose(encoder, store))):
        names += [image.name for image in block]
        vectors.append(beside(found, squares, outlines))
    width = vectors[0].shape[1]
    ends = np.arange(len(names) + 1, dtype=np.int32) * width
    lists = pa.ListArray.from_arrays(ends, np.concatenate(vectors).ravel())
    pq.write_table(pa.table({"name": names, "vector": lists}), out)
    console.print(f"{len(names)} images, each described by {width} numbers: {out}")


def beside(vectors: "NDArray[np.float32]", squares: "NDArray[np.uint8]", weight: float) -> "NDArray[np.float32]":
    """An encoder's vectors, with the outlines of the same squares beside them."""
    from neighbours.outlines import outlines
    from neighbours.vectors import with_outlines

    return with_outlines(vectors, outlines(squares), weight) if weight else vectors


def loaded(encoder: Path) -> "Encoder":
    """The encoder of a file, on the best device there is.

    Raises:
        UserError: the file is no encoder.
    """
    from moco.encoder import load_encoder
    from tasks.device import device_named

    try:
        return load_encoder(encoder, device_named("auto"))
    except ValueError as error:
        raise UserError(str(error)) from error


def embedded(
    paths: Sequence[str], network: "Encoder"
) -> Iterator[tuple[list[Offered], "NDArray[np.uint8]", "NDArray[np.float32]"]]:
    """The images that can be read, some at a time, as squares `[N, 3, S, S]` and as unit vectors `[N, D]`.

    Raises:
        UserError: there is no image at all.
    """
    from data.pixels import fit_squares
    from moco.encoder import embed as encode
    from tasks.device import device_named

    images = (image for image in read_pictures(paths) if isinstance(image, Offered))
    block = list(islice(images, BATCH))
    if not block:
        raise UserError(f"{', '.join(paths)}: no image that can be read.")
    while block:
        squares = fit_squares([image.pixels for image in block], network.settings.resolution)
        yield block, squares, encode(network, squares, device=device_named("auto"))
        block = list(islice(images, BATCH))


def choose(encoder: Path | None, store: Place | None) -> Path:
    """The encoder file that was named, else that of the store's last run, else the one that ships."""
    from logoflow.search import last_used
    from moco.shipped import ENCODER

    if encoder is not None:
        return encoder
    space = existing_workspace(store)
    trained = last_used(space, "train_encoder") if space else None
    return trained.file("encoder.safetensors") if trained else ENCODER


def save_sheet(
    store: Store, table: Artifact, path: Path, found: Sequence[dict[str, Any]], query: Sequence["Pixels"]
) -> None:
    """Write a contact sheet: the picture that was asked for, where it is none of the run's, then the logos found."""
    from data.sheets import contact_sheet
    from tasks.images import load_pictures, shard_of_each

    where = shard_of_each(table)
    images = [*query, *load_pictures(store, [(near["id"], where[near["id"]]) for near in found])]
    captions = [*(["asked for"] * len(query)), *(f"{near['distance']:.2f} {near['name']}" for near in found)]
    contact_sheet(images, SHEET_COLUMNS, SHEET_TILE, captions).save(path)
