"""`logoflow detect-text`: text detection on any images, without a pipeline."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.output import JsonOption, console, print_rows
from logoflow.errors import UserError
from logoflow.machine import has_bfloat16

if TYPE_CHECKING:
    from craft.cascade import Cascade
    from craft.decision import Calibration
    from data.sources import RawImage

BLOCK = 64
COLUMNS = ("name", "score", "probability", "has_text", "characters")


def detect_text(
    paths: Annotated[list[str], typer.Argument(help="Images, or anything that ingest reads: folders, archives, ...")],
    out: Annotated[Path | None, typer.Option(help="Parquet file for the result, in place of a table here.")] = None,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Probability from which on there is text.")] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Say of images whether they contain text: two or more characters side by side.

    A Parquet's images are its column image (bytes, or a struct with bytes) or png; its column name is passed through.
    """
    from craft.cascade import Cascade
    from craft.decision import load_calibration
    from craft.detection import Detector

    detector = Cascade(Detector(dtype="bfloat16" if has_bfloat16() else "float32"))
    calibration = load_calibration()
    rows = [row for block in blocks(paths) for row in judge(block, detector, calibration, threshold)]
    if out is not None:
        write(rows, out)
        console.print(f"{len(rows)} images, {sum(row['has_text'] is True for row in rows)} with text: {out}")
    else:
        print_rows(COLUMNS, rows, as_json)


def blocks(paths: Sequence[str]) -> Iterator[Sequence["RawImage"]]:
    """Everything that the paths offer, some images at a time."""
    from data.sources import Entry, RawImage, SourceError, open_source
    from data.sources.names import has_image_suffix

    try:
        for path in paths:
            if Path(path).is_file() and has_image_suffix(path):
                yield [RawImage(Entry(path, 0, ""), data=Path(path).read_bytes())]
            else:
                source = open_source(path, path)
                images = source.read(source.entries())
                while block := list(islice(images, BLOCK)):
                    yield block
    except SourceError as error:
        raise UserError(str(error)) from error


def judge(
    images: Sequence["RawImage"], detector: "Cascade", calibration: "Calibration", threshold: float
) -> Iterator[dict[str, Any]]:
    """A row for each image; one that cannot be read is told on stderr, and its row is empty but for the name."""
    from data.images import Limits, Rejected, decode, flatten

    pictures, readable = [], []
    for raw in images:
        try:
            if raw.problem is not None:
                raise raw.problem
            pixels = raw.pixels if raw.data is None else decode(raw.data, Limits(min_side=1)).pixels
        except Rejected as problem:
            typer.echo(f"{raw.entry.name}: {problem}", err=True)
            continue
        assert pixels is not None
        pictures.append(flatten(pixels))
        readable.append(raw.entry)
    found = dict(zip(readable, detector.detect(pictures), strict=True))
    for raw in images:
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        if (detection := found.get(raw.entry)) is not None:
            probability = calibration.probability(detection.score)
            row |= {"score": round(detection.score, 4), "probability": round(probability, 4)}
            row |= {"has_text": probability >= threshold, "characters": detection.characters}
        yield {**row, "name": raw.entry.name}


def write(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows as a Parquet table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = (pa.string(), pa.float64(), pa.float64(), pa.bool_(), pa.int64())
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(list(zip(COLUMNS, kinds, strict=True)))), path)
