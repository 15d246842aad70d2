"""One run of a pipeline: its configuration, its store, and what its stages tell the ledger."""

import functools
import os
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from logoflow.config.pipeline import PipelineConfig
from logoflow.errors import UserError
from logoflow.machine import describe_host, process_birth
from logoflow.plan import make_plan
from logoflow.redact import redacted
from logoflow.resolve import Place, Workspace
from logoflow.stages import STAGES, before
from logoflow.store.ledger import Event, Kind, Ledger
from logoflow.store.lock import exclusive, is_held
from logoflow.store.store import Artifact

HEARTBEAT_S = 15.0
STORE_VARIABLE = "LOGOFLOW_STORE"


def default_store() -> Place:
    """The store that a command uses when it names none."""
    return os.environ.get(STORE_VARIABLE, ".logoflow")


def existing_workspace(store: Place | None) -> Workspace | None:
    """The store that a command was given, or the default one; None where there is none yet, and none is made.

    Raises:
        UserError: the folder holds other things.
    """
    return Workspace.find(store or default_store())


@dataclass(frozen=True)
class Run:
    """What every stage task of a run is given; small and picklable, since units may run in other processes."""

    config: PipelineConfig
    store: Place
    id: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S-") + uuid.uuid4().hex[:6])
    force: str | None = None
    """A stage that is built even if its artifact is there."""

    def workspace(self) -> Workspace:
        """The store that the run works in."""
        return Workspace.open(self.store)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """Where the run tells what happens; kept, since opening it takes longer than a line."""
        return self.workspace().ledger

    def tell(self, kind: Kind, stage: str = "", **data: Any) -> None:
        """Append to the ledger."""
        self.ledger.append(Event(self.id, self.config.name, kind, stage, data))

    def upstream_of(self, *stages: str) -> dict[str, Artifact]:
        """The artifacts that stages rest on, by name, all of them up to date.

        Raises:
            UserError: there is no such stage, or one of them would have to run first.
        """
        if unknown := [name for name in stages if name not in STAGES]:
            raise UserError(f"there is no stage {unknown[0]}: the stages are {', '.join(STAGES)}.")
        steps = {step.stage.name: step for step in make_plan(self.config, self.workspace())}
        found = {}
        for name in STAGES:
            if name in stages or not any(name in before(stage) for stage in stages):
                continue
            artifact = steps[name].artifact
            if artifact is None:
                raise UserError(
                    f"{stages[0]} rests on {name}, which is not up to date ({steps[name].reason}): "
                    f"run {name} first, or everything."
                )
            found[name] = artifact
        return found

    def accepted(self) -> dict[str, Artifact]:
        """The artifacts of the run that people accepted last, by stage up to evaluate; empty where they accepted none.

        Raises:
            UserError: one of them is gone from the store.
        """
        event = self.ledger.last_accepted(self.config.name)
        if event is None:
            return {}
        store = self.workspace().store
        found = {name: store.find(name, fingerprint) for name, fingerprint in event.data["artifacts"].items()}
        if gone := [name for name, artifact in found.items() if artifact is None]:
            raise UserError(
                f"{gone[0]} of the accepted run {event.run} is gone from the store: run that configuration again, or "
                "accept another run."
            )
        return {name: artifact for name, artifact in found.items() if artifact is not None}

    @contextmanager
    def recorded(self, flow_run: str | None = None, again: str = "") -> Iterator[None]:
        """Wait until no other run works in the store, and tell the ledger how the run starts and ends.

        Args:
            flow_run: what Prefect calls it.
            again: the command that goes on from where the run breaks off.
        """
        started: dict[str, Any] = {
            "config": self.config.model_dump(mode="json"),
            "pid": os.getpid(),
            "born": process_birth(os.getpid()),
            "host": describe_host(),
            "flow_run": flow_run,
        }
        # A lock that the kernel drops, so that no run waits for one that was killed.
        turn = self.workspace().store.root / ".locks" / "run"
        try:
            if is_held(turn):
                self.tell(Kind.RUN_STARTED, **started, queued=True)
            with exclusive(turn):
                self.tell(Kind.RUN_STARTED, **started)
                yield
        except BaseException as error:
            state = "cancelled" if was_cancelled(error) else "failed"
            self.tell(Kind.RUN_ENDED, state=state, message=ending(error, again))
            raise
        self.tell(Kind.RUN_ENDED, state="completed")

    @contextmanager
    def stage_recorded(self, stage: str, **data: Any) -> Iterator[None]:
        """Tell the ledger that a stage is being built, that it is alive, and if it fails."""
        self.tell(Kind.STAGE_STARTED, stage, **data)
        stop = threading.Event()
        heart = threading.Thread(target=self._beat, args=(stage, stop), daemon=True)
        heart.start()
        try:
            yield
        except BaseException as error:
            cancelled = was_cancelled(error)
            error.add_note(f"during {stage}")
            told = {
                "message": "" if cancelled else sentence(error),
                "traceback": redacted(traceback.format_exc())[-4000:],
            }
            self.tell(Kind.STAGE_FAILED, stage, cancelled=cancelled, **told, **data)
            raise
        finally:
            stop.set()
            heart.join()

    def _beat(self, stage: str, stop: threading.Event) -> None:
        while not stop.wait(HEARTBEAT_S):
            with suppress(UserError):  # the disk may be full for a while: the stage itself finds out
                self.tell(Kind.HEARTBEAT, stage, pid=os.getpid())


def was_cancelled(error: BaseException) -> bool:
    """Whether somebody ended the run, by Ctrl-C or a signal; what goes wrong by itself is an Exception."""
    return not isinstance(error, Exception)


def ending(error: BaseException, again: str) -> str:
    """How a run broke off and how it goes on, in one line."""
    where = " ".join(getattr(error, "__notes__", ()))
    if was_cancelled(error):
        told = f"cancelled {where}".strip()
    else:
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        told = f"{kind}{sentence(error).rstrip('.')}" + (f" ({where})" if where else "")
    return f"{told}; go on with `{again}`" if again else told


def sentence(error: BaseException) -> str:
    """An error in one line."""
    text = redacted(" ".join(str(error).split()))
    return text or type(error).__name__
