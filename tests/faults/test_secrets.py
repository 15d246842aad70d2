"""Secrets in addresses and in the environment reach no file of the store, no row of Prefect's and no output."""

import base64
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import yaml
from fault_bench import Bench
from s3_server import BUCKET, environment, s3_server
from small_pipeline import ROOT

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted/Key+0123456789",
    "AWS_SESSION_TOKEN": "planted-session-token",
    "COLLECTION_TOKEN": "planted-token-of-their-own",
    "LOGOFLOW_PASSWORD": "planted-password",
}
IN_ADDRESS = "planted-in-an-address"


def traces(*places: Path) -> list[str]:
    """Where a secret stands, as it is or quoted or in base64."""
    forms = set()
    for secret in (*SECRETS.values(), IN_ADDRESS):
        forms |= {secret.encode(), quote(secret, safe="").encode(), base64.b64encode(secret.encode())[:-4]}
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*")) if path.is_file()]
    assert files
    return [f"{path}: {form!r}" for path in files for form in forms if form in path.read_bytes()]


def cold(bench: Bench, log: Path, environment: dict[str, str], *arguments: str) -> int:
    """Run a command in a process of its own that logs everything to Prefect; the exit code."""
    command = [*bench.pipeline.command(*arguments)[:-2]]
    everything = {**bench.server.environment, "PREFECT_LOGGING_LEVEL": "DEBUG", **SECRETS, **environment}
    with log.open("ab") as out:
        return subprocess.run(
            command, env=everything, cwd=ROOT, stdout=out, stderr=out, timeout=300, check=False
        ).returncode


def test_secrets_of_the_environment_are_nowhere_after_a_run_from_s3(bench: Bench, tmp_path: Path) -> None:
    store, log = bench.store_without("ingest", "report"), tmp_path / "log"
    values = yaml.safe_load(bench.pipeline.config.read_text())
    values["ingest"]["sources"] = [{"name": "logos", "path": f"s3://{BUCKET}/"}]
    config = tmp_path / "remote.yaml"
    config.write_text(yaml.safe_dump(values))
    run = ("run", str(config), "--store", str(store))
    with s3_server(bench.pipeline.logos) as url:
        well = {**environment(url, tmp_path / "cache"), **SECRETS}
        assert cold(bench, log, well, *run) == 0, log.read_text()[-3000:]
        for arguments in (
            ("status", "--json"),
            ("runs", "--json"),
            ("show", "ingest", "--json"),
            ("plan", str(config)),
        ):
            job = bench.warm.start(*arguments, "--store", str(store), **well)
            assert job.exit_code() == 0
            log.write_text(log.read_text() + job.log.read_text())
    silent = environment("http://tester:" + IN_ADDRESS + "@127.0.0.1:9", tmp_path / "other")
    assert cold(bench, log, {**silent, **SECRETS}, *run, "--debug") != 0
    assert traces(store, bench.server.home, log) == []


@pytest.mark.parametrize(
    "address",
    [
        f"s3://user:{IN_ADDRESS}@bucket/logos",
        f"s3://user:with/{IN_ADDRESS}@bucket/logos",
        f"s3://bucket/logos?X-Amz-Signature={IN_ADDRESS}",
        f"https://user:{IN_ADDRESS}@host/logos.zip",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(bench: Bench, tmp_path: Path, address: str) -> None:
    store = bench.folder / f"refusing-{tmp_path.name}"
    config = tmp_path / "secret.yaml"
    values = yaml.safe_load(bench.pipeline.config.read_text())
    values["ingest"]["sources"] = [{"name": "logos", "path": address}]
    config.write_text(yaml.safe_dump(values))
    broken, wrong = tmp_path / "broken.yaml", tmp_path / "wrong.yaml"
    broken.write_text(f"name: x\ningest: {{sources: [{{name: a, path: '{address}', : ]}}\n")
    wrong.write_text(yaml.safe_dump({**values, "ingest": {"sources": address}}))
    for arguments in (
        ("run", str(config)), ("plan", str(config)), ("run", str(broken), "--debug"), ("plan", str(wrong)),
        ("plan", str(bench.pipeline.config), "--set", f"ingest.sources=[{{name: a, path: '{address}'}}]"),
        ("plan", str(bench.pipeline.config), "--set", f"ingest.sources=[{{name: a, path: '{address}'"),
    ):  # fmt: skip
        job = bench.warm.start(*arguments, "--store", str(store))
        assert job.exit_code() == 2, job.log.read_text()
        assert traces(job.log) == [], arguments
    assert traces(bench.server.home) == []


def test_prefect_refuses_a_form_with_a_secret_before_it_keeps_it(bench: Bench) -> None:
    schema = json.loads(
        subprocess.run(
            [bench.pipeline.command()[0].replace("logoflow", "python"), "-c", SCHEMA],
            env=bench.server.environment, cwd=ROOT, capture_output=True, check=True,
        ).stdout
    )  # fmt: skip
    url = bench.server.url
    flow = httpx.post(f"{url}/flows/", json={"name": "pipeline"}).json()["id"]
    deployment = {
        "name": "asked",
        "flow_id": flow,
        "parameter_openapi_schema": schema,
        "enforce_parameter_schema": True,
    }
    made = httpx.post(f"{url}/deployments/", json=deployment).json()["id"]
    values = yaml.safe_load(bench.pipeline.config.read_text())
    for path, refused in ((f"s3://u:{IN_ADDRESS}@bucket/x", True), ("s3://bucket/x@2x.png", False)):
        values["ingest"]["sources"] = [{"name": "logos", "path": path}]
        asked = {"parameters": {"config": values}, "state": {"type": "SCHEDULED"}}
        answer = httpx.post(f"{url}/deployments/{made}/create_flow_run", json=asked)
        assert (answer.status_code >= 400) == refused, answer.text
        if not refused:
            httpx.delete(f"{url}/flow_runs/{answer.json()['id']}")
    assert traces(bench.server.home) == []


SCHEMA = """
import json
from prefect.utilities.callables import parameter_schema
from flows.pipeline import pipeline
print(json.dumps(parameter_schema(pipeline.fn).model_dump()))
"""
