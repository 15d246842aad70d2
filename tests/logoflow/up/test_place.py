"""Who runs `up` on a store, and how Prefect's clients find its server."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from logoflow.errors import UserError
from logoflow.up.place import Home, alone, find_running, server_environment, use_server, write_note
from logoflow.up.services import Wish, environment, reachable


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING", "LOGOFLOW_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return Home(tmp_path)


def note(place: Home, password: bool = False, ready: bool = True) -> None:
    write_note(place, "http://127.0.0.1:4200", "http://127.0.0.1:4280", password, ready)


def test_the_server_is_found_while_its_up_lives_and_is_ready(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_environment(place.store) == {}
    note(place, ready=False)
    assert server_environment(place.store) == {}
    note(place)
    assert server_environment(place.store) == {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    assert server_environment(place.store) == {}


def test_a_password_is_handed_on_by_who_knows_it_and_written_nowhere(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGOFLOW_PASSWORD", "sesame")
    note(place, password=True)
    assert server_environment(place.store)["PREFECT_API_AUTH_STRING"] == "logoflow:sesame"
    assert all(b"sesame" not in path.read_bytes() for path in place.store.rglob("*") if path.is_file())


def test_a_password_that_is_not_known_is_asked_for_in_a_sentence(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))
    note(place, password=True)
    with pytest.raises(UserError, match="set LOGOFLOW_PASSWORD to it"):
        use_server(place.store)
    os.environ.pop("PREFECT_API_URL")
    os.environ["LOGOFLOW_PASSWORD"] = "sesame"
    use_server(place.store)
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert os.environ["PREFECT_API_AUTH_STRING"] == "logoflow:sesame"


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"born": "another boot 1"}, {"host": "elsewhere"}])
def test_the_note_of_a_dead_or_distant_process_does_not_count(place: Home, change: dict[str, object]) -> None:
    note(place)
    running = find_running(place.store)
    assert running is not None
    place.note.write_text(json.dumps(vars(replace(running, **change))))  # type: ignore[arg-type]
    assert find_running(place.store) is None


def test_there_is_one_up_for_a_store_and_the_kernel_frees_its_place(place: Home) -> None:
    hold = f"""
import pathlib, time
from logoflow.up.place import Home, alone
with alone(Home(pathlib.Path({str(place.store)!r}))):
    print("held", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="runs already on"), alone(place):
            pass
        holder.kill()
    with alone(place):
        pass


def test_a_password_goes_to_the_server_and_its_clients(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "of another service")
    monkeypatch.setenv("PREFECT_HOME", "/a/home")
    given = environment(Wish("0.0.0.0", 4200, 4280, "sesame"), place)
    assert given["PREFECT_SERVER_API_AUTH_STRING"] == given["PREFECT_API_AUTH_STRING"] == "logoflow:sesame"
    assert given["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert given["PREFECT_HOME"] == "/a/home"
    assert "PREFECT_API_KEY" not in given
    monkeypatch.delenv("PREFECT_HOME")
    own = environment(Wish("127.0.0.1", 4200, 4280, None), place)
    assert own["PREFECT_HOME"] == str(place.prefect_home)
    assert "PREFECT_SERVER_API_AUTH_STRING" not in own


def test_addresses_that_mean_every_one_are_reached_by_one() -> None:
    named = ("0.0.0.0", "::", "::1", "logos.example", "192.168.1.5")
    assert [reachable(host) for host in named] == ["127.0.0.1", "[::1]", "[::1]", "logos.example", "192.168.1.5"]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish("0.0.0.0", 4200, 4280, None), "set LOGOFLOW_PASSWORD to a password"),
        (Wish("0.0.0.0", 4200, 4280, "pässword"), "letters beyond ASCII"),
        (Wish("127.0.0.1", 4200, 4200, None), "are both 4200"),
        (Wish("203.0.113.7", 4200, 4280, "sesame"), "cannot be used"),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(wish: Wish, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        wish.check()


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
        other.close()
        with pytest.raises(UserError, match="give another --pages-port"):
            Wish("127.0.0.1", free, taken.getsockname()[1], None).check()
