"""dashboards/: rules and panels that Prometheus understands, over metrics that there are, scraped by a real one."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from status_server import serving

from logoflow.config.load import check_config
from logoflow.monitor.gather import Observer
from logoflow.monitor.prometheus import StatusCollector
from logoflow.resolve import Workspace
from logoflow.store.ledger import Event, Kind

DASHBOARDS = Path(__file__).parents[2] / "dashboards"
WAIT_S = 120
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="no prometheus on this machine: apt-get install prometheus",
)


def expressions() -> list[str]:
    """What the panels of the dashboard ask for, with its variables filled in."""
    board = json.loads((DASHBOARDS / "grafana.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [expression.replace("$pipeline", ".*") for expression in asked]


def test_dashboard_and_rules_ask_only_for_metrics_that_there_are(tmp_path: Path) -> None:
    families = StatusCollector(Observer(tmp_path / "none").status()).collect()
    known = {family.name for family in families} | {"logoflow_last_run_state", "logoflow_stage_state"}
    rules = yaml.safe_load((DASHBOARDS / "rules.yml").read_text())["groups"][0]["rules"]
    for expression in (*expressions(), *(rule["expr"] for rule in rules)):
        assert set(re.findall(r"logoflow_\w+", expression)) <= known, expression


def test_the_dashboard_takes_its_data_from_a_variable_and_its_panels_do_not_overlap() -> None:
    board = json.loads((DASHBOARDS / "grafana.json").read_text())
    assert [variable["type"] for variable in board["templating"]["list"]] == ["datasource", "query"]
    for panel in board["panels"]:
        assert {source["uid"] for source in (panel["datasource"], *(t["datasource"] for t in panel["targets"]))} == {
            "${datasource}"
        }
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@needs_prometheus
def test_rules_pass_their_unit_tests() -> None:
    for command in (("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")):
        found = subprocess.run(["promtool", *command], cwd=DASHBOARDS, capture_output=True, text=True)
        assert found.returncode == 0, found.stdout + found.stderr


@needs_prometheus
def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": expression} for n, expression in enumerate(expressions())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    found = subprocess.run(["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def ask(port: int, path: str) -> Any:
    """An answer of Prometheus' API; None while it starts."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]
    except OSError:
        return None


@needs_prometheus
def test_a_real_prometheus_scrapes_a_real_store_and_tells_of_a_run_that_failed(
    space: Workspace, rehearse: Any, values: dict[str, Any], tmp_path: Path
) -> None:
    rehearse(check_config(values))
    for kind, data in ((Kind.RUN_STARTED, {"config": {}, "pid": 1}), (Kind.RUN_ENDED, {"state": "failed"})):
        space.ledger.append(Event("run-2", "other", kind, data=data))
    port = free_port()
    with serving(space.store.root) as pages:
        config = yaml.safe_load((DASHBOARDS / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(DASHBOARDS / "rules.yml")]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{pages.port}"]
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb"]
        with (tmp_path / "log").open("w") as log:
            prometheus = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stderr=log)
        try:
            alerts, states = set[tuple[str, str]](), set[tuple[str, str]]()
            ended = time.monotonic() + WAIT_S
            while ("LogoflowRunFailed", "other") not in alerts and time.monotonic() < ended:
                time.sleep(0.5)
                told = ask(port, "alerts") or {"alerts": []}
                alerts = {(a["labels"]["alertname"], a["labels"].get("pipeline", "")) for a in told["alerts"]}
            query = urllib.parse.quote("logoflow_last_run_state == 1")
            for sample in ask(port, f"query?query={query}")["result"]:
                states.add((sample["metric"]["pipeline"], sample["metric"]["logoflow_last_run_state"]))
        finally:
            prometheus.terminate()
            prometheus.wait()
    assert states == {("rehearsal", "completed"), ("other", "failed")}, (tmp_path / "log").read_text()
    assert ("LogoflowRunFailed", "other") in alerts
    assert ("LogoflowRunFailed", "rehearsal") not in alerts
    assert ("LogoflowNightlyLate", "rehearsal") in alerts  # it ran in March 2025
