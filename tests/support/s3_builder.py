"""A worker process that builds units in a store and says which: STORE FIRST COUNT SECONDS_EACH."""

import sys
import time
from datetime import UTC, datetime

from logoflow.resolve import Workspace
from logoflow.store.manifest import Manifest, Parts, content_digest
from logoflow.store.store import Artifact, record_files


def parts_of(number: int) -> Parts:
    """What identifies a unit."""
    return Parts(stage="test.units", code="", config={"number": number})


def build(space: Workspace, number: int, seconds: float = 0) -> tuple[Artifact, bool]:
    """The unit, and whether it was made here."""
    parts = parts_of(number)
    with space.store.building(parts.stage, parts.fingerprint()) as draft:
        if found := space.store.find(parts.stage, parts.fingerprint()):
            return found, False
        print("builds", number, flush=True)
        time.sleep(seconds)
        (draft / "pictures").mkdir()
        (draft / "result.bin").write_bytes(b"%d" % number * 1000)
        (draft / "pictures" / "when.txt").write_text(str(time.time_ns()))
        files = record_files(draft, ("result.bin",))
        manifest = Manifest(
            stage=parts.stage, fingerprint=parts.fingerprint(), content=content_digest(files), recipe="", parts=parts,
            inputs={}, units=(), files=files, metrics={}, versions={}, host={}, started=datetime.now(UTC),
            duration_s=0.0,
        )  # fmt: skip
        return space.store.commit(draft, manifest), True


if __name__ == "__main__":
    place, first, count, each = sys.argv[1:]
    for n in range(int(first), int(first) + int(count)):
        made, here = build(Workspace.open(place), n, float(each))
        print("built" if here else "found", n, made.content, flush=True)
