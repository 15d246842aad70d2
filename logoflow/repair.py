"""Repair: what verify finds damaged is set aside, and the runs that used it make it again."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from logoflow.errors import UserError
from logoflow.resolve import Workspace, is_bucket
from logoflow.status import RunStatus, read_runs
from logoflow.store.check import DAMAGED, agrees_with_itself, verify
from logoflow.store.files import fsync_path
from logoflow.store.lock import exclusive
from logoflow.store.store import Store, read_artifact


@dataclass(frozen=True)
class Broken:
    """An artifact that is damaged, or was set aside as such and is not built again yet.

    Attributes:
        kind: stage or unit.
        fingerprint: of it.
        problem: what is wrong with it.
        run: the newest run that rests on it; None where none does.
    """

    kind: str
    fingerprint: str
    problem: str
    run: RunStatus | None

    @property
    def short(self) -> str:
        """How people name it."""
        return f"{self.kind}@{self.fingerprint[:8]}"

    def aside(self, store: Store) -> Path:
        """Where it is set aside."""
        return store.root / DAMAGED / f"{self.kind}-{self.fingerprint}"


def find_broken(space: Workspace) -> list[Broken]:
    """Hash the whole store, and tell what is damaged and which run can make it again.

    Raises:
        UserError: it lies in a bucket, where nothing can be set aside in one step.
    """
    if is_bucket(space.store.place):
        raise UserError(
            f"{space.store.place} lies in a bucket, which cannot be repaired so: delete the artifacts that "
            "`logoflow verify` names, and run again."
        )
    problems = defaultdict[tuple[str, str], list[str]](list)
    for damage in verify(space.store):
        kind, fingerprint, *inside = damage.path.relative_to(space.store.root).parts
        problems[kind, fingerprint].append(": ".join(["/".join(inside), damage.problem]) if inside else damage.problem)
    for folder in sorted((space.store.root / DAMAGED).glob("*")):
        kind, _, fingerprint = folder.name.rpartition("-")
        if not space.store.find(kind, fingerprint):
            problems[kind, fingerprint].append("set aside, not built again yet")
    runs = read_runs(space.ledger)
    return [Broken(*key, "; ".join(told), user_of(key, runs, space.store)) for key, told in sorted(problems.items())]


def user_of(key: tuple[str, str], runs: list[RunStatus], store: Store) -> RunStatus | None:
    """The newest run that used an artifact, or one that refers to it."""
    keys = {key, *((a.stage, a.manifest.fingerprint) for a in store.artifacts() if "/".join(key) in a.manifest.units)}
    for run in runs:
        if any((stage.name, stage.fingerprint) in keys for stage in run.stages.values()):
            return run
    return None


def set_aside(broken: Broken, store: Store) -> None:
    """Take a damaged artifact out of the store's sight in one rename, so that the next run builds it."""
    folder, aside = store.folder(broken.kind, broken.fingerprint), broken.aside(store)
    with exclusive(store.lock_path(broken.kind, broken.fingerprint)):
        if folder.exists() and not aside.exists():
            aside.parent.mkdir(exist_ok=True)
            folder.rename(aside)
            fsync_path(aside.parent)
            fsync_path(folder.parent)


def outcome(broken: Broken, space: Workspace) -> tuple[bool, str]:
    """Whether an artifact is again what it was, and in words what became of it."""
    made = space.store.find(broken.kind, broken.fingerprint)
    if made is None:
        return False, "not built: no run makes it any more, since configuration, sources or code have changed"
    before = content_before(broken, space)
    if before is None:
        return True, "built again; what its content was is not known"
    if before != made.content:
        return False, f"built again, but its content is {made.content[:8]} instead of {before[:8]}"
    return True, "built again, the same content"


def content_before(broken: Broken, space: Workspace) -> str | None:
    """The content digest that an artifact had: as its own manifest tells, else as the ledger did when it was built."""
    was = read_artifact(broken.aside(space.store))
    if was is not None and agrees_with_itself(was.manifest):
        return was.content
    for run in reversed(read_runs(space.ledger)):  # what was built anew since may be another
        for event in space.ledger.events(run.id):
            told = event.stage, event.data.get("fingerprint")
            if told == (broken.kind, broken.fingerprint) and "content" in event.data:
                return str(event.data["content"])
    return None
