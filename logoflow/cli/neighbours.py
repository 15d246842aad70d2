"""`logoflow search`, `embed` and `dedup`: logos that are alike, in a finished run and among any images."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.output import JsonOption, StoreOption, check_out, console, print_rows
from logoflow.cli.pictures import Offered, read_pictures
from logoflow.errors import UserError
from logoflow.run import default_store
from logoflow.store.store import Artifact, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data.images import Pixels

BATCH = 256
SHEET_COLUMNS, SHEET_TILE = 6, 128
SHORT = 12  # characters of an id that are shown

PathsArgument = Annotated[
    list[str], typer.Argument(help="Images, or anything that ingest reads: folders, archives, ...")
]
EncoderOption = Annotated[
    Path | None,
    typer.Option(
        exists=True, dir_okay=False, help="Encoder file; else that of the store's newest run, else the one that ships."
    ),
]


def search(
    what: Annotated[str, typer.Argument(help="An image's path, or an id (its beginning will do) or name in the run.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many logos to find.")] = 10,
    sheet: Annotated[Path | None, typer.Option(help="Image file for a contact sheet of them.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the logos of the newest run that are nearest to an image or to one of themselves.

    The distance is that of unit vectors: 0 for equal ones, 1.41 for unrelated ones.
    """
    from logoflow.search import nearest, open_collection, row_of, with_clusters

    space = existing(store)
    if space is None:
        raise UserError(f"{store or default_store()} is no store: run the pipeline first, or name its --store.")
    collection = open_collection(space)
    if Path(what).is_file():
        trained = space.find("train_encoder", collection.embedded.manifest.inputs["train_encoder"].fingerprint)
        if trained is None:
            raise UserError("the encoder that the vectors were made with is gone from the store: search by id.")
        block, vectors = next(embedded([what], trained.file("encoder.safetensors")))
        if len(block) > 1:
            raise UserError(f"{what} holds several images: search for one at a time.")
        shown = [image.pixels for image in block]
        found = nearest(collection, vectors[0], k)
    else:
        row, shown = row_of(collection, what), []
        found = [near for near in nearest(collection, collection.vectors[row], k + 1) if near["row"] != row][:k]
    found = with_clusters(space, collection, found)
    if sheet is not None:
        save_sheet(space, collection.table, sheet, found, shown)
    short = [{**near, "id": near["id"][:SHORT], "copy_of": (near["copy_of"] or "")[:SHORT]} for near in found]
    rows = found if as_json else short
    print_rows(("distance", "id", "name", "source", "cluster", "copy_of"), rows, as_json)


def embed(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help="Parquet file for names and vectors.")],
    encoder: EncoderOption = None,
    store: StoreOption = None,
) -> None:
    """Describe images by unit vectors: a Parquet table of name and vector, a list of float32.

    A Parquet's images are its column image (bytes, or a struct with bytes) or png; its column name is passed through.
    """
    import numpy as np

    from neighbours.vectors import write_vectors

    check_out(out)
    names, vectors = [], []
    for block, found in embedded(paths, choose(encoder, store)):
        names += [image.name for image in block]
        vectors.append(found)
    write_vectors(out, names, np.concatenate(vectors), column="name")
    console.print(f"{len(names)} images, each described by {vectors[0].shape[1]} numbers: {out}")


def dedup(
    paths: PathsArgument,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the result, in place of a table here.")] = None,
    encoder: EncoderOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find copies of one logo among images, and say of each group which one to keep and why.

    What is named first has priority where copies are equally good. The table shows the copies; with --out or --json
    there is a row for every image.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from data.pixels import fit_squares
    from neighbours.duplicates import Described, Original, content_share, find_pairs, group, is_lossless
    from tasks.describe import THUMBNAIL

    check_out(out)
    names: list[str] = []
    vectors, thumbnails, facts = [], [], []
    for block, found in embedded(paths, choose(encoder, store)):
        names += [image.name for image in block]
        vectors.append(found)
        thumbnails.append(fit_squares([image.pixels for image in block], THUMBNAIL))
        facts += [(image.width, image.height, len(image.data), is_lossless(image.data), image.rank) for image in block]
    squares = np.concatenate(thumbnails)
    originals = [
        Original(width, height, float(share), lossless, size / (width * height), rank)
        for (width, height, size, lossless, rank), share in zip(facts, content_share(squares), strict=True)
    ]
    sizes = np.array([fact[:2] for fact in facts], np.int64)
    groups = group(find_pairs(Described(np.concatenate(vectors), squares, sizes)), originals)
    rows: list[dict[str, Any]] = [{"name": name, "keep": True, "copy_of": None, "reason": None} for name in names]
    for one in groups:
        for dropped in one.dropped:
            rows[dropped] = {"name": names[dropped], "keep": False, "copy_of": names[one.kept], "reason": one.reason}
    copies = [row for row in rows if not row["keep"]]
    schema = pa.schema({"name": pa.string(), "keep": pa.bool_(), "copy_of": pa.string(), "reason": pa.string()})
    if out is not None:
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), out)
    elif as_json:
        print_rows((), rows, as_json)
    else:
        print_rows(("name", "copy_of", "reason"), copies, as_json)
    if not as_json:
        console.print(f"{len(copies)} of {len(rows)} images are copies of others, in {len(groups)} groups.")


def embedded(paths: Sequence[str], encoder: Path) -> Iterator[tuple[list[Offered], "NDArray[np.float32]"]]:
    """The images that can be read, some at a time, with their unit vectors `[N, D]`.

    Raises:
        UserError: there is no image at all, or the file is no encoder.
    """
    from data.pixels import fit_squares
    from moco.encoder import embed as encode
    from moco.encoder import load_encoder
    from tasks.device import device_named

    device = device_named("auto")
    try:
        network = load_encoder(encoder, device)
    except ValueError as error:
        raise UserError(str(error)) from error
    side = network.settings.resolution
    images = (image for image in read_pictures(paths) if isinstance(image, Offered))
    block = list(islice(images, BATCH))
    if not block:
        raise UserError(f"{', '.join(paths)}: no image that can be read.")
    while block:
        yield block, encode(network, fit_squares([image.pixels for image in block], side), device=device)
        block = list(islice(images, BATCH))


def choose(encoder: Path | None, store: Path | None) -> Path:
    """The encoder file that was named, else that of the store's newest run, else the one that ships."""
    from logoflow.search import newest
    from moco.shipped import ENCODER

    if encoder is not None:
        return encoder
    space = existing(store)
    trained = newest(space, "train_encoder") if space else None
    return trained.file("encoder.safetensors") if trained else ENCODER


def existing(store: Path | None) -> Store | None:
    """The store, where there is one; these commands make none."""
    root = store or default_store()
    return Store(root) if (root / ".format").exists() else None


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
