"""Other generators that were trained on the same logos and measured alike, to compare a run with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from logoflow.fingerprint import changed_values, fingerprinted
from logoflow.store.store import Artifact
from tasks.stage import Build

METRICS = "metrics.json"


@dataclass(frozen=True)
class Rival:
    """Another generator.

    Attributes:
        fingerprint: of its training's artifact, the first eight digits.
        differences: how its training was set otherwise, in words.
        scores: what evaluate found.
    """

    fingerprint: str
    differences: str
    scores: dict[str, Any]


def rivals(build: Build, training_set: Artifact, trained: Artifact, spaces: Sequence[str]) -> list[Rival]:
    """The generators in the store that were evaluated alike, in the same spaces, on the same training set."""
    found = {}
    for evaluated in build.space.store.artifacts("evaluate"):
        manifest = evaluated.manifest
        other = build.space.store.find("train_gan", manifest.inputs["train_gan"].fingerprint)
        scores = json.loads(evaluated.file(METRICS).read_text())
        alike = manifest.parts.config == fingerprinted(build.config) and scores["spaces"] == spaces
        if other is None or other.content == trained.content:
            continue
        if manifest.inputs["curate"].content != training_set.content or not alike:
            continue
        mine, theirs = trained.manifest.parts.config, other.manifest.parts.config
        changes = [line.replace(": ", " ", 1).replace(" -> ", ", not ") for line in changed_values(theirs, mine)]
        words = "; ".join(changes) or "another code or start"
        found[other.content] = Rival(other.manifest.fingerprint[:8], words, scores)
    return list(found.values())
