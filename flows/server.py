"""Prefect's temporary server, for runs from a terminal where no other is set: it outlives Ctrl-C, but not the run."""

import signal
import sys

from prefect.client.orchestration import get_client


def start_server() -> None:
    """Have a server: that of PREFECT_API_URL, else a temporary one, which Ctrl-C does not reach.

    A terminal sends Ctrl-C to every process of a command. The server still has to hear how the run ends; it inherits
    that the signal is held back, and is ended by the process that started it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        get_client(sync_client=True)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_server() -> None:
    """End the temporary server, if there is one; for a process that ends in a hurry."""
    if "prefect.server.api.server" in sys.modules:
        from prefect.server.api.server import SubprocessASGIServer

        SubprocessASGIServer().stop()
