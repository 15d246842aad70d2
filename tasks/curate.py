"""curate: the training set, as one memory-mappable array of pixels with labels and provenance."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.export import dataset_json, write_zip
from data.squares import read_squares
from data.table import Picture
from logoflow.config.sections import CurateConfig
from logoflow.errors import UserError
from logoflow.report.page import ClusterPart, Page, Table
from logoflow.store.store import Artifact
from tasks.images import read_table, shards, square_kind
from tasks.sheets import save_sheet
from tasks.stage import Build, stage
from tasks.tables import kept_of_groups, read_labels
from tasks.walls import save_walls

SHOWN = 96


@stage("curate")
def curate(build: Build, table: Artifact, embedded: Artifact, clusters: Artifact, duplicates: Artifact) -> None:
    """Write the training set: resized pixels, labels, provenance; and dataset.json as StyleGAN tools read it."""
    config: CurateConfig = build.config
    labels = read_labels(clusters)
    dropped = kept_of_groups(duplicates)
    ids = sorted(i for i in labels if dropped.get(i, i) == i)
    if not ids:
        raise UserError("no image is left for training: look at the report's funnel for where they went.")
    classes = np.array([labels[i] for i in ids], np.int64)
    pixels = write_pixels(build, table, ids)
    np.save(build.folder / "labels.npy", classes)
    rows = {row.id: row for row in read_table(table)}
    write_provenance(build, ids, classes, rows)
    (build.folder / "dataset.json").write_text(dataset_json(ids, classes.tolist()))
    if config.export == "zip":
        write_zip(build.folder / "dataset.zip", pixels, ids, classes.tolist())

    build.members(ids)
    build.metrics |= {"images": len(ids), "resolution": config.resolution, "classes": int(classes.max()) + 1}
    build.page(curate_page(build, pixels, classes, rows, ids))


def write_pixels(build: Build, table: Artifact, ids: Sequence[str]) -> NDArray[np.uint8]:
    """Write every picture at the training resolution, RGB or RGBA `[N, 3 or 4, S, S]`, a shard at a time."""
    kind = square_kind(build.config)
    pixels = np.lib.format.open_memmap(build.folder / "pixels.npy", "w+", np.uint8, (len(ids), *kind.shape))
    place = {i: n for n, i in enumerate(ids)}
    done = 0
    for shard in shards(table, build.space.store, ids):
        pixels[[place[i] for i in shard.ids]] = read_squares(shard.with_squares(kind), kind, shard.ids)
        done += len(shard.ids)
        build.progress(done, len(ids), "images")
    pixels.flush()
    return pixels


def write_provenance(build: Build, ids: Sequence[str], classes: NDArray[np.int64], rows: dict[str, Picture]) -> None:
    """Where each training image came from, and under which licence."""
    provenance = {
        "id": list(ids),
        "label": classes,
        "source": [rows[i].origins[0].source for i in ids],
        "name": [rows[i].origins[0].name for i in ids],
        "licence": [rows[i].licence for i in ids],
        "width": [rows[i].width for i in ids],
        "height": [rows[i].height for i in ids],
    }
    pq.write_table(pa.table(provenance), build.folder / "provenance.parquet", compression="zstd")


def curate_page(
    build: Build, pixels: NDArray[np.uint8], classes: NDArray[np.int64], rows: dict[str, Picture], ids: Sequence[str]
) -> Page:
    """A look at the training set, its classes and its licences."""
    shown = [np.ascontiguousarray(pixels[i].transpose(1, 2, 0)) for i in range(0, len(ids), max(1, len(ids) // SHOWN))]
    sheet = save_sheet(
        build, "training-set.png", "The training set", shown[:SHOWN], caption="As the generator sees it.", tile=72
    )
    side = pixels.shape[2]
    counts = np.bincount(classes)
    by_class = Table("Classes", ("cluster", "logos"), tuple((i, int(count)) for i, count in enumerate(counts)))
    licences: dict[str, int] = {}
    for i in ids:
        licences[rows[i].licence or "not stated"] = licences.get(rows[i].licence or "not stated", 0) + 1
    by_licence = Table("Licences", ("licence", "logos"), tuple(sorted(licences.items())))
    summary = f"{len(ids)} logos of {side} x {side} px in {len(counts)} classes."
    parts = tuple(whole_class(build, pixels, classes, number) for number in np.unique(classes).tolist())
    return Page(summary, (sheet,), tables=(by_class, by_licence), clusters=parts)


def whole_class(build: Build, pixels: NDArray[np.uint8], classes: NDArray[np.int64], number: int) -> ClusterPart:
    """All logos of a class."""
    members = np.flatnonzero(classes == number)
    sheets = save_walls(
        build, f"cluster-{number:02}", f"All {len(members)} logos of the training set", pixels, members,
        "Without copies; as the generator sees them.",
    )  # fmt: skip
    return ClusterPart(number, (("in the training set", len(members)),), sheets=sheets)
