"""Objects of an S3 store: listed, read in ranges, fetched; errors as sentences that hold no credentials."""

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from data.sources.cache import cached
from data.sources.retry import is_passing, retry
from data.sources.source import SourceError

PARALLEL = 8
RANGE_BYTES = 8 * 2**20


@dataclass(frozen=True)
class RemoteObject:
    """One object of a bucket.

    Attributes:
        bucket: its bucket.
        key: its key there.
        etag: as the store gives it, quotes included; another content has another one.
        modified: when it was written, as ISO 8601.
        size: bytes.
    """

    bucket: str
    key: str
    etag: str
    modified: str
    size: int

    @property
    def version(self) -> str:
        """Identity of its bytes: the ETag, which every write of other bytes changes; a weak one with the time."""
        is_strong = self.etag.startswith('"')
        return f"etag {self.etag} {self.size}" if is_strong else f"etag {self.etag} {self.size} {self.modified}"


def split_url(url: str) -> tuple[str, str]:
    """Bucket and key of s3://bucket/key."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not bucket or "@" in bucket:
        raise SourceError("An s3:// source names no bucket, or credentials with it: write s3://bucket/prefix.")
    return bucket, key


def head(url: str) -> RemoteObject | None:
    """The object at an address; None where there is none of this very key."""
    bucket, key = split_url(url)
    if not key or key.endswith("/"):
        return None
    try:
        with explained(url):
            return _object(bucket, key, call("head_object", Bucket=bucket, Key=key))
    except FileNotFoundError:
        return None


def listed(url: str, prefix: str) -> Iterator[RemoteObject]:
    """The objects whose keys begin with a prefix, in the order of their keys."""
    bucket, _ = split_url(url)
    more: dict[str, str] = {}
    while True:
        try:
            with explained(url):
                page = call("list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
        except FileNotFoundError as error:
            raise SourceError(f"{url} does not exist: check the bucket's name and AWS_ENDPOINT_URL.") from error
        yield from (_object(bucket, item["Key"], item) for item in page.get("Contents", []))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def get(item: RemoteObject, start: int = 0, stop: int | None = None) -> bytes:
    """Bytes of an object, which must still be those that were listed.

    Raises:
        FileNotFoundError: it is gone.
        InterruptedError: it was written anew since it was listed.
        SourceError: the store cannot be read.
    """
    stop = item.size if stop is None else stop
    if stop <= start:
        return b""
    wish = {"IfMatch": item.etag} if item.etag.startswith('"') else {}
    from fsspec.asyn import sync

    async def read() -> bytes:
        store = connection()
        answer = await store._call_s3(
            "get_object", Bucket=item.bucket, Key=item.key, Range=f"bytes={start}-{stop - 1}", **wish
        )
        async with answer["Body"] as body:
            data: bytes = await body.read()
        if len(data) != stop - start:
            raise ConnectionResetError(errno.ECONNRESET, "the answer was cut short")
        return data

    with explained(f"s3://{item.bucket}/{item.key}"):
        return retry(lambda: bytes(sync(connection().loop, read)), is_transient)


def fetch(item: RemoteObject) -> Path:
    """A copy of an object in the cache, fetched once for each content in a few ranges at a time."""
    identity = f"s3 {endpoint()} {item.bucket}/{item.key} {item.version}"
    return cached(identity, item.key.rpartition("/")[2], lambda copy: download(item, copy))


def download(item: RemoteObject, copy: Path) -> None:
    """Write an object to a file."""
    starts = range(0, item.size, RANGE_BYTES)
    with copy.open("wb") as file, ThreadPoolExecutor(PARALLEL) as pool:

        def write(start: int) -> None:
            os.pwrite(file.fileno(), get(item, start, min(start + RANGE_BYTES, item.size)), start)

        try:
            for _ in pool.map(write, starts):
                pass
        except (FileNotFoundError, InterruptedError) as error:
            raise SourceError(f"s3://{item.bucket}/{item.key} changed while it was fetched: run again.") from error


def _object(bucket: str, key: str, item: dict[str, Any]) -> RemoteObject:
    size = item["Size"] if "Size" in item else item["ContentLength"]
    return RemoteObject(bucket, key, item["ETag"], item["LastModified"].isoformat(), size)


def call(method: str, **arguments: Any) -> dict[str, Any]:
    """One request, tried again when it fails in passing."""
    answer: dict[str, Any] = retry(lambda: connection().call_s3(method, **arguments), is_transient)
    return answer


def endpoint() -> str | None:
    """Where requests go, if not to Amazon."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def connection() -> Any:
    """The store of this process's environment, as fsspec's S3FileSystem."""
    return _connected(endpoint(), os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_PROFILE"))


@lru_cache(maxsize=4)
def _connected(endpoint: str | None, key_id: str | None, profile: str | None) -> Any:
    """A connection; key and profile only tell one environment from another, botocore reads them itself."""
    try:
        from s3fs import S3FileSystem
    except ImportError as error:
        raise SourceError("s3:// needs the extra s3: pip install -c constraints.txt -e '.[cpu,s3]'.") from error
    once = {"retries": {"total_max_attempts": 1}, "connect_timeout": 10, "read_timeout": 60}
    store = S3FileSystem(endpoint_url=endpoint, use_listings_cache=False, skip_instance_cache=True, config_kwargs=once)
    store.retries = 1  # or each of ours would be several of its own, at another pace
    return store


def is_transient(error: Exception) -> bool:
    """Whether a request that failed so may succeed when it is made again."""
    import aiohttp
    from botocore import exceptions

    passing = (TimeoutError, aiohttp.ClientError, exceptions.HTTPClientError, exceptions.IncompleteReadError)
    return is_passing(error) or isinstance(error, passing) or _code(error) == "ConditionalRequestConflict"


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Say what a store answered in a sentence of our own: theirs may hold keys.

    Raises:
        FileNotFoundError: there is no such object or bucket.
        InterruptedError: the object is not the one that was asked for any more.
        SourceError: anything else.
    """
    try:
        yield
    except (SourceError, FileNotFoundError):
        raise
    except PermissionError:
        sentence = f"{url} may not be read with these credentials: allow them to list the bucket and get its objects."
        raise SourceError(sentence) from None
    except Exception as error:
        code = _code(error)
        if code in ("412", "PreconditionFailed"):
            raise InterruptedError(errno.EINTR, "written anew") from None
        if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
            sentence = f"{url} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        else:
            sentence = f"{url} cannot be reached ({code}): check the network and AWS_ENDPOINT_URL, and run again."
        raise SourceError(sentence) from None


def _code(error: Exception) -> str:
    """What a store calls an error, without what it says of it."""
    response = getattr(error.__cause__ or error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(error).__name__)
