"""Where `logoflow up` keeps its files in a store, and how others learn that it runs there."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from logoflow.access import PASSWORD_VARIABLE
from logoflow.errors import UserError
from logoflow.machine import process_birth
from logoflow.resolve import Place, is_bucket
from logoflow.store.files import write_atomic

AUTH_VARIABLE = "PREFECT_API_AUTH_STRING"
USER = "logoflow"
"""Prefect wants a user name beside the password; the pages take any."""


@dataclass(frozen=True)
class Home:
    """The folder `.up` of a store."""

    store: Path

    @property
    def lock(self) -> Path:
        """The file that a running `up` holds."""
        return self.store / ".up" / "lock"

    @property
    def note(self) -> Path:
        """Where a running `up` says who it is, and its addresses."""
        return self.store / ".up" / "running.json"

    @property
    def prefect_home(self) -> Path:
        """Prefect's database and settings, where the user has not set PREFECT_HOME."""
        return self.store / ".up" / "prefect"

    def log(self, name: str) -> Path:
        """The output of a service; of `up` itself where it runs in the background."""
        return self.store / ".up" / "logs" / f"{name}.log"


@dataclass(frozen=True)
class Running:
    """An `up`: its process, and where its servers are.

    Attributes:
        pid: number of its process.
        born: when that began, since numbers are given again.
        host: name of the machine that it runs on.
        prefect: address of Prefect's pages, as this machine reaches them.
        pages: address of the status pages.
        password: whether both ask for one.
        ready: whether everything has been started.
    """

    pid: int
    born: str | None
    host: str
    prefect: str
    pages: str
    password: bool
    ready: bool

    @property
    def api(self) -> str:
        """What PREFECT_API_URL is for its server."""
        return f"{self.prefect}/api"


def write_note(place: Home, prefect: str, pages: str, password: bool, ready: bool) -> None:
    """Say that this process is the `up` of a store."""
    pid = os.getpid()
    told = Running(pid, process_birth(pid), socket.gethostname(), prefect, pages, password, ready)
    write_atomic(place.note, json.dumps(asdict(told), indent=1).encode())


def find_running(store: Place) -> Running | None:
    """The `up` of a store that lives on this machine, be it ready or not."""
    if is_bucket(store):
        return None  # its own files need a folder
    try:
        told = Running(**json.loads(Home(Path(store)).note.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    here = told.host == socket.gethostname() and told.born is not None
    return told if here and process_birth(told.pid) == told.born else None


def server_environment(store: Place) -> dict[str, str]:
    """The variables by which Prefect's clients find the server of a store's `up`.

    Empty where none is ready, and where PREFECT_API_URL names another server.
    """
    running = find_running(store)
    if running is None or not running.ready or os.environ.get("PREFECT_API_URL"):
        return {}
    found = {"PREFECT_API_URL": running.api}
    if running.password and (password := os.environ.get(PASSWORD_VARIABLE)):
        found[AUTH_VARIABLE] = auth_string(password)
    return found


def use_server(store: Place) -> None:
    """Have Prefect's clients in this process find the server of a store's `up`.

    Raises:
        UserError: it asks for a password that this user has not given.
    """
    found = server_environment(store)
    os.environ.update({name: value for name, value in found.items() if name not in os.environ})
    running = find_running(store)
    if found and running is not None and running.password and AUTH_VARIABLE not in os.environ:
        raise UserError(f"the server of `logoflow up` asks for a password: set {PASSWORD_VARIABLE} to it.")


def auth_string(password: str) -> str:
    """What Prefect's server asks of its clients, and its page of people."""
    return f"{USER}:{password}"


@contextmanager
def alone(place: Home) -> Iterator[None]:
    """Be the only `up` of a store.

    Raises:
        UserError: there is another.
    """
    place.lock.parent.mkdir(parents=True, exist_ok=True)
    with place.lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = find_running(place.store)
            who = f" (process {other.pid}, {other.prefect})" if other else ""
            raise UserError(
                f"`logoflow up` runs already on {place.store}{who}: end it with `logoflow down`, or give another "
                "--store and other ports."
            ) from None
        yield
