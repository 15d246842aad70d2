"""s3:// against a real server process: listing, reading, growing, failing in passing and for good."""

import http.client
import http.server
import os
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto_s3 import moto_server

from data.sources import SourceError, objects, open_source
from data.sources.source import FilePath, hash_file
from logoflow.config.sections import SourceConfig
from logoflow.sources import look_at_sources
from logoflow.store.memo import Memo

BUCKET = "logos"
SECRET = "not-to-be-seen"
PAGE = 50  # objects that the server lists at once


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A moto server of this module's own."""
    with moto_server(MOTO_S3_DEFAULT_MAX_KEYS=str(PAGE)) as url:
        yield url


@pytest.fixture
def bucket(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket, and an environment that leads to it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "cache"))
    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST")).close()
    client = boto3.client("s3", endpoint_url=server)
    client.create_bucket(Bucket=BUCKET)
    return client


@dataclass
class Proxy:
    """A server before the server.

    Attributes:
        url: of it.
        failures: what it answers to the next requests of a method instead of passing them on: a status, or "cut" for
            an answer that ends early.
        seen: method and path of each request.
    """

    url: str
    failures: dict[str, list[int | str]] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def proxy(server: str, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that fails when it is told to, which the environment leads to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.seen.append((self.command, self.path))
            planned = made.failures.get(self.command, [])
            failure = planned.pop(0) if planned else None
            if isinstance(failure, int):
                self.send_response(failure)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            upstream = http.client.HTTPConnection(server.removeprefix("http://"))
            upstream.request(self.command, self.path, headers=dict(self.headers))
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "server", "date", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(body)))
            self.end_headers()
            if failure == "cut":
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Proxy(f"http://127.0.0.1:{listener.server_address[1]}")
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setattr("data.sources.retry.FIRST_S", 0.01)
    yield made
    listener.shutdown()
    listener.server_close()


def put(bucket: Any, key: str, data: bytes) -> None:
    bucket.put_object(Bucket=BUCKET, Key=key, Body=data)


def test_images_below_a_prefix_are_listed_without_reading_and_read_in_any_order(
    bucket: Any, proxy: Proxy, png: Callable[[int], bytes]
) -> None:
    for number in range(30):
        put(bucket, f"sets/a/{number:02}.png", png(number))
    put(bucket, "sets/a/readme.txt", b"text")
    put(bucket, "sets/ab/other.png", png(99))
    source = open_source("s3", "s3://logos/sets/a")
    entries = source.entries()
    assert [entry.name for entry in entries] == [f"{number:02}.png" for number in range(30)]
    assert [entry.size for entry in entries] == [len(png(number)) for number in range(30)]
    assert not [path for method, path in proxy.seen if method == "GET" and "list-type" not in path]
    assert [raw.data for raw in source.read(entries[::-1])] == [png(number) for number in reversed(range(30))]


def test_a_block_is_read_by_another_process_without_listing_again(
    bucket: Any, proxy: Proxy, png: Callable[[int], bytes]
) -> None:
    put(bucket, "a.png", png(1))
    entries = open_source("s3", "s3://logos").entries()
    del proxy.seen[:]
    (raw,) = open_source("s3", "s3://logos").read(entries)
    assert raw.data == png(1)
    assert [path for _, path in proxy.seen] == ["/logos/a.png"]


def test_more_objects_than_a_page_holds_are_all_listed(bucket: Any, proxy: Proxy) -> None:
    for number in range(2 * PAGE + 3):
        put(bucket, f"many/{number:04}.png", b"x")
    assert len(open_source("s3", "s3://logos/many/").entries()) == 2 * PAGE + 3
    assert len([path for _, path in proxy.seen if "list-type" in path]) == 3


