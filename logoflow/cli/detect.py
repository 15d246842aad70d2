"""`logoflow detect-text`: text detection on any images, without a pipeline."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from logoflow.cli.output import JsonOption, check_out, console, print_rows
from logoflow.cli.pictures import Offered, Unreadable, read_pictures
from logoflow.errors import UserError

if TYPE_CHECKING:
    from craft.cascade import Cascade
    from craft.decision import Calibration
    from craft.detection import Detector

BLOCK = 16  # images that are held decoded
COLUMNS = ("name", "score", "probability", "has_text", "characters")


def detect_text(
    paths: Annotated[list[str], typer.Argument(help="Images, or anything that ingest reads: folders, archives, ...")],
    out: Annotated[Path | None, typer.Option(help="Parquet file for the result, in place of a table here.")] = None,
    threshold: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Probability from which on there is text; CRAFT sees all images if it is far "
            "from 0.5, where the small network before it is not proven.",
        ),
    ] = 0.5,
    as_json: JsonOption = False,
) -> None:
    """Say of images whether they contain text: two or more characters side by side.

    A Parquet's images are its column image (bytes, or a struct with bytes) or png; its column name is passed through.
    """
    from craft.cascade import Cascade
    from craft.decision import load_calibration, proven_thresholds
    from craft.detection import Detector, supports_bfloat16
    from tasks.device import device_named

    check_out(out)
    device = device_named("auto")
    craft = Detector(dtype="bfloat16" if supports_bfloat16(device) else "float32", device=device)
    lowest, highest = proven_thresholds()
    detector = Cascade(craft) if lowest <= threshold <= highest else craft
    calibration = load_calibration()
    images = read_pictures(paths)
    rows: list[dict[str, Any]] = []
    while block := list(islice(images, BLOCK)):
        rows += judge(block, detector, calibration, threshold)
    if all(row["has_text"] is None for row in rows):
        raise UserError(f"{', '.join(paths)}: no image that can be read.")
    if out is not None:
        write(rows, out)
        console.print(f"{len(rows)} images, {sum(row['has_text'] is True for row in rows)} with text: {out}")
    else:
        print_rows(COLUMNS, rows, as_json)


def judge(
    images: Sequence[Offered | Unreadable], detector: "Cascade | Detector", calibration: "Calibration", threshold: float
) -> Iterator[dict[str, Any]]:
    """A row for each image; that of one that cannot be read is empty but for the name."""
    from craft.cascade import detect_views
    from craft.decision import load_bounds

    bounds = load_bounds()
    readable = [image for image in images if isinstance(image, Offered)]
    found = iter(detect_views(detector, [image.views for image in readable]))
    for image in images:
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        if isinstance(image, Offered):
            detection = next(found)
            probability = bounds.tempered(calibration.probability(detection.score), detection.by)
            row |= {"score": round(detection.score, 4), "probability": round(probability, 4)}
            row |= {"has_text": probability >= threshold, "characters": detection.characters}
        yield {**row, "name": image.name}


def write(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write rows as a Parquet table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = (pa.string(), pa.float64(), pa.float64(), pa.bool_(), pa.int64())
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.schema(list(zip(COLUMNS, kinds, strict=True)))), path)
