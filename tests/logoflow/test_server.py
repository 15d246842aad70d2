"""The pages over real HTTP: what they say, whom they let in, and that nothing outside the report can be read."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from status_server import Pages, serving

from logoflow.access import is_loopback
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.monitor.model import PastRun, Status
from logoflow.resolve import Workspace
from logoflow.server import serve
from logoflow.store.ledger import Event, Kind

PASSWORD = "pässword: with a colon"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def pages(space: Workspace, rehearse: Any, values: dict[str, Any]) -> Iterator[Pages]:
    rehearse(check_config(values))
    rehearse(check_config({**values, "cluster": {"k": 12}}))
    space.ledger.append(Event("run-3", HOSTILE, Kind.RUN_STARTED, data={"config": {}, "pid": 1}))
    with serving(space.store.root) as server:
        yield server


def test_status_history_and_metrics_are_told(pages: Pages) -> None:
    status = Status.model_validate_json(pages.get("/status.json").body)
    assert [pipeline.name for pipeline in status.pipelines] == [HOSTILE, "rehearsal"]
    runs = [PastRun.model_validate(line) for line in json.loads(pages.get("/runs.json").body)]
    assert [run.id for run in runs] == ["run-3", "run-2", "run-1"]
    assert "cluster" in runs[1].built
    assert "embed" not in runs[1].built
    assert [run["id"] for run in json.loads(pages.get("/runs.json?limit=1").body)] == ["run-3"]
    assert [pages.get(f"/runs.json?limit={limit}").status for limit in ("0", "x", "-1", "99999999")] == [400] * 4
    answer = pages.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = {family.name for family in text_string_to_metric_families(answer.body.decode())}
    assert {"logoflow_last_run_state", "logoflow_store_bytes"} <= families
    assert pages.get("/healthz").body == b"ok\n"
    assert pages.get("/other").status == 404


def test_the_page_shows_the_runs_escapes_names_and_loads_nothing_from_elsewhere(pages: Pages) -> None:
    answer = pages.get("/")
    text = answer.body.decode()
    assert "config k: 10 -&gt; 12" in text
    assert HOSTILE not in text
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in text
    assert "http://" not in text
    assert "https://" not in text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'sha256-")


def test_the_newest_report_is_served_and_nothing_around_it(pages: Pages, space: Workspace) -> None:
    assert pages.get("/report").headers["Location"].endswith("/report/")
    answer = pages.get("/report/")
    assert (answer.status, answer.body) == (200, b"<title>Rehearsal</title>")
    assert answer.headers["Content-Type"].startswith("text/html")
    newest = list(space.store.artifacts("report"))[-1]
    assert pages.get("/report/report.json").body == newest.file("report.json").read_bytes()
    ledger = space.ledger.path
    for way_out in (
        "manifest.json",
        f"../../{ledger.name}",
        f"..%2f..%2f{ledger.name}",
        f"%2e%2e/%2e%2e/{ledger.name}",
        f"x/../../../{ledger.name}",
        str(ledger),
        "/etc/passwd",
        "..\\..\\" + ledger.name,
        "index.html%00",
        "index.html/..",
    ):
        assert pages.get(f"/report/{way_out}").status == 404, way_out


def test_without_a_store_there_is_an_empty_page_and_none_is_made(tmp_path: Path) -> None:
    with serving(tmp_path / "none") as pages:
        assert b"No run yet" in pages.get("/").body
        assert pages.get("/report/").status == 404
        assert json.loads(pages.get("/runs.json").body) == []
    assert not (tmp_path / "none").exists()


def basic(password: str, user: str = "anyone") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_password_is_asked_of_everyone_but_for_health(tmp_path: Path) -> None:
    with serving(tmp_path, PASSWORD) as pages:
        for path in ("/", "/status.json", "/runs.json", "/metrics", "/report/", "/nothing"):
            refused = pages.get(path)
            assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Basic realm="logoflow"')
            assert pages.get(path, basic(PASSWORD)).status == (404 if path in ("/report/", "/nothing") else 200)
        wrong = (basic(""), basic(PASSWORD[:-1]), basic(PASSWORD + "x"), {"Authorization": "Basic %%%"}, {})
        bearer = {"Authorization": basic(PASSWORD)["Authorization"].replace("Basic", "Bearer")}
        assert [pages.get("/metrics", headers).status for headers in (*wrong, bearer)] == [401] * 6
        assert pages.get("/healthz").status == 200
        assert pages.get("/metrics", {**basic(PASSWORD), "Host": "logos.example"}).status == 200


def test_without_a_password_only_names_of_this_machine_are_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as pages:
        named = {
            name: pages.get("/runs.json", {"Host": name}).status for name in ("localhost", "127.0.0.1:4280", "[::1]:1")
        }
        assert set(named.values()) == {200}, named
        assert pages.get("/runs.json", {"Host": "rebound.example"}).status == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "logos.example", ""])
@pytest.mark.parametrize("password", [None, ""])
def test_beyond_this_machine_it_does_not_start_without_a_password(
    host: str, password: str | None, tmp_path: Path
) -> None:
    assert not is_loopback(host)
    with pytest.raises(UserError, match="LOGOFLOW_PASSWORD"):
        serve(tmp_path, host, 0, password)


def test_the_module_says_in_a_sentence_why_it_does_not_start(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "logoflow.server", "--store", str(tmp_path), "--host", "0.0.0.0"]
    answer = subprocess.run(command, capture_output=True, text=True, env={"PATH": "", "PYTHONPATH": str(Path.cwd())})
    assert answer.returncode == 1
    assert answer.stderr == (
        "0.0.0.0 can be reached from other machines: set LOGOFLOW_PASSWORD to a password, or use 127.0.0.1.\n"
    )
