"""Forks a builder that commits artifacts in a row, kills it at a random moment, and does so again and again.

The artifact of number i holds files that follow from i, so that whoever reads the store can tell whether it is whole.
Prints, for each kill, whether a draft was under way.
"""

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from logoflow.store.manifest import Manifest, Parts, content_digest
from logoflow.store.store import Store, record_files


def commit_in_a_row(store: Store) -> None:
    """Build artifact after artifact, beginning with the first that the store does not hold."""
    for number in count():
        parts = Parts(stage="numbers", code="", config={"number": number})
        if store.find("numbers", parts.fingerprint()):
            continue
        with store.building("numbers", parts.fingerprint()) as draft:
            for size in (10, 100_000, 1_000):
                (draft / f"{size}.bin").write_bytes(bytes([number % 251]) * size)
            files = record_files(draft, ("10.bin", "1000.bin"))
            store.commit(
                draft,
                Manifest(
                    stage="numbers", fingerprint=parts.fingerprint(), content=content_digest(files), recipe="",
                    parts=parts, inputs={}, units=(), files=files, metrics={}, versions={}, host={},
                    started=datetime.now(UTC), duration_s=0.0,
                ),
            )  # fmt: skip


def main(root: Path, kills: int) -> None:
    """Kill `kills` builders."""
    store = Store(root)
    wait = random.Random(0)
    for _ in range(kills):
        builder = os.fork()
        if builder == 0:
            commit_in_a_row(store)
        time.sleep(wait.uniform(0.01, 0.1))
        os.kill(builder, signal.SIGKILL)
        os.waitpid(builder, 0)
        print(any((root / ".tmp").glob("*/*")))


main(Path(sys.argv[1]), int(sys.argv[2]))
