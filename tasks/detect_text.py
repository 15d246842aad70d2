"""detect_text: how likely every picture contains text, and the decision to keep it or not."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from craft.bounds import CONFIDENCE, lower_limit
from craft.cascade import Cascade, detect_views
from craft.decision import BOUNDS, Calibration, load_bounds, load_calibration
from craft.detection import Detection, Detector, Dtype
from craft.screen import WEIGHTS
from data.images import ADMITTED, decode, views
from data.table import Picture, read_shard
from logoflow.config.sections import DetectTextConfig
from logoflow.errors import UserError
from logoflow.store.store import Artifact
from tasks.device import NETWORK, device_named
from tasks.images import Shard, read_table, shards
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
        ("boxes", pa.list_(_BOX)),
    ]
)
_DECISIONS = pa.schema([*_SCORES, ("probability", pa.float64()), ("has_text", pa.bool_()), ("decided_by", pa.string())])
BLOCK = 32  # pictures that are held decoded
AUDITED = 1 / 32  # share of pictures that CRAFT sees although they are clear without it


@dataclass(frozen=True)
class Options:
    """How CRAFT looks: what `craft.detection.Detector` is made with."""

    canvas: int
    dtype: Dtype
    weights: Path | None
    batch: int | None
    compiled: bool
    device: str


@dataclass(frozen=True)
class ScoreWork:
    """A shard, and how it is looked at: by CRAFT, and before it, if screened, by the small network."""

    shard: Shard
    options: Options
    screened: bool


def score_shard(work: ScoreWork, folder: Path) -> None:
    """Score every picture of a shard: the unit of work of detect_text."""
    rows = read_shard(work.shard.path)
    found: list[Detection] = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        pictures = [views(decode(row.data, ADMITTED).pixels) for row in block]
        audit = [index for index, row in enumerate(block) if is_audited(row)]
        with NETWORK:
            if work.screened:
                found += detect_views(cascade(work.options), pictures, audit)
            else:
                found += detect_views(detector(work.options), pictures)
    scores = [{"id": row.id, **asdict(detection)} for row, detection in zip(rows, found, strict=True)]
    pq.write_table(pa.Table.from_pylist(scores, schema=_SCORES), folder / SCORES, compression="zstd")


def is_audited(row: Picture) -> bool:
    """Whether a picture is of the sample on which the cascade is compared with CRAFT: ids are as good as random."""
    return int(row.id[:8], 16) < AUDITED * 16**8


@functools.lru_cache(maxsize=1)
def detector(options: Options) -> Detector:
    """CRAFT, loaded once per process."""
    return Detector(**asdict(options) | {"device": device_named(options.device)})


@functools.lru_cache(maxsize=1)
def cascade(options: Options) -> Cascade:
    """The screen before CRAFT, loaded once per process."""
    return Cascade(detector(options))


SCORE = UnitKind(
    name="detect_text.scores",
    work=score_shard,
    data=(SCORES,),
    libraries=("torch", "pillow", "scipy"),
    network=True,
)


@stage("detect_text")
def detect_text(build: Build, table: Artifact) -> None:
    """Score every picture, by the cascade; one whose probability of text reaches the threshold has text."""
    config: DetectTextConfig = build.config
    calibration = load_calibration(config.letters)
    options = Options(
        canvas=config.canvas,
        dtype=config.dtype,
        weights=config.weights,
        batch=config.batch,
        compiled=config.compiled,
        device=build.run.config.device,
    )
    names = {row.id: row.origins[0].name for row in read_table(table)}
    ids = sorted(names)
    units = [
        Unit({"shard": shard.content}, ScoreWork(shard, options, config.screened), len(shard.ids))
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
    reviewed = {} if config.review is None else known_only(read_review(config.review), ids, config.review)
    decisions = [decide(scores[i], reviewed.get(i), config, calibration) for i in ids]
    table_of_decisions = pa.Table.from_pylist(decisions, schema=_DECISIONS)
    pq.write_table(table_of_decisions, build.folder / "decisions.parquet", compression="zstd")
    write_review(build.folder / "review.csv", for_review(decisions, config), names)

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


def known_only(reviewed: dict[str, bool], ids: Sequence[str], path: Path) -> dict[str, bool]:
    """Human decisions on pictures of this table; others may be of pictures that have gone.

    Raises:
        UserError: none is of this table.
    """
    here = set(ids)
    known = {i: verdict for i, verdict in reviewed.items() if i in here}
    if reviewed and not known:
        raise UserError(
            f"detect_text.review: {path} decides on {len(reviewed)} pictures, none of which is in this run: "
            "take the review.csv of one of its own artifacts."
        )
    return known


def for_review(decisions: Sequence[Decision], config: DetectTextConfig) -> list[Decision]:
    """What people have decided, so that the next file holds it too, and then what is to be decided."""
    return [row for row in decisions if row["decided_by"] == "review"] + borderline(decisions, config)


def decide(
    scores: dict[str, Any], verdict: bool | None, config: DetectTextConfig, calibration: Calibration
) -> Decision:
    """Whether a picture has text: as people decided, else by its probability."""
    score = scores["score"] if config.letters == "symbols" else scores["region"]
    probability = load_bounds().tempered(calibration.probability(score), scores["by"])
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
        "reviewed": sum(row["decided_by"] == "review" for row in decisions),
    }
    if config.screened:
        bounds = load_bounds()
        seen = [row for row in decisions if row["by"] == "craft"]
        before = [(row, bounds.verdict(row["screen"])) for row in seen]
        audited = [
            verdict == (row["probability"] >= config.threshold) for row, verdict in before if verdict is not None
        ]
        wrong, spared = audited.count(False), len(decisions) - len(seen)
        clear = (spared + len(audited)) / max(1, len(decisions))
        found |= {"spared": spared, "audited": len(audited), "audited_wrong": wrong}
        # Failed where even the lower confidence limit, as a share of all pictures, is above what was proven.
        found["audit_failed"] = lower_limit(wrong, len(audited), CONFIDENCE) * clear > bounds.error
    return found
