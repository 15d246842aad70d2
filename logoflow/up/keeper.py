"""Keeping services running: started in order, started again when they die, ended in order."""

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from logoflow.code import ROOT
from logoflow.errors import UserError
from logoflow.up.place import Home
from logoflow.up.processes import end_all, mark

BOOT_S = (
    300.0  # the first boot of Prefect's server makes a database: 20 s and more, several times that on a busy machine
)
POLL_S = 0.2
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0  # who lived so long begins again with the first pause


@dataclass(frozen=True)
class Service:
    """A process that is kept running.

    Attributes:
        name: also of its log.
        command: what is run, in the project's folder.
        ready: an address that answers when it can be used; empty where nothing has to be waited for.
    """

    name: str
    command: Sequence[str]
    ready: str = ""


@dataclass
class Kept:
    """A service, its process, and when it is started again."""

    service: Service
    process: subprocess.Popen[bytes]
    started: float
    deaths: int = 0
    again_at: float | None = None


class Asked(BaseException):
    """A signal asks this process to end."""


class Keeper:
    """The services of one `up`.

    Args:
        place: whose `up` it is.
        environment: of every service.
        say: told what happens, in sentences.
    """

    def __init__(self, place: Home, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._place = place
        self._environment = environment
        self._say = say
        self._kept: list[Kept] = []
        self._asked = False
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._ask)
        self._guard = self._start_guard()

    def start(self, service: Service) -> None:
        """Start a service and wait until it can be used.

        Raises:
            UserError: it ended, or did not answer in time.
            Asked: a signal came meanwhile.
        """
        process = self._launch(service)
        self._kept.append(Kept(service, process, time.monotonic()))
        end = time.monotonic() + BOOT_S
        while service.ready and not answers(service.ready):
            if process.poll() is not None or time.monotonic() > end:
                raise UserError(f"{service.name} does not start: {self._last_words(service.name)}")
            self._pause()

    def finish(self, service: Service) -> None:
        """Run a process to its end.

        Raises:
            UserError: it failed.
            Asked: a signal came meanwhile.
        """
        process = self._launch(service)
        while process.poll() is None:
            self._pause()
        if process.returncode:
            raise UserError(f"{service.name} failed: {self._last_words(service.name)}")

    def keep(self) -> None:
        """Start services again that die, until a signal asks to end.

        Raises:
            Asked: a signal came.
        """
        while True:
            self._pause()
            if self._guard.poll() is not None:
                self._guard = self._start_guard()
            for kept in self._kept:
                self._look_after(kept)

    def end(self) -> None:
        """End everything, flows first; who does not end in time is killed."""
        end_all(self._place.store)
        for kept in self._kept:
            kept.process.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()

    def _look_after(self, kept: Kept) -> None:
        now = time.monotonic()
        if kept.again_at is not None and now >= kept.again_at:
            kept.process, kept.started, kept.again_at = self._launch(kept.service), now, None
        elif kept.again_at is None and (code := kept.process.poll()) is not None:
            kept.deaths = 0 if now - kept.started > STEADY_S else kept.deaths
            pause_s = min(FIRST_PAUSE_S * 2**kept.deaths, LONGEST_PAUSE_S)
            kept.deaths, kept.again_at = kept.deaths + 1, now + pause_s
            how = f"by signal {-code}" if code < 0 else f"with code {code}"
            self._say(
                f"{kept.service.name} ended {how}; it is started again in {pause_s:.0f} s "
                f"({self._place.log(kept.service.name)})"
            )

    def _launch(self, service: Service) -> subprocess.Popen[bytes]:
        path = self._place.log(service.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as log:
            return subprocess.Popen(
                service.command,
                env={**self._environment, **mark(self._place.store, service.name)},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us alone: they end in order
            )

    def _start_guard(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "logoflow.up.guard", str(self._place.store)]
        return subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def _last_words(self, name: str) -> str:
        path = self._place.log(name)
        words = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
        return f"{words[-1].strip() if words else 'it said nothing'} (more in {path})"

    def _ask(self, signum: int, frame: FrameType | None) -> None:
        self._asked = True

    def _pause(self) -> None:
        if self._asked:
            raise Asked
        time.sleep(POLL_S)


def answers(url: str) -> bool:
    """Whether an address answers that all is well."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False
