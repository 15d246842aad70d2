"""A disk that is full, and one that may not be written to: a sentence, and nothing lost."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fault_bench import Bench, in_full

from logoflow.store.files import size_of

FULL = ("No space left on device", "disk is full", "make room on its disk")

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="mounting a disk needs root")


@contextmanager
def disk(place: Path, size_bytes: int) -> Iterator[Path]:
    """A disk in memory of this size."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", place]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no mounts")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def remount(place: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", place], check=True)


@in_full
def test_a_full_disk_fails_the_run_in_a_sentence_and_a_larger_one_goes_on(bench: Bench, tmp_path: Path) -> None:
    size = size_of(bench.pipeline.store) * 4
    stages = ["ingest", "train_encoder", "embed", "curate", "train_gan", "generate", "report"]
    for number, stage in enumerate(stages):
        for spare in (4096, 65536, 262144):
            with disk(tmp_path / f"disk-{number}-{spare}", size) as place:
                store = bench.store_without(stage, within=place)
                with bench.trial("disk full", store):
                    used = os.statvfs(place)
                    free = used.f_bavail * used.f_frsize
                    (place / "ballast").write_bytes(bytes(free - spare))
                    job = bench.start(store)
                    code, told = job.exit_code(), job.log.read_text()
                    assert code == 0 or any(sentence in told for sentence in FULL), told
                    assert "Traceback" not in told, told
                    (place / "ballast").unlink()


def test_a_store_that_may_not_be_written_to_is_read_and_refused_in_a_sentence(bench: Bench, tmp_path: Path) -> None:
    with disk(tmp_path / "disk", size_of(bench.pipeline.store) * 4) as place:
        store = bench.store_without("report", within=place)
        with bench.trial("read-only store", store):
            remount(place, "ro")
            job = bench.start(store)
            assert job.exit_code() in (1, 2)
            (line,) = job.log.read_text().strip().splitlines()
            assert str(store) in line
            for command in (["plan", str(bench.pipeline.config)], ["status"], ["runs"], ["verify"], ["gc"]):
                looked = bench.warm.start(*command, "--store", str(store))
                assert looked.exit_code() == 0, (command, looked.log.read_text())
            remount(place, "rw")
