"""Prefect's server shows a summary of each stage of each run, also of stages that were up to date."""

import json
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from small_pipeline import Pipeline, Server

from logoflow.stages import STAGES


def artifacts(server: Server) -> list[dict[str, Any]]:
    """All markdown artifacts that the server holds, the oldest first."""
    request = urllib.request.Request(
        f"{server.url}/artifacts/filter",
        json.dumps({"artifacts": {"type": {"any_": ["markdown"]}}, "limit": 200}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return sorted(json.load(answer), key=lambda artifact: str(artifact["created"]))


def test_each_stage_leaves_one_summary_in_each_run(server: Server, finished: Pipeline, tmp_path: Path) -> None:
    again = finished.copy(tmp_path / "again")
    again.run("--set", "generate.per_cluster=2")
    *_, last = [artifact["flow_run_id"] for artifact in artifacts(server)]
    found = {artifact["key"]: artifact for artifact in artifacts(server) if artifact["flow_run_id"] == last}
    assert set(found) == {f"small-{stage.replace('_', '-')}" for stage in STAGES}
    assert all(artifact["task_run_id"] for artifact in found.values())
    states = Counter(artifact["data"].partition("**")[2].partition("**")[0] for artifact in found.values())
    assert states == {"Cached": len(STAGES) - 2, "Built": 2}
    assert "config per\\_cluster: 3 -&gt; 2" in found["small-generate"]["data"]
    assert "data:image/webp;base64," in found["small-generate"]["data"]
    assert max(len(artifact["data"]) for artifact in found.values()) < 45_000
    of_runs = Counter((artifact["flow_run_id"], artifact["key"]) for artifact in artifacts(server))
    assert set(of_runs.values()) == {1}
