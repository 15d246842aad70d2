"""`logoflow up` and `logoflow down`: Prefect's server, a worker and the status pages on this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from logoflow.access import LOOPBACK, PASSWORD_VARIABLE
from logoflow.cli.output import StoreOption, console
from logoflow.errors import UserError
from logoflow.resolve import Workspace, is_bucket
from logoflow.run import default_store
from logoflow.up.keeper import POLL_S, Asked, Keeper
from logoflow.up.place import USER, Home, Running, alone, find_running, write_note
from logoflow.up.processes import end, end_all
from logoflow.up.services import SETUP, Wish, environment, services

DOWN_S = 12.0  # `up` itself takes less than ten


def up(
    host: Annotated[
        str, typer.Option(help=f"Address to listen on; beyond this machine ${PASSWORD_VARIABLE} has to be set.")
    ] = LOOPBACK,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Prefect's server.")] = 4200,
    pages_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the status pages.")] = 4280,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background; `logoflow down` ends it.")] = False,
    store: StoreOption = None,
) -> None:
    """Start Prefect's server, a worker and the status pages, with the deployments of prefect.yaml; Ctrl-C ends them."""
    place = Home(Workspace.open(folder_of(store)).store.root)
    wish = Wish(host, port, pages_port, os.environ.get(PASSWORD_VARIABLE) or None)
    if detach:
        start_detached(wish, place)
    else:
        with alone(place):
            serve(wish, place)


def down(store: StoreOption = None) -> None:
    """End what `logoflow up` has started, also where it died half-way."""
    root = folder_of(store)
    running = find_running(root)
    if running is not None:
        end([running.pid], DOWN_S)
    left = end_all(root)
    Home(root).note.unlink(missing_ok=True)
    if running is None and not left:
        console.print(f"Nothing runs on {root}.", markup=False)
    else:
        console.print(f"Ended{'' if running else f' {left} processes of an `up` that had died'}.", markup=False)


def folder_of(store: str | None) -> Path:
    """The folder of the store that is meant, where `up` keeps its own files.

    Raises:
        UserError: it lies in a bucket.
    """
    place = store or default_store()
    if is_bucket(place):
        raise UserError(
            f"`up` keeps files of its own in a folder, and {place} is none: name one by --store, and give the runs "
            "the bucket as their parameter store."
        )
    return Path(place).resolve()


def serve(wish: Wish, place: Home) -> None:
    """Start everything and keep it running until a signal comes."""
    if left := end_all(place.store):
        say(f"Ended {left} processes of an `up` that had died.")
    wish.check()
    write_note(place, wish.prefect, wish.pages, wish.password is not None, ready=False)
    keeper = Keeper(place, environment(wish, place), say)
    server, *others = services(wish, place)
    try:
        say("Starting Prefect's server; the first time takes half a minute.")
        keeper.start(server)
        keeper.finish(SETUP)
        for service in others:
            keeper.start(service)
        write_note(place, wish.prefect, wish.pages, wish.password is not None, ready=True)
        introduce(place)
        keeper.keep()
    except Asked:
        say("Ending.")
    finally:
        keeper.end()
        place.note.unlink(missing_ok=True)


def start_detached(wish: Wish, place: Home) -> None:
    """Run `up` in the background and wait until it is ready.

    Raises:
        UserError: it did not start; the sentence is its own.
    """
    command = [sys.executable, "-m", "logoflow.cli.main", "up", "--store", str(place.store), "--host", wish.host]
    command += ["--port", str(wish.port), "--pages-port", str(wish.pages_port)]
    path = place.log("up")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    while not is_ready(find_running(place.store), process.pid):
        if process.poll() is not None:
            raise UserError(last_line(path))
        time.sleep(POLL_S)
    introduce(place)
    console.print("It runs in the background; `logoflow down` ends it.", markup=False)


def is_ready(running: Running | None, pid: int) -> bool:
    """Whether a process is the `up` that runs, and has started everything."""
    return running is not None and running.ready and running.pid == pid


def last_line(path: Path) -> str:
    """The last line of a log."""
    return (path.read_text(errors="replace").strip().splitlines() or ["`up` ended without a word."])[-1]


def introduce(place: Home) -> None:
    """Print where everything is."""
    running = find_running(place.store)
    assert running is not None
    for name, where in {
        "Prefect": running.prefect,
        "status": running.pages,
        "report": f"{running.pages}/report/",
        "store": place.store,
        "logs": place.log("").parent,
    }.items():
        console.print(f"{name:<8} {where}", markup=False)
    if running.password:
        console.print(
            f"Prefect's page asks for {USER}:PASSWORD, the others for any name and the password.", markup=False
        )
    console.print(f"For prefect's own commands: export PREFECT_API_URL={running.api}", markup=False)


def say(sentence: str) -> None:
    """Print a sentence, with the time of day where nobody watches it come."""
    stamp = "" if console.is_terminal else f"{time.strftime('%Y-%m-%d %H:%M:%S')} "
    console.print(f"{stamp}{sentence}", markup=False)
