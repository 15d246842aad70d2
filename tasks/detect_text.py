"""detect_text: how likely every picture contains text, and the decision to keep it or not."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from craft.cascade import Cascade
from craft.decision import BOUNDS, Calibration, load_bounds, load_calibration
from craft.detection import Detector, Dtype
from craft.screen import WEIGHTS
from data.pixels import rgb
from data.table import Picture, read_shard
from logoflow.config.sections import DetectTextConfig
from logoflow.store.store import Artifact
from tasks.device import NETWORK, device_named
from tasks.images import read_table, shards
from tasks.stage import Build, stage
from tasks.text_page import Decision, borderline, is_overruled, text_page
from tasks.text_review import read_review, write_review
from tasks.units import Unit, UnitKind, map_units

SCORES = "scores.parquet"
_BOX = pa.struct(
    [("kind", pa.string()), *((name, pa.float64()) for name in ("left", "top", "right", "bottom", "score"))]
)
_SCORES = pa.schema(
    [
        ("id", pa.string()),
        ("by", pa.string()),
        ("score", pa.float64()),
        ("characters", pa.int64()),
        ("region", pa.float64()),
        ("affinity", pa.float64()),
        ("area", pa.float64()),
        ("screen", pa.float64()),
        ("glance", pa.float64()),
        ("boxes", pa.list_(_BOX)),
    ]
)
_DECISIONS = pa.schema([*_SCORES, ("probability", pa.float64()), ("has_text", pa.bool_()), ("decided_by", pa.string())])
AUDITED = 1 / 32  # share of pictures that CRAFT sees although they are clear without it


@dataclass(frozen=True)
class ScoreWork:
    """A shard, and how it is looked at."""

    shard: Path
    canvas: int
    dtype: Dtype
    weights: Path | None
    screened: bool
    batch: int | None
    device: str


def score_shard(work: ScoreWork, folder: Path) -> None:
    """Score every picture of a shard: the unit of work of detect_text."""
    rows = read_shard(work.shard)
    pictures = [rgb(row) for row in rows]
    with NETWORK:
        if work.screened:
            audit = [index for index, row in enumerate(rows) if is_audited(row)]
            found = cascade(work.canvas, work.dtype, work.batch, work.device).detect(pictures, audit)
        else:
            found = detector(work.canvas, work.dtype, work.weights, work.batch, work.device).detect(pictures)
    scores = [{"id": row.id, **asdict(detection)} for row, detection in zip(rows, found, strict=True)]
    pq.write_table(pa.Table.from_pylist(scores, schema=_SCORES), folder / SCORES, compression="zstd")


def is_audited(row: Picture) -> bool:
    """Whether a picture is of the sample on which the cascade is compared with CRAFT: ids are as good as random."""
    return int(row.id[:8], 16) < AUDITED * 16**8


@functools.lru_cache(maxsize=1)
def detector(canvas: int, dtype: Dtype, weights: Path | None, batch: int | None, device: str) -> Detector:
    """CRAFT, loaded once per process."""
    return Detector(canvas, dtype=dtype, device=device, weights=weights, batch=batch)


@functools.lru_cache(maxsize=1)
def cascade(canvas: int, dtype: Dtype, batch: int | None, device: str) -> Cascade:
    """The faster looks before CRAFT, loaded once per process."""
    return Cascade(detector(canvas, dtype, None, batch, device))


SCORE = UnitKind(
    name="detect_text.scores",
    work=score_shard,
    data=(SCORES,),
    libraries=("torch", "pillow", "scipy"),
)


@stage("detect_text")
def detect_text(build: Build, table: Artifact) -> None:
    """Score every picture, by the cascade; one whose probability of text reaches the threshold has text."""
    config: DetectTextConfig = build.config
    calibration = load_calibration(config.letters)
    device = device_named(build.run.config.device)
    names = {row.id: row.origins[0].name for row in read_table(table)}
    ids = sorted(names)
    units = [
        Unit(
            inputs={"shard": shard.content},
            payload=ScoreWork(
                shard.path, config.canvas, config.dtype, config.weights, config.screened, config.batch, device
            ),
            images=len(shard.ids),
        )
        for shard in shards(table, build.space.store, ids)
    ]
    shaping = {
        "canvas": config.canvas,
        "dtype": config.dtype,
        "weights": "packaged" if config.weights is None else build.space.memo.sha256(config.weights),
        "screen": [build.space.memo.sha256(path) for path in (WEIGHTS, BOUNDS)] if config.screened else [],
    }
    scored = map_units(build, SCORE, shaping, units)

    scores = {row["id"]: row for artifact in scored for row in pq.read_table(artifact.file(SCORES)).to_pylist()}
    reviewed = {} if config.review is None else read_review(config.review)
    decisions = [decide(scores[i], reviewed.get(i), config, calibration) for i in ids]
    table_of_decisions = pa.Table.from_pylist(decisions, schema=_DECISIONS)
    pq.write_table(table_of_decisions, build.folder / "decisions.parquet", compression="zstd")
    write_review(build.folder / "review.csv", borderline(decisions, config), names)

    kept = [row["id"] for row in decisions if not row["has_text"]]
    build.members(kept)
    build.metrics = {
        "images": len(ids),
        "with_text": len(ids) - len(kept),
        "kept": len(kept),
        **metrics(decisions, config, calibration),
        **build.metrics,
    }
    build.page(text_page(build, table, decisions, calibration))


def decide(
    scores: dict[str, Any], verdict: bool | None, config: DetectTextConfig, calibration: Calibration
) -> Decision:
    """Whether a picture has text: as people decided, else by its probability."""
    score = scores["score"] if config.letters == "symbols" else scores["region"]
    probability = calibration.probability(score)
    return {
        **scores,
        "probability": probability,
        "has_text": probability >= config.threshold if verdict is None else verdict,
        "decided_by": scores["by"] if verdict is None else "review",
    }


def metrics(decisions: Sequence[Decision], config: DetectTextConfig, calibration: Calibration) -> dict[str, Any]:
    """How often CRAFT was spared, how often it disagrees in the audit, and what is expected of the threshold."""
    expected = calibration.expect(config.threshold)
    found = {
        "expected_precision": expected.precision,
        "expected_recall": expected.recall,
        "borderline": len(borderline(decisions, config)),
        "overruled": sum(is_overruled(row, config) for row in decisions),
    }
    if config.screened:
        bounds = load_bounds()
        seen = [row for row in decisions if row["by"] == "craft"]
        before = [(row, bounds.verdict(row["screen"], row["glance"])) for row in seen]
        audited = [
            verdict == (row["probability"] >= config.threshold) for row, verdict in before if verdict is not None
        ]
        found |= {"spared": len(decisions) - len(seen), "audited": len(audited), "audited_wrong": audited.count(False)}
    return found
