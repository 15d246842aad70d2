"""A builder that is killed at any moment leaves nothing half, and nothing locked."""

import subprocess
import sys
from pathlib import Path

from logoflow.store.check import unneeded, verify
from logoflow.store.lock import is_held
from logoflow.store.store import Store

KILLS = 40


def test_builders_killed_at_random_moments_leave_whole_artifacts_free_locks_and_drafts_that_gc_lists(
    tmp_path: Path,
) -> None:
    script = Path(__file__).with_name("kill_builders.py")
    answer = subprocess.run(
        [sys.executable, script, tmp_path / "store", str(KILLS)], stdout=subprocess.PIPE, text=True, check=True
    )
    in_a_draft = answer.stdout.split().count("True")
    assert in_a_draft >= KILLS // 4, "the kills came between the builds and proved nothing"

    store = Store(tmp_path / "store")
    found = list(store.artifacts())
    numbers = sorted(artifact.manifest.parts.config["number"] for artifact in found)
    assert numbers == list(range(len(found))), "each builder went on where the one before it was killed"
    assert len(numbers) >= KILLS // 4
    for artifact in found:
        number = artifact.manifest.parts.config["number"]
        for size in (10, 1_000, 100_000):
            assert artifact.file(f"{size}.bin").read_bytes() == bytes([number % 251]) * size
        assert store.find("numbers", artifact.manifest.fingerprint) == artifact
    assert list(verify(store)) == []

    locks = list((store.root / ".locks").iterdir())
    assert len(locks) >= len(found)
    assert not any(is_held(lock) for lock in locks)

    orphans = set((store.root / ".tmp").iterdir())
    assert set(unneeded(store, {("numbers", a.manifest.fingerprint) for a in found})) == orphans
