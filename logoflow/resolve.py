"""Whether a stage has to run: the one decision that plan, status and the stage tasks share."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pydantic import BaseModel

from logoflow.config.base import Retrain, Trained
from logoflow.errors import UserError
from logoflow.fingerprint import differences, recipe_of, stage_parts
from logoflow.stages import MEMBERS, Stage
from logoflow.store.bucket import SCHEME, Bucket
from logoflow.store.bucket_ledger import BucketLedger
from logoflow.store.ledger import Ledger
from logoflow.store.manifest import Parts
from logoflow.store.memo import Memo
from logoflow.store.store import MARKER, Artifact, Store, holds_other_things

ID_BYTES = 32
LEDGER, MEMO = ".ledger.sqlite", ".memo.sqlite"

Place: TypeAlias = Path | str
"""Where a store lies: a folder, or s3://bucket/prefix."""


@dataclass(frozen=True)
class Workspace:
    """The store, its ledger and its memory of digests: what a run works in."""

    store: Store
    ledger: Ledger
    memo: Memo

    @classmethod
    def find(cls, place: Place) -> "Workspace | None":
        """Open the store at a place; None where there is nothing yet, and nothing is made.

        Raises:
            UserError: the place holds other things.
        """
        if is_bucket(place):
            bucket = Bucket.at(str(place))
            return cls.open(place) if bucket.read(MARKER) or bucket.listed("") else None
        root = Path(place)
        return cls.open(root) if (root / MARKER).exists() or holds_other_things(root) else None

    @classmethod
    def open(cls, place: Place) -> "Workspace":
        """Open or make the store at a place. Here alone it is decided what kind of store an address means."""
        if is_bucket(place):
            from logoflow.store.s3 import S3Store

            remote = S3Store(str(place))
            return cls(remote, BucketLedger(remote.root / LEDGER, remote.bucket), Memo(remote.root / MEMO))
        store = Store(Path(place))
        return cls(store, Ledger(store.root / LEDGER), Memo(store.root / MEMO))


def is_bucket(place: Place) -> bool:
    """Whether a store lies in a bucket."""
    return str(place).startswith(SCHEME)


def absolute(place: Place) -> Place:
    """The same place from whatever folder."""
    return place if is_bucket(place) else Path(place).resolve()


@dataclass(frozen=True)
class Resolution:
    """The artifact that answers for a stage, or why one has to be made."""

    parts: Parts
    recipe: str
    artifact: Artifact | None
    reason: str


def resolve(
    stage: Stage,
    section: BaseModel,
    inputs: Mapping[str, Artifact],
    sources: Mapping[str, str],
    space: Workspace,
    pipeline: str,
) -> Resolution:
    """Look for the artifact of a stage whose inputs are known.

    Args:
        stage: its declaration.
        section: its part of the configuration.
        inputs: the artifact of each of its inputs.
        sources: content digest of each source; only ingest takes them.
        space: where to look.
        pipeline: whose earlier runs the reason compares with.
    """
    contents = {name: artifact.content for name, artifact in inputs.items()}
    parts = stage_parts(stage, section, {**sources, **contents}, space.memo)
    recipe = recipe_of(parts, {name: artifact.manifest.recipe for name, artifact in inputs.items()})
    policy = section.retrain if isinstance(section, Trained) else None
    if policy is not None and policy.when == "never":
        return Resolution(parts, recipe, pinned(stage.name, policy, space.store), f"pinned by {stage.name}.retrain")
    if found := space.store.find(stage.name, parts.fingerprint()):
        return Resolution(parts, recipe, found, "up to date")
    reason = why(stage.name, parts, space.ledger, pipeline)
    if policy is not None and policy.when == "growth":
        assert stage.trains_on is not None
        model, changed = closest_model(stage.name, policy, recipe, inputs[stage.trains_on], space.store)
        if model is not None:
            return Resolution(parts, recipe, model, f"kept: {changed}")
        reason = ", ".join(filter(None, (reason, changed)))
    return Resolution(parts, recipe, None, reason)


def why(stage: str, parts: Parts, ledger: Ledger, pipeline: str) -> str:
    """Why a stage's fingerprint has no artifact, compared with what the pipeline last used for that stage."""
    last = ledger.last_answer(pipeline, stage)
    if last is None:
        return "never ran"
    return ", ".join(differences(Parts.model_validate(last.data["parts"]), parts)) or "its artifact is gone"


def pinned(stage: str, policy: Retrain, store: Store) -> Artifact:
    """The model that the configuration pins.

    Raises:
        UserError: it is not in the store.
    """
    assert policy.pin is not None
    found = [a for a in whole_artifacts(stage, store) if a.manifest.fingerprint.startswith(policy.pin)]
    if not found:
        raise UserError(
            f"{stage}.retrain.pin is {policy.pin}, but the store holds no such artifact: choose one that "
            f"`logoflow show {stage}` lists."
        )
    return found[0]


def closest_model(
    stage: str, policy: Retrain, recipe: str, trained_on: Artifact, store: Store
) -> tuple[Artifact | None, str]:
    """The newest model that differs from a new one in few images only, and how many; without one, since the newest."""
    now = read_members(trained_on.file(MEMBERS))
    told = ""
    for model in whole_artifacts(stage, store):
        if model.manifest.recipe != recipe:
            continue
        before = read_members(model.file(MEMBERS))
        share = len(now ^ before) / max(1, len(before))
        changed = f"{len(now ^ before)} of {len(before)} images changed ({share:.1%}, limit {policy.share:.1%})"
        if share <= policy.share:
            return model, changed
        told = told or changed
    return None, told


def whole_artifacts(stage: str, store: Store) -> Iterator[Artifact]:
    """The artifacts of a stage that are whole, newest first."""
    for artifact in reversed(list(store.artifacts(stage))):
        if store.find(stage, artifact.manifest.fingerprint):
            yield artifact


def read_members(path: Path) -> set[bytes]:
    """The image ids behind an artifact."""
    data = path.read_bytes()
    return {data[i : i + ID_BYTES] for i in range(0, len(data), ID_BYTES)}


def write_members(path: Path, ids: list[str]) -> None:
    """Write image ids (hex) for `read_members`."""
    path.write_bytes(b"".join(sorted(bytes.fromhex(i) for i in ids)))
