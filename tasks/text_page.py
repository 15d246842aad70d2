"""The page of detect_text: kept, dropped, borderline and overruled logos with their boxes, and what to expect."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from craft.boxes import Box
from craft.decision import Calibration
from craft.drawing import draw_boxes
from logoflow.config.sections import DetectTextConfig
from logoflow.report.page import Page, Picture, Table
from logoflow.store.store import Artifact
from tasks.images import load_pictures, shard_of_each
from tasks.sheets import save_sheet
from tasks.stage import Build

SHOWN = 48
SHORT = 8  # characters of an id, enough to find it in review.csv

Decision = dict[str, Any]
"""A row of decisions.parquet."""


def text_page(build: Build, table: Artifact, decisions: Sequence[Decision], calibration: Calibration) -> Page:
    """What was decided, by whom, how surely, and what another threshold would do."""
    where = shard_of_each(table)
    pictures = tuple(
        boxed_sheet(build, file, title, rows[:SHOWN], [(row["id"], where[row["id"]]) for row in rows[:SHOWN]], caption)
        for file, title, rows, caption in sheets(build.config, decisions)
        if rows
    )
    dropped = sum(row["has_text"] for row in decisions)
    summary = f"{dropped} of {len(decisions)} pictures have text and are dropped; {len(decisions) - dropped} go on."
    tables = (deciders(decisions, build.metrics), thresholds(build.config, decisions, calibration))
    return Page(summary, pictures, tables=tables)


def sheets(config: DetectTextConfig, decisions: Sequence[Decision]) -> list[tuple[str, str, list[Decision], str]]:
    """File, title, rows and caption of each sheet; its first rows are shown."""
    dropped = sorted((row for row in decisions if row["has_text"]), key=lambda row: not row["boxes"])
    kept = [row for row in decisions if not row["has_text"]]
    overruled = [row for row in decisions if is_overruled(row, config)]
    return [
        (
            "borderline.png",
            "Borderline, nearest to the threshold first",
            borderline(decisions, config),
            "The number is the probability of text, with the beginning of the id beside it; from "
            f"{config.threshold} on a logo is dropped. To overrule some, fill in review.csv of this artifact and name "
            "it in detect_text.review.",
        ),
        ("overruled.png", "Overruled by people", overruled, "What the network said of logos that people decided."),
        ("dropped.png", "Dropped: with text", dropped, "Red: words; blue: characters; none: by the screen alone."),
        ("kept.png", "Kept: without text", kept, "What goes on to the encoder."),
    ]  # fmt: skip


def is_overruled(row: Decision, config: DetectTextConfig) -> bool:
    """Whether people decided otherwise than the network."""
    return bool(row["decided_by"] == "review" and row["has_text"] != (row["probability"] >= config.threshold))


def borderline(decisions: Sequence[Decision], config: DetectTextConfig) -> list[Decision]:
    """Pictures that the network is not sure of and people have not decided, nearest to the threshold first."""
    near = sorted(decisions, key=lambda row: abs(row["probability"] - config.threshold))
    return [
        row
        for row in near
        if abs(row["probability"] - config.threshold) <= config.borderline and row["decided_by"] != "review"
    ]


def deciders(decisions: Sequence[Decision], metrics: dict[str, Any]) -> Table:
    """How many pictures screen, CRAFT and people decided, and how the audit of the screen went."""
    audit = (
        f" Of {metrics['audited']} clear cases that CRAFT saw too, it decided {metrics['audited_wrong']} otherwise."
        if metrics.get("audited")
        else ""
    )
    if metrics.get("audit_failed"):
        audit += (
            " That is more than is proven: these logos are not like those that it was proven on; set cascade to false."
        )
    counts = Counter((row["decided_by"], row["has_text"]) for row in decisions)
    return Table(
        "Who decided",
        ("by", "dropped", "kept"),
        tuple(
            (name, counts[name, True], counts[name, False])
            for name in ("screen", "craft", "review")
            if counts[name, True] + counts[name, False]
        ),
        caption=f"The screen, a small network, decides the clear cases; CRAFT sees the rest.{audit}",
    )


def thresholds(config: DetectTextConfig, decisions: Sequence[Decision], calibration: Calibration) -> Table:
    """What other thresholds would drop here, and how right they are on labelled logos."""
    probabilities = np.array([row["probability"] for row in decisions])
    steps = sorted({0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, config.threshold})
    expected = [calibration.expect(step) for step in steps]
    return Table(
        "Thresholds",
        ("threshold", "would be dropped", "expected precision", "expected recall"),
        tuple(
            (step, int((probabilities >= step).sum()), e.precision, e.recall)
            for step, e in zip(steps, expected, strict=True)
        ),
        caption=f"Expected: cross-validated on {calibration.logos} labelled logos, {calibration.with_text} with text. "
        f"The threshold is {config.threshold}.",
    )


def boxed_sheet(
    build: Build, file: str, title: str, rows: Sequence[Decision], places: Sequence[tuple[str, str]], caption: str
) -> Picture:
    """Logos with their boxes and probabilities."""
    images = load_pictures(build.space.store, places)
    drawn = [np.asarray(draw_boxes(image, boxes_of(row))) for image, row in zip(images, rows, strict=True)]
    captions = [f"{row['probability']:.2f}  {row['id'][:SHORT]}" for row in rows]
    return save_sheet(build, file, title, drawn, captions, caption, columns=8, tile=112)


def boxes_of(row: Decision) -> list[Box]:
    """The boxes of a stored row."""
    return [Box(**box) for box in row["boxes"]]
