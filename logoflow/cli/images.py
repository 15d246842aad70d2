"""`logoflow images`: the image table of a finished run as files that other programs open."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from logoflow.cli.output import StoreOption, console, open_workspace
from logoflow.errors import UserError
from logoflow.store.store import Artifact, Store

if TYPE_CHECKING:
    from data.table import Picture


def images(
    out: Annotated[Path, typer.Argument(help="A new or empty folder for the Parquet files.")],
    store: StoreOption = None,
) -> None:
    """Write the last run's image table as Parquet files of at most 256 MB, which Hugging Face datasets opens.

    One row for each distinct picture, with its image as it came, every place it came from, labels and licence.
    """
    from data.merged import write_merged
    from logoflow.search import last_used

    space = open_workspace(store)
    table = last_used(space, "ingest")
    if table is None:
        raise UserError(f"{space.store.place} holds no image table: run the pipeline first, or name another --store.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already: name a new or an empty folder.")
    write_merged(out, rows_of(table, space.store))
    pictures = table.manifest.metrics["distinct"]
    console.print(f'{pictures} distinct pictures: datasets.load_dataset("{out}", split="train")', markup=False)


def rows_of(table: Artifact, store: Store) -> Iterator["Picture"]:
    """The rows of an image table with their images, shard by shard."""
    from dataclasses import replace

    from tasks.images import read_rows, read_table, shards

    rows = {row.id: row for row in read_table(table)}
    for shard in shards(table, store, list(rows)):
        for kept in read_rows(shard):
            row = rows[kept.id]
            yield replace(row, data=kept.data, path=row.origins[0].name)
