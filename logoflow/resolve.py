"""Whether a stage has to run: the one decision that plan, status and the stage tasks share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from logoflow.config.base import Retrain
from logoflow.errors import UserError
from logoflow.fingerprint import differences, recipe_of, stage_parts
from logoflow.stages import MEMBERS, Stage
from logoflow.store.ledger import Ledger
from logoflow.store.manifest import Parts
from logoflow.store.memo import Memo
from logoflow.store.store import Artifact, Store

ID_BYTES = 32


@dataclass(frozen=True)
class Workspace:
    """The store, its ledger and its memory of digests: what a run works in."""

    store: Store
    ledger: Ledger
    memo: Memo

    @classmethod
    def open(cls, root: Path) -> "Workspace":
        """Open or make the store in a folder."""
        store = Store(root)
        return cls(store, Ledger(store.root / ".ledger.sqlite"), Memo(store.root / ".memo.sqlite"))


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
    if found := space.store.find(stage.name, parts.fingerprint()):
        return Resolution(parts, recipe, found, "up to date")
    if stage.trains_on is not None:
        policy = getattr(section, "retrain")  # noqa: B009  (every section with trains_on has it; Stage cannot say so)
        kept = keep_model(stage, policy, recipe, inputs[stage.trains_on], space.store)
        if kept is not None:
            return Resolution(parts, recipe, *kept)
    return Resolution(parts, recipe, None, why(stage.name, parts, space.ledger, pipeline))


def why(stage: str, parts: Parts, ledger: Ledger, pipeline: str) -> str:
    """Why a stage's fingerprint has no artifact, compared with what the pipeline last used for that stage."""
    last = ledger.last_answer(pipeline, stage)
    if last is None:
        return "never ran"
    return ", ".join(differences(Parts.model_validate(last.data["parts"]), parts)) or "its artifact is gone"


def keep_model(
    stage: Stage, policy: Retrain, recipe: str, trained_on: Artifact, store: Store
) -> tuple[Artifact, str] | None:
    """The model that the retrain policy keeps although its images changed, and the reason.

    Raises:
        UserError: the pinned artifact is not in the store.
    """
    if policy.when == "never":
        pinned = [
            a for a in store.artifacts(stage.name) if policy.pin and a.manifest.fingerprint.startswith(policy.pin)
        ]
        if not pinned:
            raise UserError(
                f"{stage.name}.retrain.pin is {policy.pin}, but the store holds no such artifact: choose one that "
                f"`logoflow show {stage.name}` lists."
            )
        return pinned[-1], f"pinned by {stage.name}.retrain"
    if policy.when == "growth":
        now = read_members(trained_on.file(MEMBERS))
        for model in reversed(list(store.artifacts(stage.name))):
            if model.manifest.recipe != recipe:
                continue
            before = read_members(model.file(MEMBERS))
            share = len(now ^ before) / max(1, len(before))
            if share <= policy.share:
                changed = f"{len(now ^ before)} of {len(before)} images changed"
                return model, f"kept: {changed} ({share:.1%}, limit {policy.share:.0%})"
    return None


def read_members(path: Path) -> set[bytes]:
    """The image ids behind an artifact."""
    data = path.read_bytes()
    return {data[i : i + ID_BYTES] for i in range(0, len(data), ID_BYTES)}


def write_members(path: Path, ids: list[str]) -> None:
    """Write image ids (hex) for `read_members`."""
    path.write_bytes(b"".join(sorted(bytes.fromhex(i) for i in ids)))
