"""The store's folder: immutable artifacts under `<root>/<kind>/<fingerprint>/`, committed whole or not at all.

A kind is a stage ("cluster") or a unit of one ("detect_text.scores"). Everything that is not an artifact starts with a
dot: `.tmp` for drafts, `.work` for what a training keeps between kills, `.locks` for who builds what.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from logoflow.errors import UserError
from logoflow.store.files import fsync_path, sha256_file, sha256_once, size_of, write_atomic
from logoflow.store.lock import exclusive
from logoflow.store.manifest import FORMAT, FileRecord, Manifest

MANIFEST = "manifest.json"
MARKER = ".format"


@dataclass(frozen=True)
class Artifact:
    """A whole artifact: its folder and what its manifest says."""

    path: Path
    manifest: Manifest
    fetch: Callable[[Path, FileRecord], None] | None = None
    """Brings a file to its path, where the store lies elsewhere and the folder is a mirror of it."""

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
        if self.fetch is not None:
            self.fetch(path, self.manifest.files[name])
        if not path.is_file() or sha256_once(path) != self.manifest.files[name].sha256:
            raise UserError(
                f"{path} is damaged: `logoflow repair` says what was lost, and builds it again when told to."
            )
        return path

    def lazy(self, name: str) -> "ArtifactFile":
        """One of its files, for work on another machine."""
        return ArtifactFile(self, name)

    def attachments(self) -> Path:
        """Its folder, with every file in it that is no data: page, pictures, logs."""
        for name, record in self.manifest.files.items():
            if self.fetch is not None and not record.data:
                self.file(name)
        return self.path


@dataclass(frozen=True)
class ArtifactFile(os.PathLike[str]):
    """A file of an artifact that has its path, and is fetched, where it is opened."""

    artifact: Artifact
    name: str

    def __fspath__(self) -> str:
        """Its path on the machine that asks."""
        return os.fspath(self.artifact.file(self.name))


class Store:
    """A folder of artifacts that many processes may read and write at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        marker = self.root / MARKER
        if not marker.exists() and holds_other_things(self.root) and not marker.exists():  # else: made meanwhile
            raise UserError(f"{root} has other things in it: choose an empty or new folder for the store.")
        if not marker.exists():
            write_atomic(marker, f"{FORMAT}\n".encode())
        if (found := marker.read_text().strip()) != str(FORMAT):
            raise UserError(f"{root} has store format {found}, this version reads {FORMAT}: choose another folder.")

    @property
    def place(self) -> str:
        """How people name it."""
        return str(self.root)

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

    def read(self, kind: str, fingerprint: str) -> Artifact | None:
        """The artifact, if its manifest is there and readable."""
        return read_artifact(self.folder(kind, fingerprint))

    def is_whole(self, artifact: Artifact) -> bool:
        """Whether its own files are there, as far as names and sizes tell."""
        return all(has_size(artifact.path / name, record.size) for name, record in artifact.manifest.files.items())

    def find(self, kind: str, fingerprint: str) -> Artifact | None:
        """The artifact, if it and its units are there and whole as far as names and sizes tell (`verify` re-hashes)."""
        return self.find_all(kind, [fingerprint])[0]

    def find_all(self, kind: str, fingerprints: Sequence[str]) -> list[Artifact | None]:
        """`find` for many of a kind."""
        return [
            artifact if artifact is not None and self.is_whole(artifact) and self.has_units(artifact) else None
            for artifact in (self.read(kind, fingerprint) for fingerprint in fingerprints)
        ]

    def has_units(self, artifact: Artifact) -> bool:
        """Whether the units that it refers to are there and whole."""
        by_kind: dict[str, list[str]] = {}
        for reference in artifact.manifest.units:
            kind, fingerprint = key_of(reference)
            by_kind.setdefault(kind, []).append(fingerprint)
        return all(None not in self.find_all(kind, units) for kind, units in by_kind.items())

    def unit(self, reference: str) -> Artifact:
        """The unit artifact that a manifest names as `kind/fingerprint`."""
        artifact = self.read(*key_of(reference))
        assert artifact is not None, f"unit {reference} is gone"
        return artifact

    def kinds(self) -> list[str]:
        """Of what there are artifacts, sorted."""
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("."))

    def fingerprints(self, kind: str) -> list[str]:
        """What lies there of a kind, sorted; also what should be an artifact and is none."""
        folder = self.root / kind
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []

    def artifacts(self, kind: str | None = None) -> Iterator[Artifact]:
        """Every artifact (of a kind), oldest first within a kind."""
        for each in [kind] if kind else self.kinds():
            found = [self.read(each, fingerprint) for fingerprint in self.fingerprints(each)]
            yield from sorted((a for a in found if a), key=lambda a: a.manifest.started)

    def size(self, folder: Path | None = None) -> int:
        """Bytes of all files, or of those of one folder."""
        return size_of(folder or self.root)

    def problem_of(self, artifact: Artifact, name: str) -> str | None:
        """What is wrong with a file of an artifact, by its bytes; None when it is as it was written."""
        path, record = artifact.path / name, artifact.manifest.files[name]
        if not path.is_file():
            return "missing"
        same = path.stat().st_size == record.size and sha256_file(path) == record.sha256
        return None if same else "its bytes have changed"

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

    def remove(self, folder: Path) -> None:
        """Remove a folder so that no reader sees a part of it: out of sight in one rename, then from the disk."""
        trash = self.root / ".tmp" / f"trash-{uuid.uuid4().hex}"
        trash.parent.mkdir(exist_ok=True)
        folder.rename(trash)
        shutil.rmtree(trash)


def key_of(reference: str) -> tuple[str, str]:
    """Kind and fingerprint of what a manifest names as `kind/fingerprint`; a damaged name is that of nothing."""
    kind, _, fingerprint = reference.partition("/")
    return kind, fingerprint


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
