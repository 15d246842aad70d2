"""What training says about itself: a line of curve.jsonl at every tick."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stylegan2.files import write_atomically


@dataclass(frozen=True)
class Tick:
    """A progress report; also one line of curve.jsonl.

    Attributes:
        step: steps done.
        kimg: thousand real images that the discriminator has seen.
        total_kimg: how many it will have seen in the end.
        p: strength of the augmentation.
        values: means since the last report: losses, logits, r_t, gradient norms, path length.
        images_per_s: since the last report.
        wall_s: seconds since this process began to train.
    """

    step: int
    kimg: float
    total_kimg: float
    p: float
    values: dict[str, float]
    images_per_s: float
    wall_s: float


def append(curve: Path, tick: Tick) -> None:
    """Add a line, and force it to disk."""
    record: dict[str, Any] = asdict(tick)
    record |= record.pop("values")
    del record["total_kimg"]  # the same in every line, and another when a training is made longer
    with curve.open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def forget_after(curve: Path, step: int) -> None:
    """Drop the lines of later steps, which a training that goes on from this one will write again."""
    if not curve.exists():
        return
    lines = [line for line in curve.read_text().splitlines(keepends=True) if line.endswith("\n")]
    kept = "".join(line for line in lines if json.loads(line)["step"] <= step)
    write_atomically(curve, lambda aside: aside.write_text(kept))
