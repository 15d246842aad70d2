"""Which generator a command draws with: a run's, a file, or the one that ships."""

from dataclasses import dataclass
from pathlib import Path

from logoflow.errors import UserError
from logoflow.resolve import Place, Workspace
from logoflow.run import default_store, existing_workspace
from logoflow.status import RunStatus, find_run, read_runs
from logoflow.store.store import Artifact

SHIPPED = "shipped"


@dataclass(frozen=True)
class ChosenGenerator:
    """A generator's file and where it comes from.

    Attributes:
        path: of the weights.
        origin: for people, such as "run 20250301-120000-1a2b3c".
        space: the store that it lies in; None for a file and the one that ships.
        trained: its artifact there.
    """

    path: Path
    origin: str
    space: Workspace | None = None
    trained: Artifact | None = None

    @property
    def training_set(self) -> Artifact | None:
        """What it was trained on, where the store still has it."""
        if self.space is None or self.trained is None:
            return None
        return self.space.store.find("curate", self.trained.manifest.inputs["curate"].fingerprint)


def choose_generator(reference: str | None, store: Place | None) -> ChosenGenerator:
    """The generator that a user means.

    Args:
        reference: a file, a run's id or its beginning, or "shipped". None: that of the run accepted last; else of the
            last run that trained one or found it trained; else the one that ships.
        store: folder or s3:// address of the store; None for the default one. It is not made where there is none.

    Raises:
        UserError: there is no such generator.
    """
    if reference == SHIPPED:
        return shipped()
    if reference is not None and Path(reference).is_file():
        return ChosenGenerator(Path(reference), reference)
    space = existing_workspace(store)
    if reference is None:
        run = newest(space) if space else None
        return of_run(space, run) if space and run else shipped()
    if space is None:
        raise UserError(f"{reference} is no file, and {store or default_store()} no store: name another generator.")
    return of_run(space, find_run(space.ledger, reference, or_file=True))


def shipped() -> ChosenGenerator:
    """The generator that comes with logoflow.

    Raises:
        UserError: this copy came without.
    """
    from stylegan2.shipped import GENERATOR

    if not GENERATOR.is_file():
        raise UserError(
            "the generator that ships is not in this copy: name another with --generator, a run's id or a file."
        )
    return ChosenGenerator(GENERATOR, "the generator that ships")


def newest(space: Workspace) -> RunStatus | None:
    """The run that was accepted last, else the last one that has a generator."""
    accepted = space.ledger.last_accepted(None)
    runs = read_runs(space.ledger)
    if accepted is not None:
        return next(run for run in runs if run.id == accepted.run)
    return next((run for run in runs if run.stages["train_gan"].state in ("built", "cached")), None)


def of_run(space: Workspace, run: RunStatus) -> ChosenGenerator:
    """The generator that a run trained or found trained.

    Raises:
        UserError: it has none, or it is gone.
    """
    trained = space.store.find("train_gan", run.stages["train_gan"].fingerprint)
    if trained is None:
        raise UserError(f"run {run.id} has no generator in the store: choose another of `logoflow runs`.")
    return ChosenGenerator(trained.file("generator.safetensors"), f"run {run.id}", space, trained)
