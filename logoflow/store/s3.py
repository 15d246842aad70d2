"""A store in a bucket, for many machines: the same folder of artifacts, of which this machine has a mirror.

Below the prefix lie `<kind>/<fingerprint>/<sha256>` for every file and, written last, `manifest.json`. No key is ever
written with other bytes, so that two builders who do not know of each other cannot spoil each other's files; the first
manifest counts. Files come to the mirror when they are asked for, and are memory-mapped there.
"""

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from logoflow.errors import UserError
from logoflow.store.bucket import Bucket
from logoflow.store.files import sha256_file, write_atomic
from logoflow.store.lease import is_leased, leased
from logoflow.store.manifest import FORMAT, FileRecord, Manifest
from logoflow.store.store import MANIFEST, MARKER, Artifact, Store, has_size

PARALLEL = 8


@dataclass(frozen=True)
class Fetch:
    """Brings the files of one artifact from the bucket to the mirror; picklable, since workers bring their own."""

    bucket: Bucket
    prefix: str

    def __call__(self, path: Path, record: FileRecord) -> None:
        """Fetch a file unless it is there.

        Raises:
            UserError: it is gone from the bucket, or its bytes there have changed.
        """
        if has_size(path, record.size):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            self.bucket.download(f"{self.prefix}{record.sha256}", record.size, partial)
            if sha256_file(partial) != record.sha256:
                raise UserError(f"{path.name} of {self.bucket.url}/{self.prefix} is damaged: see `logoflow verify`.")
            partial.replace(path)
        except FileNotFoundError as error:
            raise UserError(f"{path.name} is gone from {self.bucket.url}/{self.prefix}: run again.") from error
        finally:
            partial.unlink(missing_ok=True)


