"""What an artifact says of itself: its files, what it was made from, where, and how long that took."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from logoflow.canonical import digest_of

FORMAT: Literal[2] = 2
"""Version of the store's layout and manifests; a store of another version is refused."""


class Record(BaseModel):
    """A frozen model that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(Record):
    """One file of an artifact."""

    size: int
    sha256: str
    data: bool
    """Whether the file counts in the content digest; pictures, logs and timings do not."""


class InputRecord(Record):
    """The artifact that stood behind one input."""

    stage: str
    fingerprint: str
    content: str


class Parts(Record):
    """Everything that a fingerprint is made of (DESIGN: same parts, same bytes)."""

    stage: str
    code: str
    config: dict[str, Any]
    files: dict[str, str] = {}
    """Sha256 of each file that the configuration names."""
    libraries: dict[str, str] = {}
    inputs: dict[str, str] = {}
    """Content digest of each input."""

    def fingerprint(self) -> str:
        """Sha256 of the parts and the store's format."""
        return digest_of({"format": FORMAT, **self.model_dump()})


class Manifest(Record):
    """`manifest.json` of an artifact; written last, so that an artifact with a manifest is whole."""

    format: Literal[2] = FORMAT
    stage: str
    fingerprint: str
    content: str
    recipe: str
    """Digest of the parts of this stage and all before it without the sources: equal recipes differ in images only."""
    parts: Parts
    inputs: dict[str, InputRecord]
    units: tuple[str, ...]
    """The unit artifacts that this one refers to, as `kind/fingerprint`."""
    files: dict[str, FileRecord]
    metrics: dict[str, Any]
    versions: dict[str, str]
    host: dict[str, str]
    started: datetime
    duration_s: float
    seal: str = ""
    """Digest of all the rest, so that `verify` sees a changed figure, too; empty in artifacts of older versions."""

    def digest(self) -> str:
        """Digest of everything but the seal."""
        return digest_of(self.model_dump(mode="json", exclude={"seal"}))

    def sealed(self) -> "Manifest":
        """The same with its seal."""
        return self.model_copy(update={"seal": self.digest()})


def content_digest(files: dict[str, FileRecord]) -> str:
    """Digest of what the data files hold; equal for equal bytes, whatever pictures or logs lie beside them."""
    return digest_of({name: record.sha256 for name, record in files.items() if record.data})
