"""A flipped bit anywhere in the store: verify finds it, no run builds on it, repair makes it good."""

import random
from pathlib import Path

import pytest
from fault_bench import FULL, Bench, contents, in_full

from logoflow.stages import STAGES
from logoflow.store.check import artifact_folders, verify_artifact
from logoflow.store.store import MANIFEST, Store, read_artifact

MANIFEST_BITS = 20
"""Of each manifest, which holds many figures."""

READERS = {name: [stage.name for stage in STAGES.values() if name in stage.inputs] for name in STAGES}


def flip(path: Path, draw: random.Random) -> int:
    """Flip one bit of a file; which."""
    data = bytearray(path.read_bytes())
    bit = draw.randrange(8 * len(data))
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    return bit


def test_verify_finds_a_flipped_bit_in_any_file_of_artifacts_and_units(bench: Bench, seed: int) -> None:
    store = Store(bench.store_without())
    draw, harmless, tried = random.Random(seed), 0, 0
    for folder in artifact_folders(store):
        whole = read_artifact(folder)
        assert whole is not None
        assert list(verify_artifact(store, whole)) == []
        for name in [*whole.manifest.files, *[MANIFEST] * MANIFEST_BITS]:
            before = (folder / name).read_bytes()
            bit = flip(folder / name, draw)
            now, tried = read_artifact(folder), tried + 1
            if now == whole and name == MANIFEST:  # the case of a letter that means the same in both
                harmless += 1
            elif now is not None:  # else verify calls it unreadable
                found = {damage.path for damage in verify_artifact(store, now)}
                assert folder / name in found, (folder / name, bit)
            (folder / name).write_bytes(before)
    assert tried > 500
    assert harmless <= tried // 100


@pytest.mark.parametrize("stage", ["ingest", "embed", "curate", "train_gan"] if FULL else ["curate"])
def test_no_run_builds_on_a_damaged_input_and_repair_makes_it_good(bench: Bench, seed: int, stage: str) -> None:
    draw = random.Random(f"{seed} {stage}")
    for reader in READERS[stage] if FULL else READERS[stage][:1]:
        store = bench.store_without(reader)
        damaged = next(Store(store).artifacts(stage))
        name = draw.choice(STAGES[stage].data)
        with bench.trial("bit flip in an input", store):
            flip(damaged.path / name, draw)
            job = bench.start(store)
            if job.exit_code() == 0:
                assert contents(store)[reader] == bench.content[reader], "it was read, and nobody noticed"
            else:
                assert f"{name} is damaged: `logoflow repair`" in job.log.read_text()
            repair(bench, store)


@in_full
def test_repair_builds_flipped_units_and_artifacts_again(bench: Bench, seed: int) -> None:
    draw = random.Random(seed)
    folders = list(artifact_folders(Store(bench.pipeline.store)))
    for folder in draw.sample(folders, len(folders)):
        store = bench.store_without()
        there = store / folder.relative_to(bench.pipeline.store)
        path = draw.choice(sorted(path for path in there.rglob("*") if path.is_file() and path.stat().st_size))
        whole = read_artifact(there)
        with bench.trial("bit flip in an artifact or unit", store):
            flip(path, draw)
            if read_artifact(there) != whole or path.name != MANIFEST:
                assert "the same content" in repair(bench, store) or path.name == MANIFEST


def repair(bench: Bench, store: Path) -> str:
    """Repair a store, which must end well; what it printed."""
    job = bench.warm.start("repair", "--rebuild", "--store", str(store))
    assert job.exit_code() == 0, job.log.read_text()
    return job.log.read_text()