class S3Store(Store):
    """A prefix of a bucket full of artifacts; `root` is this machine's mirror of it."""

    def __init__(self, url: str) -> None:
        self.bucket = Bucket.at(url)
        super().__init__(mirror_of(self.bucket))
        os.utime(self.root)  # mirrors that nobody uses go like other copies in the cache
        found = self.bucket.read(MARKER)
        if found is None and self.bucket.listed("") and (found := self.bucket.read(MARKER)) is None:  # else: made now
            raise UserError(f"{self.place} has other things in it: choose an empty or new prefix for the store.")
        if found is None and self.bucket.write_new(MARKER, f"{FORMAT}\n".encode()) is None:
            found = self.bucket.read(MARKER)
        if found is not None and (told := found.data.decode().strip()) != str(FORMAT):
            raise UserError(
                f"{self.place} has store format {told}, this version reads {FORMAT}: choose another prefix."
            )

    @property
    def place(self) -> str:
        """How people name it."""
        return self.bucket.url

    # ---------------------------------------------------------------------------------------------------- reading

    def read(self, kind: str, fingerprint: str) -> Artifact | None:
        """The artifact, if its manifest is there and readable."""
        found = self.bucket.read(f"{kind}/{fingerprint}/{MANIFEST}")
        return None if found is None else self._mirrored(kind, fingerprint, found.data)

    def is_whole(self, artifact: Artifact) -> bool:
        """Whether its own files are there, as far as names and sizes tell."""
        return holds(self.bucket.listed(prefix_of(artifact)), artifact)

    def find_all(self, kind: str, fingerprints: Sequence[str]) -> list[Artifact | None]:
        """`find` for many of a kind: one listing, and of the manifests those that the mirror has not."""
        if not fingerprints:
            return []
        alone = f"{kind}/{fingerprints[0]}/" if len(fingerprints) == 1 else f"{kind}/"
        there = self.bucket.listed(alone)

        def look(fingerprint: str) -> Artifact | None:
            key = f"{kind}/{fingerprint}/{MANIFEST}"
            if key not in there:
                return None
            copy = self.folder(kind, fingerprint) / MANIFEST
            if has_size(copy, there[key]):
                artifact = self._mirrored(kind, fingerprint, copy.read_bytes())
            else:
                artifact = self.read(kind, fingerprint)
            return artifact if artifact is not None and holds(there, artifact) and self.has_units(artifact) else None

        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(look, fingerprints))

    def kinds(self) -> list[str]:
        """Of what there are artifacts, sorted."""
        return sorted({key.split("/")[0] for key in self.bucket.listed("") if not key.startswith(".")})

    def fingerprints(self, kind: str) -> list[str]:
        """What lies there of a kind, sorted; also what should be an artifact and is none."""
        return sorted({key.split("/")[1] for key in self.bucket.listed(f"{kind}/")})

    def size(self, folder: Path | None = None) -> int:
        """Bytes of all objects, or of those of one artifact; of a draft or work folder, of this machine's files."""
        if folder is not None and folder.parent.name.startswith("."):
            return super().size(folder)
        return sum(self.bucket.listed("" if folder is None else keys_below(folder)).values())

    def problem_of(self, artifact: Artifact, name: str) -> str | None:
        """What is wrong with a file of an artifact in the bucket, by its bytes."""
        record, copy = artifact.manifest.files[name], self.root / ".tmp" / f"verify-{uuid.uuid4().hex}"
        copy.parent.mkdir(exist_ok=True)
        try:
            self.bucket.download(prefix_of(artifact) + record.sha256, record.size, copy)
            return None if sha256_file(copy) == record.sha256 else "its bytes have changed"
        except FileNotFoundError:
            return "missing"
        finally:
            copy.unlink(missing_ok=True)

    # ---------------------------------------------------------------------------------------------------- writing

    @contextmanager
    def building(self, kind: str, fingerprint: str) -> Iterator[Path]:
        """Hold the fingerprint on this machine and among all machines, and lend a draft folder."""
        with super().building(kind, fingerprint) as draft, leased(self.bucket, lock_key(kind, fingerprint)):
            yield draft

    def commit(self, draft: Path, manifest: Manifest) -> Artifact:
        """Upload a draft, its manifest last and only if nobody else's is there; else theirs is the artifact."""
        manifest = manifest.sealed()
        kind, fingerprint = manifest.stage, manifest.fingerprint
        prefix, written = f"{kind}/{fingerprint}/", manifest.model_dump_json(indent=1).encode()
        there = self.bucket.listed(prefix)
        sources = {record.sha256: draft / name for name, record in manifest.files.items()}
        with ThreadPoolExecutor(PARALLEL) as pool:
            uploads = [(path, prefix + sha256) for sha256, path in sources.items()]
            list(pool.map(lambda upload: self.bucket.upload(*upload), uploads))
        if prefix + MANIFEST in there:  # damaged: find() said that it is not whole
            self.bucket.delete([prefix + MANIFEST])
        if self.bucket.write_new(prefix + MANIFEST, written) is None:
            theirs = self.read(kind, fingerprint)
            if theirs is not None and theirs.manifest != manifest:
                return theirs
        mirrored = super().commit(draft, manifest)
        return Artifact(mirrored.path, manifest, Fetch(self.bucket, prefix))

    def remove(self, folder: Path) -> None:
        """Remove an artifact that nobody builds, its manifest first; or a draft or work folder of this machine."""
        if not folder.parent.name.startswith("."):
            prefix = keys_below(folder)
            if is_leased(self.bucket, lock_key(folder.parent.name, folder.name)):
                return
            self.bucket.delete([prefix + MANIFEST])
            self.bucket.delete(self.bucket.listed(prefix))
        if folder.exists():
            super().remove(folder)

    def _mirrored(self, kind: str, fingerprint: str, data: bytes) -> Artifact | None:
        try:
            manifest = Manifest.model_validate_json(data)
        except ValidationError:
            return None
        copy = self.folder(kind, fingerprint) / MANIFEST
        if not has_size(copy, len(data)):
            write_atomic(copy, data)
        return Artifact(copy.parent, manifest, Fetch(self.bucket, f"{kind}/{fingerprint}/"))


def keys_below(folder: Path) -> str:
    """What the keys of an artifact begin with whose mirror is this folder."""
    return f"{folder.parent.name}/{folder.name}/"


def lock_key(kind: str, fingerprint: str) -> str:
    """The object that the builder of an artifact has a lease on."""
    return f".locks/{kind}-{fingerprint}"


def prefix_of(artifact: Artifact) -> str:
    """What the keys of an artifact begin with."""
    return f"{artifact.stage}/{artifact.manifest.fingerprint}/"


def holds(there: dict[str, int], artifact: Artifact) -> bool:
    """Whether a listing has every file of an artifact, at its size."""
    prefix = prefix_of(artifact)
    return all(there.get(prefix + record.sha256) == record.size for record in artifact.manifest.files.values())


def mirror_of(bucket: Bucket) -> Path:
    """Where this machine keeps what it has of a bucket; another endpoint is another bucket."""
    from data.sources.cache import cache_root
    from data.sources.objects import endpoint

    named = hashlib.sha256(f"{endpoint()} {bucket.url}".encode()).hexdigest()[:32]
    return cache_root() / f"store-{named}"
