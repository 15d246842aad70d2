"""Looking after a store: re-hashing what it holds, and removing what no run needs."""

import os
import shutil
import uuid
from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from logoflow.store.files import sha256_file
from logoflow.store.lock import is_held
from logoflow.store.manifest import Manifest, content_digest
from logoflow.store.store import MANIFEST, Artifact, Store, read_artifact

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
        artifact = read_artifact(folder)
        if artifact is None:
            yield Damage(folder / MANIFEST, "missing or unreadable")
            continue
        yield from verify_artifact(store, artifact)


def verify_artifact(store: Store, artifact: Artifact) -> Iterator[Damage]:
    """Hash the files of one artifact again."""
    manifest = artifact.manifest
    for name, record in manifest.files.items():
        path = artifact.path / name
        if not path.is_file():
            yield Damage(path, "missing")
        elif path.stat().st_size != record.size or sha256_file(path) != record.sha256:
            yield Damage(path, "its bytes have changed")
    if not agrees_with_itself(manifest):
        yield Damage(artifact.path / MANIFEST, "it does not agree with itself")
    elif artifact.path != store.folder(manifest.stage, manifest.fingerprint):
        yield Damage(artifact.path / MANIFEST, "it belongs in another folder")
    for unit in manifest.units:
        if not (store.root / unit / MANIFEST).is_file():
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
    for kind in sorted(path for path in store.root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        yield from sorted(path for path in kind.iterdir() if path.is_dir())


def unneeded(store: Store, needed: Set[tuple[str, str]], spans: Sequence[Span] = ()) -> list[Path]:
    """Folders that can go: artifacts and units that nothing needed refers to, drafts and work of dead builders.

    Args:
        store: whose folders.
        needed: (stage, fingerprint) of the artifacts to keep; what they refer to and their work is kept with them.
        spans: times in which a run that is not finished worked; its units, to which nothing refers yet, are kept too.
    """
    keep = {store.folder(*key) for key in needed}
    keep |= {
        store.root / unit for path in list(keep) if (found := read_artifact(path)) for unit in found.manifest.units
    }
    gone = [path for path in artifact_folders(store) if path not in keep and not was_made_in(path, spans)]
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


def was_made_in(folder: Path, spans: Sequence[Span]) -> bool:
    """Whether an artifact was begun within one of these times."""
    artifact = read_artifact(folder) if spans else None
    return artifact is not None and any(begin <= artifact.manifest.started <= end for begin, end in spans)


def remove(store: Store, folder: Path) -> None:
    """Remove a folder so that no reader sees a part of it: out of sight in one rename, then from the disk."""
    trash = store.root / ".tmp" / f"trash-{uuid.uuid4().hex}"
    trash.parent.mkdir(exist_ok=True)
    folder.rename(trash)
    shutil.rmtree(trash)


def size_of(folder: Path) -> int:
    """Bytes of the files below a folder, where others may come and go meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118  (a hundred thousand of them)
    return total
