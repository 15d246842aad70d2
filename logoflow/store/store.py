"""The store's folder: immutable artifacts under `<root>/<kind>/<fingerprint>/`, committed whole or not at all.

A kind is a stage ("cluster") or a unit of one ("detect_text.scores"). Everything that is not an artifact starts with a
dot: `.tmp` for drafts, `.work` for what a training keeps between kills, `.locks` for who builds what.
"""

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from logoflow.errors import UserError
from logoflow.store.files import fsync_path, sha256_file, sha256_once, write_atomic
from logoflow.store.lock import exclusive
from logoflow.store.manifest import FORMAT, FileRecord, Manifest

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Artifact:
    """A whole artifact: its folder and what its manifest says."""

    path: Path
    manifest: Manifest

    @property
    def stage(self) -> str:
        """Name of the stage or unit that made it."""
        return self.manifest.stage

    @property
    def content(self) -> str:
        """Digest of its data files."""
        return self.manifest.content

    @property
    def short(self) -> str:
        """How people name it: `cluster@3f9c2a1b`."""
        return f"{self.stage}@{self.manifest.fingerprint[:8]}"

    def file(self, name: str) -> Path:
        """Path of one of its files, which holds the bytes that were written: a process hashes it once.

        Raises:
            UserError: it holds others, or is gone.
        """
        assert name in self.manifest.files, f"{self.short} holds no {name}"
        path = self.path / name
        if not path.is_file() or sha256_once(path) != self.manifest.files[name].sha256:
            raise UserError(
                f"{path} is damaged: `logoflow repair` says what was lost, and builds it again when told to."
            )
        return path


class Store:
    """A folder of artifacts that many processes may read and write at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        marker = self.root / ".format"
        if not marker.exists() and holds_other_things(self.root) and not marker.exists():  # else: made meanwhile
            raise UserError(f"{root} has other things in it: choose an empty or new folder for the store.")
        if not marker.exists():
            write_atomic(marker, f"{FORMAT}\n".encode())
        if (found := marker.read_text().strip()) != str(FORMAT):
            raise UserError(f"{root} has store format {found}, this version reads {FORMAT}: choose another folder.")

    # ---------------------------------------------------------------------------------------------------- places

    def folder(self, kind: str, fingerprint: str) -> Path:
        """Where an artifact lies or would lie."""
        return self.root / kind / fingerprint

    def lock_path(self, kind: str, fingerprint: str) -> Path:
        """The file whose lock its builder holds."""
        return self.root / ".locks" / f"{kind}-{fingerprint}"

    def work_folder(self, kind: str, fingerprint: str) -> Path:
        """A folder that outlives a killed builder, for snapshots; removed when the artifact is committed."""
        folder = self.root / ".work" / f"{kind}-{fingerprint}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # ---------------------------------------------------------------------------------------------------- reading

    def find(self, kind: str, fingerprint: str) -> Artifact | None:
        """The artifact, if it and its units are there and whole as far as names and sizes tell (`verify` re-hashes)."""
        artifact = read_artifact(self.folder(kind, fingerprint))
        if artifact is None or not all(
            has_size(artifact.path / name, record.size) for name, record in artifact.manifest.files.items()
        ):
            return None
        if not all(self.find(*unit.split("/")) for unit in artifact.manifest.units):
            return None
        return artifact

    def unit(self, reference: str) -> Artifact:
        """The unit artifact that a manifest names as `kind/fingerprint`."""
        artifact = read_artifact(self.root / reference)
        assert artifact is not None, f"unit {reference} is gone"
        return artifact

    def artifacts(self, kind: str | None = None) -> Iterator[Artifact]:
        """Every artifact (of a kind), oldest first within a kind."""
        kinds = [self.root / kind] if kind else sorted(p for p in self.root.iterdir() if not p.name.startswith("."))
        for folder in kinds:
            found = [read_artifact(path) for path in folder.iterdir()] if folder.is_dir() else []
            yield from sorted((a for a in found if a), key=lambda a: a.manifest.started)

    # ---------------------------------------------------------------------------------------------------- writing

    @contextmanager
    def building(self, kind: str, fingerprint: str) -> Iterator[Path]:
        """Hold the fingerprint's lock and lend a draft folder; drafts left behind, by killed builders too, go away."""
        with exclusive(self.lock_path(kind, fingerprint)):
            draft = self.root / ".tmp" / f"{kind}-{fingerprint}" / uuid.uuid4().hex
            draft.mkdir(parents=True)
            try:
                yield draft
            finally:
                shutil.rmtree(draft.parent, ignore_errors=True)

    def commit(self, draft: Path, manifest: Manifest) -> Artifact:
        """Make a draft the artifact, in one rename, after its bytes are on the disk."""
        manifest = manifest.sealed()
        write_atomic(draft / MANIFEST, manifest.model_dump_json(indent=1).encode())
        target = self.folder(manifest.stage, manifest.fingerprint)
        target.parent.mkdir(exist_ok=True)
        if target.exists():  # damaged: find() said that it is not whole
            target.rename(draft.with_name(f"damaged-{uuid.uuid4().hex}"))
        draft.rename(target)
        fsync_path(target.parent)
        shutil.rmtree(self.root / ".work" / f"{manifest.stage}-{manifest.fingerprint}", ignore_errors=True)
        return Artifact(target, manifest)


def read_artifact(folder: Path) -> Artifact | None:
    """The artifact in a folder, or None where there is no readable manifest."""
    try:
        return Artifact(folder, Manifest.model_validate_json((folder / MANIFEST).read_bytes()))
    except (FileNotFoundError, NotADirectoryError, ValidationError, json.JSONDecodeError):
        return None


def holds_other_things(root: Path) -> bool:
    """Whether a path is taken by something that is no store, nor one that is just being made."""
    if not root.exists():
        return False
    return not root.is_dir() or any(not path.name.startswith("..format.") for path in root.iterdir())


def has_size(path: Path, size: int) -> bool:
    """Whether a regular file of this size is there."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False


def record_files(draft: Path, data: tuple[str, ...]) -> dict[str, FileRecord]:
    """Hash every file of a draft and force it to disk; `data` names those that count in the content digest."""
    files: dict[str, FileRecord] = {}
    for path in sorted(p for p in draft.rglob("*") if p.is_file()):
        fsync_path(path)
        name = path.relative_to(draft).as_posix()
        files[name] = FileRecord(size=path.stat().st_size, sha256=sha256_file(path), data=name in data)
    missing = set(data) - set(files)
    assert not missing, f"declared data files were not written: {sorted(missing)}"
    return files
