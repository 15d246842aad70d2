"""What `logoflow up` starts: commands, addresses, and the environment that makes them find one another."""

import os
import socket
import sys
from dataclasses import dataclass

from logoflow.access import LOOPBACK, check_reach
from logoflow.errors import UserError
from logoflow.run import STORE_VARIABLE
from logoflow.up.keeper import Service
from logoflow.up.place import Home, auth_string

PREFECT = (sys.executable, "-m", "prefect")
POOL = "logoflow"
"""The work pool of prefect.yaml."""
SETUP = Service("setup", (sys.executable, "-m", "flows.setup"))
"""Tells the server of the work pool and the deployments, and of runs that are dead."""


@dataclass(frozen=True)
class Wish:
    """What `up` was asked for.

    Attributes:
        host: address to listen on.
        port: of Prefect's server.
        pages_port: of the status pages.
        password: what both ask for; None for nothing.
    """

    host: str
    port: int
    pages_port: int
    password: str | None

    @property
    def prefect(self) -> str:
        """Where this machine reaches Prefect's server."""
        return f"http://{reachable(self.host)}:{self.port}"

    @property
    def pages(self) -> str:
        """Where this machine reaches the status pages."""
        return f"http://{reachable(self.host)}:{self.pages_port}"

    def check(self) -> None:
        """Refuse what cannot work.

        Raises:
            UserError: a password is missing or one that Prefect cannot compare, or a port is taken.
        """
        check_reach(self.host, self.password)
        if self.password and not self.password.isascii():
            raise UserError("the password has letters beyond ASCII, which Prefect's server refuses: choose another.")
        if self.port == self.pages_port:
            raise UserError(f"--port and --pages-port are both {self.port}: give them different ones.")
        for option, port in (("--port", self.port), ("--pages-port", self.pages_port)):
            check_free(self.host, port, option)


def reachable(host: str) -> str:
    """How this machine reaches a server that listens on `host`, as part of a URL."""
    named = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)
    return f"[{named}]" if ":" in named else named


def check_free(host: str, port: int, option: str) -> None:
    """Refuse an address that cannot be listened on.

    Raises:
        UserError: something else does, or it is none of this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise UserError(
            f"port {port} of {host} cannot be used ({error.strerror}): end what listens there, or give another "
            f"{option}."
        ) from error


def services(wish: Wish, place: Home) -> tuple[Service, Service, Service]:
    """Server, pages and worker, in the order in which they start; between the first and the others comes `SETUP`."""
    where = ("--host", wish.host, "--port")
    pages = (sys.executable, "-m", "logoflow.server", "--store", str(place.store))
    worker = ("worker", "start", "--pool", POOL, "--name", socket.gethostname())  # else each start leaves one offline
    return (
        Service("server", (*PREFECT, "server", "start", *where, str(wish.port)), f"{wish.prefect}/api/health"),
        Service("pages", (*pages, *where, str(wish.pages_port)), f"{wish.pages}/healthz"),
        Service("worker", (*PREFECT, *worker)),
    )


def environment(wish: Wish, place: Home) -> dict[str, str]:
    """The variables of every service: this user's, and those that name this server, this store and this password."""
    own = {
        "PREFECT_API_URL": f"{wish.prefect}/api",
        "PREFECT_UI_API_URL": "/api",  # whatever name the browser knows this machine by
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": wish.prefect,  # else any page that a browser here shows may start flows
        STORE_VARIABLE: str(place.store),
    }
    if wish.password:
        own["PREFECT_SERVER_API_AUTH_STRING"] = own["PREFECT_API_AUTH_STRING"] = auth_string(wish.password)
    defaults = {
        "PREFECT_HOME": str(place.prefect_home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }
    users = {name: value for name, value in os.environ.items() if name != "PREFECT_API_KEY"}  # it is Prefect Cloud's
    return {**defaults, **users, **own}