def test_only_what_was_written_anew_has_another_version(bucket: Any, png: Callable[[int], bytes]) -> None:
    for name in "abc":
        put(bucket, f"{name}.png", png(ord(name)))
    before = open_source("s3", "s3://logos")
    entries = before.entries()
    put(bucket, "a.png", png(ord("a")))  # the same bytes again
    assert open_source("s3", "s3://logos").digest() == before.digest()
    put(bucket, "b.png", png(7))
    put(bucket, "d.png", png(8))
    after = open_source("s3", "s3://logos")
    assert {entry.name for entry in set(after.entries()) - set(entries)} == {"b.png", "d.png"}
    assert after.digest() != before.digest()


def test_an_object_that_changes_or_goes_after_it_was_listed_is_not_taken_for_the_one_listed(
    bucket: Any, png: Callable[[int], bytes]
) -> None:
    for name in "abc":
        put(bucket, f"{name}.png", png(ord(name)))
    source = open_source("s3", "s3://logos")
    entries = source.entries()
    put(bucket, "a.png", png(5))
    bucket.delete_object(Bucket=BUCKET, Key="b.png")
    for entry in entries[:2]:
        with pytest.raises(SourceError, match="changed or went while it was being read: run again"):
            list(source.read([entry]))
    assert [raw.data for raw in source.read(entries[2:])] == [png(ord("c"))]


def test_failures_in_passing_are_tried_again(bucket: Any, proxy: Proxy, png: Callable[[int], bytes]) -> None:
    put(bucket, "x/a.png", png(1))
    proxy.failures = {"GET": [503, 500, 502]}
    source = open_source("s3", "s3://logos/x/")
    entries = source.entries()
    assert proxy.failures == {"GET": []}
    proxy.failures = {"GET": [500, "cut", 503]}
    assert [raw.data for raw in source.read(entries)] == [png(1)]
    assert proxy.failures == {"GET": []}


def test_a_store_that_keeps_failing_is_a_sentence_without_credentials(bucket: Any, proxy: Proxy) -> None:
    proxy.failures = {"GET": [503] * 100}
    with pytest.raises(SourceError, match=r"s3://logos/x/ cannot be reached \(503\): check") as caught:
        open_source("s3", "s3://logos/x/").entries()
    assert len(proxy.seen) == 6
    assert SECRET not in str(caught.value)
    assert "tester" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://nowhere/logos", "s3://nowhere/logos does not exist: check the bucket's name"),
        ("s3://logos/nothing", "s3://logos/nothing holds nothing: check the bucket and the prefix"),
        ("s3://logos/*.zip", r"s3://logos/\*.zip holds nothing: check the bucket and the prefix"),
        ("s3://logos/text", "s3://logos/text holds no images: give one with"),
        ("s3://logos/text/one.png", "is a single image: give the prefix around it"),
        ("s3://logos/LLD-icon_data_0.pkl", "can run code when it is read: use LLD's HDF5 file instead"),
        ("s3://logos/tars", r"holds no images but files that may hold some: .* pattern s3://logos/tars/\*.tar"),
        ("s3://logos/mixed", r"holds both deep/t.parquet and images, such as a.png: say kind: folder"),
        (f"s3://key:{SECRET}@logos/x", "names no bucket, or credentials with it"),
    ],
)
def test_what_is_no_source_is_one_sentence(bucket: Any, url: str, sentence: str) -> None:
    put(bucket, "text/readme.txt", b"text")
    put(bucket, "LLD-icon_data_0.pkl", b"code")
    for key in ("tars/0.tar", "mixed/deep/t.parquet", "mixed/a.png"):
        put(bucket, key, b"not looked into")
    if url.endswith("one.png"):
        put(bucket, "text/one.png", b"picture")
    with pytest.raises(SourceError, match=sentence) as caught:
        open_source("s3", url).entries()
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_containers_are_fetched_once_for_each_content_and_read_here(
    bucket: Any, proxy: Proxy, tmp_path: Path, png: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "RANGE_BYTES", 1000)  # several ranges
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(9):
            archive.writestr(f"{number}.png", png(number))
    put(bucket, "c/logos.zip", packed.getvalue())
    pq.write_table(pa.table({"image": [png(1), png(2)]}), tmp_path / "t.parquet")
    put(bucket, "t.parquet", (tmp_path / "t.parquet").read_bytes())
    with h5py.File(tmp_path / "l.hdf5", "w") as file:
        file["data"] = np.random.default_rng(0).integers(0, 256, (5, 3, 32, 32), np.uint8)
    put(bucket, "l.hdf5", (tmp_path / "l.hdf5").read_bytes())
    for url, count in {"c/logos.zip": 9, "t.parquet": 2, "l.hdf5": 5}.items():
        source = open_source("s3", f"s3://logos/{url}")
        entries = source.entries()
        assert len(entries) == count
        assert all(raw.problem is None for raw in source.read(entries))
    assert len([1 for method, path in proxy.seen if (method, path) == ("GET", "/logos/c/logos.zip")]) == -(
        -len(packed.getvalue()) // 1000
    )

    del proxy.seen[:]
    hashed: list[FilePath] = []
    again = open_source("s3", "s3://logos/c/logos.zip", hash_file=lambda path: hashed.append(path) or hash_file(path))
    assert [raw.data for raw in again.read(again.entries())] == [png(number) for number in range(9)]
    assert {method for method, _ in proxy.seen} == {"HEAD"}
    assert all(os.fspath(path).startswith(str(tmp_path / "cache")) for path in hashed)


