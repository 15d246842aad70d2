"""verify sees every changed byte; gc keeps what is needed and takes the rest."""

from collections.abc import Callable

import pytest

from logoflow.store.check import unneeded, verify
from logoflow.store.manifest import Parts
from logoflow.store.store import MANIFEST, Artifact, Store

Commit = Callable[..., Artifact]


def parts(stage: str, number: int = 0) -> Parts:
    return Parts(stage=stage, code="", config={"number": number})


def key(artifact: Artifact) -> tuple[str, str]:
    return artifact.stage, artifact.manifest.fingerprint


def reference(artifact: Artifact) -> str:
    return "/".join(key(artifact))


@pytest.mark.parametrize("bit", [0, 7, 8 * 5 + 3, 8 * 9 + 7])
def test_verify_finds_a_single_flipped_bit_that_find_cannot_see(store: Store, commit: Commit, bit: int) -> None:
    artifact = commit(store, parts("cluster"), {"labels": b"0123456789", "log": b"..."}, ["labels"])
    commit(store, parts("embed"), {"vectors": b"..."})
    assert list(verify(store)) == []
    content = bytearray(artifact.file("labels").read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    artifact.file("labels").write_bytes(content)
    assert store.find(*key(artifact)) is not None
    assert [(damage.path, damage.problem) for damage in verify(store)] == [
        (artifact.path / "labels", "its bytes have changed")
    ]


def test_verify_names_what_is_missing(store: Store, commit: Commit) -> None:
    unit = commit(store, parts("embed.vectors"), {"x": b"1"})
    no_file = commit(store, parts("cluster", 1), {"labels": b"1"})
    no_manifest = commit(store, parts("cluster", 2), {"labels": b"1"})
    commit(store, parts("embed"), {"x": b"1"}, units=[reference(unit)])
    no_file.file("labels").unlink()
    (no_manifest.path / MANIFEST).unlink()
    store.remove(unit.path)
    assert {(damage.path, damage.problem.split("@")[0]) for damage in verify(store)} == {
        (no_file.path / "labels", "missing"),
        (no_manifest.path / MANIFEST, "missing or unreadable"),
        (unit.path, "embed"),
    }


def test_verify_finds_a_manifest_that_was_edited_or_lies_in_another_place(store: Store, commit: Commit) -> None:
    edited = commit(store, parts("cluster", 1), {"labels": b"1"})
    moved = commit(store, parts("cluster", 2), {"labels": b"1"})
    text = (edited.path / MANIFEST).read_text()
    (edited.path / MANIFEST).write_text(text.replace('"number": 1', '"number": 3'))
    elsewhere = moved.path.rename(moved.path.with_name("f" * 64))
    assert {damage.path for damage in verify(store)} == {edited.path / MANIFEST, elsewhere / MANIFEST}


def test_unneeded_keeps_what_is_needed_with_its_units_and_lists_the_rest(store: Store, commit: Commit) -> None:
    kept_unit, old_unit = (commit(store, parts("embed.vectors", n), {"x": b"1"}) for n in (1, 2))
    kept = commit(store, parts("embed", 1), {"x": b"1"}, units=[reference(kept_unit)])
    old = commit(store, parts("embed", 2), {"x": b"1"}, units=[reference(kept_unit), reference(old_unit)])
    assert set(unneeded(store, {key(kept)})) == {old.path, old_unit.path}
    assert set(unneeded(store, {key(kept), key(old)})) == set()
    assert set(unneeded(store, set())) == {kept.path, old.path, kept_unit.path, old_unit.path}


def test_drafts_and_work_are_unneeded_unless_their_builder_is_alive(store: Store) -> None:
    draft = store.root / ".tmp" / "cluster-dead" / "a1b2"
    draft.mkdir(parents=True)
    work = store.work_folder("train_gan", "dead")
    with store.building("cluster", "alive"):
        store.work_folder("cluster", "alive")
        assert set(unneeded(store, set())) == {draft.parent, work}


def test_what_is_removed_is_gone_and_removing_goes_on_after_a_kill(store: Store, commit: Commit) -> None:
    for number in range(3):
        commit(store, parts("cluster", number), {"labels": b"1"})
    half_removed = store.root / ".tmp" / "trash-0123"
    next(store.artifacts()).path.rename(half_removed)
    for _ in range(2):
        for folder in unneeded(store, set()):
            store.remove(folder)
        assert list(store.artifacts()) == []
        assert list((store.root / ".tmp").iterdir()) == []
