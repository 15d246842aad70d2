"""detect_text: CRAFT's score for every picture, and the decision to keep it or not."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from craft.boxes import Box
from craft.detection import Detection, Detector, Dtype
from craft.drawing import draw_boxes
from data.pixels import rgb
from data.table import read_shard
from logoflow.config.sections import DetectTextConfig
from logoflow.report.page import Page, Picture, Table
from logoflow.store.store import Artifact
from tasks.device import NETWORK, device_named
from tasks.images import load_pictures, read_table, shard_of_each, shards
from tasks.sheets import save_sheet
from tasks.stage import Build, stage
from tasks.units import Unit, UnitKind, map_units

SCORES = "scores.parquet"
_BOX = pa.struct(
    [("kind", pa.string()), *((name, pa.float64()) for name in ("left", "top", "right", "bottom", "score"))]
)
_SCORES = pa.schema(
    [
        ("id", pa.string()),
        ("score", pa.float64()),
        ("region", pa.float64()),
        ("affinity", pa.float64()),
        ("characters", pa.int64()),
        ("area", pa.float64()),
        ("boxes", pa.list_(_BOX)),
    ]
)
_DECISIONS = pa.schema([*_SCORES, ("has_text", pa.bool_())])
SHOWN = 48

Decision = dict[str, Any]
"""A row of decisions.parquet."""


@dataclass(frozen=True)
class ScoreWork:
    """A shard, and how CRAFT looks at it."""

    shard: Path
    canvas: int
    dtype: Dtype
    weights: Path | None
    batch: int
    device: str


def score_shard(work: ScoreWork, folder: Path) -> None:
    """Score every picture of a shard: the unit of work of detect_text."""
    rows = read_shard(work.shard)
    pictures = [np.asarray(rgb(row)) for row in rows]
    with NETWORK:
        found = detector(work.canvas, work.dtype, work.weights, work.batch, work.device).detect(pictures)
    scores = [{"id": row.id, **asdict(detection)} for row, detection in zip(rows, found, strict=True)]
    pq.write_table(pa.Table.from_pylist(scores, schema=_SCORES), folder / SCORES, compression="zstd")


@functools.lru_cache(maxsize=1)
def detector(canvas: int, dtype: Dtype, weights: Path | None, batch: int, device: str) -> Detector:
    """The detector, loaded once per process."""
    return Detector(canvas, dtype=dtype, device=device, weights=weights, batch=batch)


SCORE = UnitKind(
    name="detect_text.scores",
    work=score_shard,
    data=(SCORES,),
    libraries=("torch", "pillow", "scipy"),
)


@stage("detect_text")
def detect_text(build: Build, table: Artifact) -> None:
    """Score every picture with CRAFT; one whose score reaches the threshold has text."""
    config: DetectTextConfig = build.config
    device = device_named(build.run.config.device)
    ids = [row.id for row in read_table(table)]
    parts = shards(table, build.space.store, ids)
    units = [
        Unit(
            inputs={"shard": shard.content},
            payload=ScoreWork(shard.path, config.canvas, config.dtype, config.weights, config.batch, device),
            images=len(shard.ids),
        )
        for shard in parts
    ]
    shaping = {"canvas": config.canvas, "dtype": config.dtype, "weights": weights_digest(build)}
    scored = map_units(build, SCORE, shaping, units)

    scores = {row["id"]: row for artifact in scored for row in pq.read_table(artifact.file(SCORES)).to_pylist()}
    decisions = [{**scores[i], "has_text": scores[i]["score"] >= config.threshold} for i in ids]
    table_of_decisions = pa.Table.from_pylist(decisions, schema=_DECISIONS)
    pq.write_table(table_of_decisions, build.folder / "decisions.parquet", compression="zstd")
    kept = [row["id"] for row in decisions if not row["has_text"]]
    build.members(kept)
    build.metrics = {"images": len(ids), "with_text": len(ids) - len(kept), "kept": len(kept), **build.metrics}
    build.page(text_page(build, table, decisions))


def weights_digest(build: Build) -> str:
    """Sha256 of outside weights; the packaged ones are pinned by the code that loads them."""
    return "packaged" if build.config.weights is None else build.space.memo.sha256(build.config.weights)


def text_page(build: Build, table: Artifact, decisions: Sequence[Decision]) -> Page:
    """Kept, dropped and borderline logos, with CRAFT's boxes."""
    config: DetectTextConfig = build.config
    with_text = [row for row in decisions if row["has_text"]]
    without = [row for row in decisions if not row["has_text"]]
    near = sorted(decisions, key=lambda row: abs(row["score"] - config.threshold))
    near = [row for row in near if abs(row["score"] - config.threshold) <= config.borderline]
    sheets = [
        (
            "dropped.png",
            "Dropped: with text",
            with_text[:SHOWN],
            "Red: words; blue: characters. The number is the score.",
        ),
        (
            "borderline.png",
            "Borderline, nearest to the threshold first",
            near[:SHOWN],
            f"The threshold is {config.threshold}.",
        ),
        ("kept.png", "Kept: without text", without[:SHOWN], "What goes on to the encoder."),
    ]
    where = shard_of_each(table)
    pictures = tuple(
        boxed_sheet(build, file, title, rows, [(row["id"], where[row["id"]]) for row in rows], caption)
        for file, title, rows, caption in sheets
        if rows
    )
    summary = f"{len(with_text)} of {len(decisions)} pictures have text and are dropped; {len(without)} go on."
    bands = Table(
        "Scores",
        ("score from", "to", "pictures"),
        tuple(
            (low / 10, (low + 1) / 10, sum(low / 10 <= row["score"] < (low + 1) / 10 for row in decisions))
            for low in range(11)
        ),
    )
    return Page(summary, pictures, tables=(bands,))


def boxed_sheet(
    build: Build, file: str, title: str, rows: Sequence[Decision], places: Sequence[tuple[str, str]], caption: str
) -> Picture:
    """Logos with their boxes and scores."""
    images = load_pictures(build.space.store, places)
    drawn = [np.asarray(draw_boxes(image, detection_of(row))) for image, row in zip(images, rows, strict=True)]
    captions = [f"{row['score']:.2f}" for row in rows]
    return save_sheet(build, file, title, drawn, captions, caption, columns=8, tile=112)


def detection_of(row: Decision) -> Detection:
    """A stored row as the detector gave it."""
    fields = {name: row[name] for name in Detection.__dataclass_fields__}
    return Detection(**{**fields, "boxes": tuple(Box(**box) for box in row["boxes"])})