def test_patterns_and_parquet_below_a_prefix_are_one_source(
    bucket: Any, tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    for part in range(3):
        pq.write_table(pa.table({"image": [png(part), png(part + 10)]}), tmp_path / "t.parquet")
        put(bucket, f"set/data/train-{part}.parquet", (tmp_path / "t.parquet").read_bytes())
    for url, count in {
        "s3://logos/set": 6,
        "s3://logos/set/data/train-[01].parquet": 4,
        "s3://logos/**/*-2.*": 2,
    }.items():
        source = open_source("s3", url)
        entries = source.entries()
        assert len(entries) == count
        assert len({raw.data for raw in source.read(entries)}) == count


def test_a_pattern_of_images_is_a_prefix_with_a_filter(bucket: Any, png: Callable[[int], bytes]) -> None:
    for number, key in enumerate(("img/a.png", "img/b.jpg", "img/deep/c.png", "img/notes.txt", "other/d.png")):
        put(bucket, key, png(number))
    for url, expected in {
        "s3://logos/img/*.png": {"a.png": png(0)},
        "s3://logos/img/**/*.png": {"a.png": png(0), "deep/c.png": png(2)},
        "s3://logos/img/*": {"a.png": png(0), "b.jpg": png(1)},
    }.items():
        source = open_source("s3", url)
        assert {raw.entry.name: raw.data for raw in source.read(source.entries())} == expected
    assert source.ignored() == {".txt": 1}
    assert [raw.data for raw in open_source("s3", url).read(source.entries()[1:])] == [png(1)]  # without listing


def test_plan_lists_a_prefix_and_asks_for_the_etag_of_a_container_and_fetches_neither_again(
    bucket: Any, proxy: Proxy, tmp_path: Path, png: Callable[[int], bytes]
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.png", png(1))
    put(bucket, "logos.zip", packed.getvalue())
    put(bucket, "x/a.png", png(1))
    put(bucket, "x/b.png", png(2))
    sources = [SourceConfig(name=name, path=f"s3://logos/{name}") for name in ("logos.zip", "x")]
    memo = Memo(tmp_path / "memo")
    first = look_at_sources(sources, memo)
    memo.save()
    assert {name: fact.images for name, fact in first.items()} == {"logos.zip": 1, "x": 2}
    del proxy.seen[:]
    assert look_at_sources(sources, Memo(tmp_path / "memo")) == first
    assert [(method, "list-type" in path) for method, path in proxy.seen] == [
        ("HEAD", False),  # the zip
        ("HEAD", False),  # no object is called x
        ("GET", True),
    ]
    put(bucket, "x/c.png", png(3))
    assert look_at_sources(sources, memo)["x"].images == 3
