"""`logoflow dedup`: copies among any images, found as the stage deduplicate finds them."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.neighbours import EncoderOption, PathsArgument, choose, embedded, loaded
from logoflow.cli.output import JsonOption, StoreOption, check_out, console, print_rows
from logoflow.config.sections import DeduplicateConfig

if TYPE_CHECKING:
    from data.images import Pixels
    from moco.encoder import Encoder
    from neighbours.calibration import Calibration
    from neighbours.described import Described
    from neighbours.duplicates import Copies
    from neighbours.originals import Original

DEFAULTS = DeduplicateConfig()
FEWEST = 50  # images, with fewer too few mistakes can be seen for thresholds to be chosen by them
SEED = 0


class Mirrored(StrEnum):
    """What a mirror image is."""

    LOGO = "logo"
    COPY = "copy"


@dataclass(frozen=True)
class Gathered:
    """The images among which copies are looked for.

    Attributes:
        names: of the images.
        logos: the images.
        originals: what decides which of a group is kept.
        mirrored: their mirror images, where these count as copies.
        sample: some of them, by row, at their own size.
    """

    names: list[str]
    logos: "Described"
    originals: "list[Original]"
    mirrored: "Described | None"
    sample: "dict[int, Pixels]"


def dedup(
    paths: PathsArgument,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the result, in place of a table here.")] = None,
    encoder: EncoderOption = None,
    similarity: Annotated[
        float | None,
        typer.Option(min=-1, max=1, help="Least cosine similarity of a candidate pair; left out: calibrated."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=1, help="Nearest neighbours of each image that are looked at.")] = (
        DEFAULTS.neighbours
    ),
    mirrored: Annotated[
        Mirrored, typer.Option(help="Whether a mirrored logo is a logo of its own, or a copy.")
    ] = Mirrored.LOGO,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find copies of one logo among images, and say of each group which one to keep and why.

    What is named first has priority where copies are equally good. Thresholds are chosen by copies made of the images,
    where there are at least 50. The table shows the copies; with --out or --json there is a row for every image.
    """
    from neighbours.duplicates import Terms, find_copies

    check_out(out)
    network = loaded(choose(encoder, store))
    images = gather(paths, network, mirrored is Mirrored.COPY)
    calibration = None
    terms = Terms(neighbours) if similarity is None else Terms(neighbours, similarity)
    if len(images.names) >= FEWEST:
        calibration = calibrated(images, network, neighbours, similarity)
        terms = Terms(neighbours, calibration.similarity, calibration.tolerance)
    found = find_copies(images.logos, images.originals, terms, images.mirrored)
    rows = verdicts(images.names, found)
    if out is not None:
        write(out, rows)
    if as_json:
        print_rows((), rows, as_json)
        return
    copies = [row for row in rows if not row["keep"]]
    if out is None:
        print_rows(("name", "copy_of", "reason"), copies, as_json)
    console.print(f"{len(copies)} of {len(rows)} images are copies of others, in {len(found.groups)} groups.")
    console.print(expectation(calibration))


def gather(paths: Iterable[str], network: "Encoder", mirrored: bool) -> Gathered:
    """Read the images once, some at a time; their thumbnails go to a file without a name."""
    import numpy as np

    from data.pixels import fit_squares
    from moco.encoder import embed
    from neighbours.described import Described
    from neighbours.originals import Original
    from tasks.describe import THUMBNAIL
    from tasks.device import device_named

    names: list[str] = []
    originals: list[Original] = []
    vectors, turned, sizes, sample = [], [], [], {}
    draw = np.random.default_rng(SEED)
    with tempfile.TemporaryFile() as file:
        for block, squares, found in embedded(list(paths), network):
            vectors.append(found)
            if mirrored:
                turned.append(embed(network, squares[..., ::-1], device=device_named("auto")))
            file.write(fit_squares([image.pixels for image in block], THUMBNAIL).tobytes())
            for row, image in enumerate(block, start=len(names)):
                place = row if row < DEFAULTS.samples else int(draw.integers(row + 1))  # reservoir (Vitter 1985)
                if place < DEFAULTS.samples:
                    sample[place] = (row, image.pixels)
            names += [image.name for image in block]
            originals += [Original.of(image.pixels, image.data, image.rank) for image in block]
            sizes += [(image.width, image.height) for image in block]
        shape = (len(names), 3, THUMBNAIL, THUMBNAIL)
        thumbnails = np.memmap(file, np.uint8, "r", shape=shape)
    logos = Described(np.concatenate(vectors), thumbnails, np.array(sizes, np.int64))
    other = Described(np.concatenate(turned), thumbnails[..., ::-1], logos.sizes) if mirrored else None
    return Gathered(names, logos, originals, other, dict(sample.values()))


def calibrated(images: Gathered, network: "Encoder", neighbours: int, similarity: float | None) -> "Calibration":
    """The thresholds that find copies made of some of the images."""
    from neighbours.calibration import calibrate, make_trials
    from tasks.describe import describe
    from tasks.device import device_named

    trials = make_trials(list(images.sample.values()), list(images.sample), SEED)
    described = describe([trial.pixels for trial in trials], network, device_named("auto"))
    return calibrate(images.logos, trials, described, neighbours, DEFAULTS.precision, similarity)


def expectation(calibration: "Calibration | None") -> str:
    """How right that is, in a sentence."""
    if calibration is None:
        return (
            f"With fewer than {FEWEST} images the usual thresholds were taken: nothing tells how right they are here."
        )
    expected = calibration.expected
    return (
        f"Of copies made of {calibration.held_out} of the images, {expected.recall:.1%} are found, and "
        f"{expected.precision:.1%} of what is found is right; where one image in 20 has a copy, "
        f"{expected.precision_among(1 / 20):.1%}."
    )


def verdicts(names: list[str], found: "Copies") -> list[dict[str, Any]]:
    """A row for every image: whether to keep it, or what it is a copy of and why that one is kept."""
    rows: list[dict[str, Any]] = [{"name": name, "keep": True, "copy_of": None, "reason": None} for name in names]
    for one in found.groups:
        for dropped in one.dropped:
            rows[dropped] = {"name": names[dropped], "keep": False, "copy_of": names[one.kept], "reason": one.reason}
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows as a Parquet table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"name": pa.string(), "keep": pa.bool_(), "copy_of": pa.string(), "reason": pa.string()})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
