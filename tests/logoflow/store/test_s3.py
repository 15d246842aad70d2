"""A store in a bucket, against a real S3 server process, seen from machines that have a cache each."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_builder import build, parts_of
from store_server import BUCKET, on_machine, s3_server

from logoflow.errors import UserError
from logoflow.resolve import Workspace
from logoflow.store import check
from logoflow.store.bucket import Bucket
from logoflow.store.lease import Lease, is_leased
from logoflow.store.ledger import Event, Kind
from logoflow.store.s3 import S3Store, lock_key, prefix_of

BUILDER = Path(__file__).resolve().parents[2] / "support" / "s3_builder.py"
UNITS = 12


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture
def place(s3: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store, and an environment that leads to it."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "here"))
    return f"s3://{BUCKET}/{tmp_path.name}"


def other_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOGOFLOW_CACHE", str(tmp_path / "elsewhere"))


def opened(place: str) -> S3Store:
    store = Workspace.open(place).store
    assert isinstance(store, S3Store)
    return store


def builder(place: str, s3: dict[str, str], cache: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(BUILDER), place, *map(str, arguments)]
    environment = on_machine(cache, s3) | {"LOGOFLOW_LEASE_S": "3"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=BUILDER.parents[2])


def test_another_machine_reads_what_one_wrote(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, here = build(Workspace.open(place), 7)
    assert here
    other_machine(monkeypatch, tmp_path)
    (found,) = opened(place).artifacts("test.units")
    assert found.manifest == made.manifest
    assert found.path != made.path
    assert [path.name for path in found.path.rglob("*") if path.is_file()] == ["manifest.json"]  # nothing else yet
    assert found.file("result.bin").read_bytes() == b"7" * 1000
    assert not (found.path / "pictures").exists()
    assert (found.attachments() / "pictures" / "when.txt").read_bytes() == made.file("pictures/when.txt").read_bytes()


def test_content_digests_are_those_of_a_local_store(place: str, tmp_path: Path) -> None:
    remote, _ = build(Workspace.open(place), 3)
    local, _ = build(Workspace.open(tmp_path / "store"), 3)
    assert (remote.content, remote.manifest.fingerprint) == (local.content, local.manifest.fingerprint)


def test_of_two_workers_at_once_one_builds_each_unit(place: str, s3: dict[str, str], tmp_path: Path) -> None:
    workers = [builder(place, s3, tmp_path / name, 0, UNITS, 0.05) for name in ("one", "two")]
    told = [line.split() for worker in workers for line in worker.communicate(timeout=120)[0].splitlines()]
    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(int(line[1]) for line in told if line[0] == "built") == list(range(UNITS))
    assert sorted(int(line[1]) for line in told if line[0] == "found") == list(range(UNITS))
    contents = {(line[1], line[2]) for line in told if line[0] != "builds"}
    assert len(contents) == UNITS


def test_a_killed_builder_s_lease_ends_and_another_goes_on(place: str, s3: dict[str, str], tmp_path: Path) -> None:
    first = builder(place, s3, tmp_path / "one", 0, 1, 600)
    assert first.stdout is not None
    assert first.stdout.readline() == "builds 0\n"
    store = opened(place)
    lock = f".locks/test.units-{parts_of(0).fingerprint()}"
    assert is_leased(store.bucket, lock)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert list(store.artifacts()) == []
    second = builder(place, s3, tmp_path / "two", 0, 1, 0)
    out, _ = second.communicate(timeout=60)
    assert out.splitlines()[-1].startswith("built 0")
    assert not is_leased(store.bucket, lock)
    assert not list(check.verify(opened(place)))


def test_a_lease_is_kept_for_as_long_as_it_is_renewed(place: str) -> None:
    bucket = opened(place).bucket
    mine, other = Lease(bucket, "lock", 600), Lease(bucket, "lock", 600)
    assert mine.claim()
    assert mine.claim()  # asked again, since the answer was lost
    assert not other.claim()
    mine.end()
    assert other.claim()
    assert not mine.claim()
    mine.end()  # says nothing about the other's
    assert is_leased(bucket, "lock")


def test_the_first_manifest_counts_where_two_built_at_once(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = opened(place)
    parts = parts_of(1)
    draft = tmp_path / "draft"
    (draft / "pictures").mkdir(parents=True)
    (draft / "pictures" / "when.txt").write_text("earlier, but slower")
    winner, _ = build(Workspace.open(place), 1)
    (draft / "result.bin").write_bytes(b"other bytes")
    changed = {"sha256": "0" * 64, "size": 1}
    files = {name: record.model_copy(update=changed) for name, record in winner.manifest.files.items()}
    monkeypatch.setattr(slow.bucket.__class__, "listed", lambda *_: {})  # looked before the winner was there
    taken = slow.commit(draft, winner.manifest.model_copy(update={"files": files, "content": "other"}))
    monkeypatch.undo()
    assert taken.manifest == winner.manifest
    assert parts.fingerprint() == taken.manifest.fingerprint


def test_events_of_all_machines_are_one_ledger(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Workspace.open(place).ledger
    other_machine(monkeypatch, tmp_path)
    there = Workspace.open(place).ledger
    assert here.path != there.path
    here.append(Event("run", "demo", Kind.RUN_STARTED, data={"pid": 1}))
    here.append(Event("run", "demo", Kind.STAGE_BUILT, "ingest", {"fingerprint": "f"}))
    for done in (1, 2, 3):
        here.append(Event("run", "demo", Kind.PROGRESS, "embed", {"done": done}))
    old = datetime.now(UTC) - timedelta(days=30)
    here.append(Event("run", "demo", Kind.RUN_ENDED, data={"state": "crashed"}, at=old))  # told by whom comes later
    kinds = [event.kind for event in there.events("run") if event.kind is not Kind.PROGRESS]
    assert kinds == [Kind.RUN_STARTED, Kind.STAGE_BUILT, Kind.RUN_ENDED]
    assert [event.data for event in there.recent("run", "embed", Kind.PROGRESS, 5)] == [{"done": 3}]
    assert len(here.recent("run", "embed", Kind.PROGRESS, 5)) == 3
    there.append(Event("run", "demo", Kind.ACCEPTED))
    there.path.unlink()
    for left in there.path.parent.glob(f"{there.path.name}-*"):
        left.unlink()
    rebuilt = Workspace.open(place).ledger
    assert [event.kind for event in rebuilt.events("run")][-1] is Kind.ACCEPTED
    assert len(rebuilt.events("run")) == 5
    assert rebuilt.last_accepted("demo") is not None


def test_verify_reads_the_bucket_and_gc_empties_it(place: str) -> None:
    made, _ = build(Workspace.open(place), 5)
    store = opened(place)
    assert list(check.verify(store)) == []
    key = prefix_of(made) + made.manifest.files["result.bin"].sha256
    store.bucket.write(key, b"6" * 1000)
    assert [(found.path.name, found.problem) for found in check.verify(store)] == [
        ("result.bin", "its bytes have changed")
    ]
    (gone,) = check.unneeded(store, set())
    builder_elsewhere = Lease(store.bucket, lock_key("test.units", gone.name), 600)
    assert builder_elsewhere.claim()
    store.remove(gone)
    assert store.find("test.units", gone.name) is not None
    builder_elsewhere.end()
    assert store.size(gone) == sum(store.bucket.listed("test.units/").values())
    store.remove(gone)
    assert store.bucket.listed("test.units/") == {}
    assert store.find("test.units", made.manifest.fingerprint) is None
    assert build(Workspace.open(place), 5)[1]


def test_a_damaged_artifact_is_built_again(place: str) -> None:
    made, _ = build(Workspace.open(place), 8)
    store = opened(place)
    key = prefix_of(made) + made.manifest.files["result.bin"].sha256
    store.bucket.delete([key])
    assert store.find("test.units", made.manifest.fingerprint) is None
    again, here = build(Workspace.open(place), 8)
    assert here
    assert again.content == made.content
    assert list(check.verify(store)) == []


def test_bytes_that_changed_in_the_bucket_are_not_read(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = build(Workspace.open(place), 9)
    opened(place).bucket.write(prefix_of(made) + made.manifest.files["result.bin"].sha256, b"x" * 1000)
    other_machine(monkeypatch, tmp_path)
    found = opened(place).find("test.units", made.manifest.fingerprint)
    assert found is not None
    with pytest.raises(UserError, match="is damaged: see"):
        found.file("result.bin")


def test_a_prefix_with_other_things_is_refused(place: str) -> None:
    taken = f"{place}-taken"
    Bucket.at(taken).write("photo.png", b"")
    with pytest.raises(UserError, match="has other things in it"):
        Workspace.open(taken)
    assert Workspace.find(f"{place}-nothing") is None


@pytest.mark.usefixtures("place")
def test_a_bucket_that_is_not_there_is_named() -> None:
    with pytest.raises(UserError, match="there is no bucket nowhere: create it"):
        Bucket.at("s3://nowhere/store").listed("")
