"""Artifacts are whole or not there, and a store does not mix with anything else."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from logoflow.errors import UserError
from logoflow.store.check import unneeded
from logoflow.store.manifest import Parts
from logoflow.store.store import MANIFEST, Artifact, Store, record_files

Commit = Callable[..., Artifact]

PARTS = Parts(stage="cluster", code="c0de", config={"k": 10})
FILES = {"labels.parquet": b"0123456789", "figures/sheet.png": b"\x89PNG..."}


def find(store: Store) -> Artifact | None:
    return store.find(PARTS.stage, PARTS.fingerprint())


def test_a_committed_artifact_is_found_with_the_sizes_and_digests_of_its_files(store: Store, commit: Commit) -> None:
    assert find(store) is None
    commit(store, PARTS, FILES, ["labels.parquet"])
    artifact = find(store)
    assert artifact is not None
    assert artifact.path == store.root / "cluster" / PARTS.fingerprint()
    assert artifact.short == f"cluster@{PARTS.fingerprint()[:8]}"
    for name, content in FILES.items():
        assert artifact.file(name).read_bytes() == content
        record = artifact.manifest.files[name]
        assert (record.size, record.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert [name for name, record in artifact.manifest.files.items() if record.data] == ["labels.parquet"]


def test_the_content_digest_ignores_pictures_and_logs_and_nothing_else(tmp_path: Path, commit: Commit) -> None:
    def content(number: int, files: dict[str, bytes]) -> str:
        data = [name for name in files if not name.startswith("log")]
        return commit(Store(tmp_path / str(number)), PARTS, files, data).content

    first = content(0, {"a": b"1", "b": b"2", "log": b"took 3 s"})
    assert content(1, {"a": b"1", "b": b"2", "log": b"took 4 s"}) == first
    assert content(2, {"b": b"2", "a": b"1"}) == first
    assert content(3, {"a": b"2", "b": b"1"}) != first
    assert content(4, {"a": b"1", "c": b"2"}) != first
    assert content(5, {"a": b"1", "b": b"2", "c": b""}) != first


@pytest.mark.parametrize("name", FILES)
def test_an_artifact_with_a_file_missing_or_of_another_size_is_not_found(
    store: Store, commit: Commit, name: str
) -> None:
    path = commit(store, PARTS, FILES).file(name)
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b""):
        path.write_bytes(damaged)
        assert find(store) is None
    path.unlink()
    assert find(store) is None
    path.write_bytes(whole)
    assert find(store) is not None


def test_an_artifact_with_any_part_of_its_manifest_cut_off_is_not_found(store: Store, commit: Commit) -> None:
    path = commit(store, PARTS, FILES).path / MANIFEST
    text = path.read_bytes()
    for length in range(0, len(text), 7):
        path.write_bytes(text[:length])
        assert find(store) is None
        assert list(store.artifacts()) == []
    path.write_bytes(b"\xff" + text)
    assert find(store) is None
    path.unlink()
    assert find(store) is None


def test_an_artifact_whose_unit_is_gone_or_not_whole_is_not_found(store: Store, commit: Commit) -> None:
    unit = commit(store, Parts(stage="cluster.part", code="", config={}), {"x": b"1"})
    reference = f"cluster.part/{unit.manifest.fingerprint}"
    commit(store, PARTS, FILES, units=[reference])
    assert find(store) is not None
    assert store.unit(reference) == unit
    (unit.path / "x").write_bytes(b"12")
    assert find(store) is None
    (unit.path / "x").write_bytes(b"1")
    assert find(store) is not None
    (unit.path / MANIFEST).unlink()
    assert find(store) is None


def test_building_over_a_damaged_artifact_replaces_it(store: Store, commit: Commit) -> None:
    commit(store, PARTS, FILES).file("labels.parquet").unlink()
    commit(store, PARTS, FILES)
    artifact = find(store)
    assert artifact is not None
    assert artifact.file("labels.parquet").read_bytes() == FILES["labels.parquet"]


def test_a_build_that_fails_leaves_no_artifact_no_draft_and_no_lock(store: Store) -> None:
    with suppress(RuntimeError), store.building("cluster", "f00d") as draft:
        (draft / "half").write_bytes(b"...")
        raise RuntimeError("disk on fire")
    assert store.find("cluster", "f00d") is None
    assert unneeded(store, set()) == []
    with store.building("cluster", "f00d") as draft:
        assert list(draft.iterdir()) == []


def test_a_declared_file_that_was_not_written_is_refused(store: Store) -> None:
    with store.building("cluster", "f00d") as draft, pytest.raises(AssertionError, match=r"labels\.parquet"):
        record_files(draft, ("labels.parquet",))


def test_a_work_folder_survives_a_failed_build_and_goes_with_the_commit(store: Store, commit: Commit) -> None:
    place = ("cluster", PARTS.fingerprint())
    (store.work_folder(*place) / "snapshot").write_bytes(b"step 100")
    with suppress(RuntimeError), store.building(*place):
        raise RuntimeError("disk on fire")
    assert (store.work_folder(*place) / "snapshot").read_bytes() == b"step 100"
    commit(store, PARTS, FILES)
    assert list(store.work_folder(*place).iterdir()) == []


def test_artifacts_come_oldest_first(store: Store, commit: Commit) -> None:
    made = [commit(store, Parts(stage="cluster", code="", config={"k": k}), {"x": b""}) for k in (5, 3, 4, 2)]
    assert list(store.artifacts("cluster")) == made
    assert list(store.artifacts("embed")) == []


def test_a_store_opens_again_and_an_empty_folder_becomes_one(tmp_path: Path, commit: Commit) -> None:
    (tmp_path / "empty").mkdir()
    commit(Store(tmp_path / "empty"), PARTS, FILES)
    assert find(Store(tmp_path / "empty")) is not None


def test_a_store_of_another_format_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "store")
    (tmp_path / "store" / ".format").write_text("0\n")
    with pytest.raises(UserError, match="store has store format 0, this version reads 2: choose another folder"):
        Store(tmp_path / "store")


def test_a_folder_with_other_things_and_a_file_are_refused_as_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="other things in it: choose an empty or new folder"):
        Store(tmp_path)
    with pytest.raises(UserError, match="choose"):
        Store(tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_new_store_that_many_open_at_once_is_refused_to_none(tmp_path: Path) -> None:
    problems = []

    def open_stores(barrier: threading.Barrier) -> None:
        for number in range(50):
            barrier.wait()
            try:
                (Store(tmp_path / str(number)).root / ".ledger").touch()
            except Exception as error:
                problems.append(error)

    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=open_stores, args=(barrier,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


BUILD_SLOWLY = """
import sys, time
from pathlib import Path
from logoflow.store.store import Store

store = Store(Path(sys.argv[1]))
with store.building("cluster", "f00d") as draft:
    if (store.folder("cluster", "f00d") / "done").exists():
        print("found")
    else:
        print("built")
        time.sleep(0.2)
        (draft / "done").touch()
        (store.root / "cluster").mkdir(exist_ok=True)
        draft.rename(store.folder("cluster", "f00d"))
"""


def test_of_processes_that_build_the_same_at_once_one_builds_and_the_others_find(store: Store) -> None:
    command = [sys.executable, "-c", BUILD_SLOWLY, str(store.root)]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sorted(builder.communicate()[0].strip() for builder in builders) == ["built", "found", "found"]


def test_of_threads_that_build_the_same_at_once_one_builds_and_the_others_find(store: Store, commit: Commit) -> None:
    answers = []

    def build() -> None:
        with store.building("cluster", "f00d") as draft:
            if (draft.parent.parent / "done").exists():
                answers.append("found")
            else:
                answers.append("built")
                threading.Event().wait(0.05)
                (draft.parent.parent / "done").touch()

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["built", "found", "found", "found"]
