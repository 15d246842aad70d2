"""A prefix of an S3 bucket: objects that are written once, or only if nobody else wrote them meanwhile."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar

from logoflow.errors import UserError

T = TypeVar("T")

DELETED_AT_ONCE = 1000
SCHEME = "s3://"


@dataclass(frozen=True)
class Found:
    """An object as it was read: its bytes, its ETag, and its age by the store's clock."""

    data: bytes
    etag: str
    age_s: float


@dataclass(frozen=True)
class Bucket:
    """Where a store lies; keys are relative to the prefix. Small and picklable, since workers use it too.

    Every method raises a UserError where the bucket cannot be reached, read or written.
    """

    name: str
    prefix: str

    @classmethod
    def at(cls, url: str) -> "Bucket":
        """The bucket and prefix of s3://bucket/prefix."""
        from data.sources.objects import split_url

        with told():
            name, prefix = split_url(url.rstrip("/"))
        return cls(name, f"{prefix}/" if prefix else "")

    @property
    def url(self) -> str:
        """How people name it."""
        return f"{SCHEME}{self.name}/{self.prefix}".rstrip("/")

    def read(self, key: str) -> Found | None:
        """An object; None where there is none."""

        async def fetch() -> Found:
            answer = await connection()._call_s3("get_object", Bucket=self.name, Key=self.prefix + key)
            async with answer["Body"] as body:
                data = await body.read()
            now: datetime = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            return Found(data, answer["ETag"], (now - answer["LastModified"]).total_seconds())

        from fsspec.asyn import sync

        from data.sources.objects import connection, is_transient
        from data.sources.retry import retry

        try:
            found: Found = self._ask(lambda: retry(lambda: sync(connection().loop, fetch), is_transient))
        except FileNotFoundError:
            return None
        return found

    def write(self, key: str, data: bytes) -> str | None:
        """Write an object, whatever is there; its ETag."""
        return self._put(key, data, {})

    def write_new(self, key: str, data: bytes) -> str | None:
        """Write an object if there is none; its ETag, or None."""
        return self._put(key, data, {"IfNoneMatch": "*"})

    def replace(self, key: str, data: bytes, etag: str) -> str | None:
        """Write an object if it is still the one of that ETag; the new ETag, or None."""
        return self._put(key, data, {"IfMatch": etag})

    def upload(self, path: Path, key: str) -> None:
        """Write a file of any size, in parts where it is large."""
        from data.sources.objects import connection, is_transient
        from data.sources.retry import retry

        def put() -> None:
            connection().put_file(str(path), f"{self.name}/{self.prefix}{key}")

        self._ask(lambda: retry(put, is_transient))

    def download(self, key: str, size: int, path: Path) -> None:
        """Fetch an object of known size into a file, in a few ranges at a time.

        Raises:
            FileNotFoundError: it is gone.
        """
        from data.sources.objects import RemoteObject, download

        self._ask(lambda: download(RemoteObject(self.name, self.prefix + key, "", "", size), path))

    def listed(self, prefix: str) -> dict[str, int]:
        """The size in bytes of each object whose key begins with `prefix`, in order."""
        return {key: item["Size"] for key, item in self._pages(prefix, "")}

    def etags(self, prefix: str, after: str = "") -> dict[str, str]:
        """The ETag of each object whose key begins with `prefix` and comes behind `after`, in order."""
        return {key: item["ETag"] for key, item in self._pages(prefix, after)}

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are gone already do not matter."""
        from data.sources.objects import call

        names = [{"Key": self.prefix + key} for key in keys]
        for start in range(0, len(names), DELETED_AT_ONCE):
            wish = {"Objects": names[start : start + DELETED_AT_ONCE], "Quiet": True}
            self._ask(lambda wish=wish: call("delete_objects", Bucket=self.name, Delete=wish))  # type: ignore[misc]

    def _pages(self, prefix: str, after: str) -> Iterator[tuple[str, dict[str, Any]]]:
        from data.sources.objects import call

        start = self.prefix + after if after else ""
        more = {"StartAfter": start} if start else {}
        while True:
            wish = {"Bucket": self.name, "Prefix": self.prefix + prefix, **more}
            try:
                page: dict[str, Any] = self._ask(lambda wish=wish: call("list_objects_v2", **wish))  # type: ignore[misc]
            except FileNotFoundError as error:
                raise UserError(f"there is no bucket {self.name}: create it, or name another as the store.") from error
            for item in page.get("Contents", []):
                yield item["Key"].removeprefix(self.prefix), item
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def _put(self, key: str, data: bytes, condition: dict[str, str]) -> str | None:
        from data.sources.objects import call

        wish = {"Bucket": self.name, "Key": self.prefix + key, "Body": data, **condition}
        try:
            etag: str = self._ask(lambda: call("put_object", **wish))["ETag"]
        except (InterruptedError, FileNotFoundError):  # a condition that does not hold; what was to be replaced is gone
            if not condition:
                raise
            return None
        return etag

    def _ask(self, request: Callable[[], T]) -> T:
        from data.sources.objects import explained

        with told(), explained(self.url):
            return request()


@contextmanager
def told() -> Iterator[None]:
    """What the reader of sources says to people is said to them here, too."""
    from data.sources.source import SourceError

    try:
        yield
    except SourceError as error:
        raise UserError(str(error)) from error


def as_json(value: Any) -> bytes:
    """A value as an object holds it."""
    return json.dumps(value).encode()
