"""Looking after a store: re-hashing what it holds, and removing what no run needs."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from logoflow.store.lock import is_held
from logoflow.store.manifest import Manifest, content_digest
from logoflow.store.store import MANIFEST, Artifact, Store, key_of

DAMAGED = ".damaged"
"""Where damaged artifacts are set aside, until they are built again or needed no more."""

Span: TypeAlias = tuple[datetime, datetime]
"""Begin and end."""


@dataclass(frozen=True)
class Damage:
    """Something in the store that is not as its manifest says."""

    path: Path
    problem: str


def verify(store: Store) -> Iterator[Damage]:
    """Hash every file of every artifact again, and yield what does not agree."""
    for folder in artifact_folders(store):
        artifact = store.read(*folder.parts[-2:])
        if artifact is None:
            yield Damage(folder / MANIFEST, "missing or unreadable")
            continue
        yield from verify_artifact(store, artifact)


def verify_artifact(store: Store, artifact: Artifact) -> Iterator[Damage]:
    """Hash the files of one artifact again."""
    manifest = artifact.manifest
    for name in manifest.files:
        if (problem := store.problem_of(artifact, name)) is not None:
            yield Damage(artifact.path / name, problem)
    if not agrees_with_itself(manifest):
        yield Damage(artifact.path / MANIFEST, "it does not agree with itself")
    elif artifact.path != store.folder(manifest.stage, manifest.fingerprint):
        yield Damage(artifact.path / MANIFEST, "it belongs in another folder")
    for unit in manifest.units:
        if store.read(*key_of(unit)) is None:
            yield Damage(store.root / unit, f"{artifact.short} needs this unit")


def agrees_with_itself(manifest: Manifest) -> bool:
    """Whether a manifest's digests are those of what it says."""
    return (
        manifest.content == content_digest(manifest.files)
        and manifest.fingerprint == manifest.parts.fingerprint()
        and manifest.seal in ("", manifest.digest())
    )


def artifact_folders(store: Store) -> Iterator[Path]:
    """Every folder that is or should be an artifact."""
    for kind in store.kinds():
        yield from (store.folder(kind, fingerprint) for fingerprint in store.fingerprints(kind))


def unneeded(store: Store, needed: Set[tuple[str, str]], spans: Sequence[Span] = ()) -> list[Path]:
    """Folders that can go: artifacts and units that nothing needed refers to, drafts and work of dead builders.

    Args:
        store: whose folders.
        needed: (stage, fingerprint) of the artifacts to keep; what they refer to and their work is kept with them.
        spans: times in which a run that is not finished worked; its units, to which nothing refers yet, are kept too.
    """
    keep = {store.folder(*key) for key in needed}
    keep |= {store.root / unit for key in needed if (found := store.read(*key)) for unit in found.manifest.units}
    gone = [path for path in artifact_folders(store) if path not in keep and not was_made_in(store, path, spans)]
    return gone + orphans(store, needed)


def orphans(store: Store, needed: Set[tuple[str, str]]) -> list[Path]:
    """Drafts and work of dead builders, and what was set aside as damaged, where nothing needed is made of it."""
    names = {"-".join(key) for key in needed}
    return [path for path in unheld(store) if path.name not in names or is_settled(path, store)]


def is_settled(folder: Path, store: Store) -> bool:
    """Whether this is a draft, or a damaged artifact in whose place there is a whole one."""
    kind, _, fingerprint = folder.name.rpartition("-")
    place = folder.parent.name
    return place == ".tmp" or (place == DAMAGED and store.find(kind, fingerprint) is not None)


def unheld(store: Store) -> list[Path]:
    """Drafts, work folders and damaged artifacts whose fingerprint no process builds."""
    folders = [path for place in (".tmp", ".work", DAMAGED) for path in sorted((store.root / place).glob("*"))]
    return [path for path in folders if not is_held(store.root / ".locks" / path.name)]


def was_made_in(store: Store, folder: Path, spans: Sequence[Span]) -> bool:
    """Whether an artifact was begun within one of these times."""
    artifact = store.read(*folder.parts[-2:]) if spans else None
    return artifact is not None and any(begin <= artifact.manifest.started <= end for begin, end in spans)
