"""The unit of systemd and the compose file are what their own tools accept, and name what is there."""

import getpass
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_pipeline import BIN, ROOT

COMPOSE = ROOT / "deploy" / "compose.yaml"
UNIT = ROOT / "deploy" / "logoflow.service"
PASSWORDS = {"POSTGRES_PASSWORD": "elephant", "LOGOFLOW_PASSWORD": "sesame"}


def composed(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What docker-compose makes of our file."""
    if shutil.which("docker-compose") is None:
        pytest.skip("needs Debian's package docker-compose")
    command = ["docker-compose", "--file", str(COMPOSE), "config"]
    return subprocess.run(command, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True)


def test_compose_accepts_the_file_and_secrets_come_from_the_environment() -> None:
    done = composed(PASSWORDS)
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"postgres", "server", "setup", "worker", "pages"}
    given = services["server"]["environment"]
    assert (
        given["PREFECT_SERVER_DATABASE_CONNECTION_URL"] == "postgresql+asyncpg://prefect:elephant@postgres:5432/prefect"
    )
    clients = {name: services[name]["environment"]["PREFECT_API_AUTH_STRING"] for name in ("setup", "worker", "pages")}
    assert set(clients.values()) == {given["PREFECT_SERVER_API_AUTH_STRING"]} == {"logoflow:sesame"}
    assert not any(password in COMPOSE.read_text() for password in PASSWORDS.values())


@pytest.mark.parametrize("missing", PASSWORDS)
def test_compose_refuses_to_start_without_a_password(missing: str) -> None:
    done = composed({name: value for name, value in PASSWORDS.items() if name != missing})
    assert done.returncode != 0
    assert "set it to a password" in done.stderr


def compose_file() -> dict[str, Any]:
    """Our file as YAML alone has it."""
    return dict(yaml.safe_load(COMPOSE.read_text()))


def test_what_services_refer_to_is_declared() -> None:
    file = compose_file()
    for name, service in file["services"].items():
        assert set(service.get("depends_on", {})) <= set(file["services"]), name
        waited_for = [
            other for other, how in service.get("depends_on", {}).items() if how["condition"] == "service_healthy"
        ]
        assert all("healthcheck" in file["services"][other] for other in waited_for), name
        volumes = {
            volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(("$", ".", "/"))
        }
        assert volumes <= set(file["volumes"]), name
        assert "/" not in service["image"], "an ordinary name of the ordinary hub"
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if "build" in service:
            assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_commands_of_services_are_there() -> None:
    for name, service in compose_file()["services"].items():
        match service.get("command"):
            case ["python", "-m", module, *_]:
                assert importlib.util.find_spec(module) is not None, name
            case [program, *_]:
                assert (BIN / program).is_file(), name


def test_the_pool_and_the_user_are_those_of_the_code() -> None:
    from logoflow.up.place import USER
    from logoflow.up.services import POOL

    services = compose_file()["services"]
    assert POOL in services["worker"]["command"]
    assert services["server"]["environment"]["PREFECT_SERVER_API_AUTH_STRING"].startswith(f"{USER}:")
    assert yaml.safe_load((ROOT / "prefect.yaml").read_text())["definitions"]["work_pool"]["name"] == POOL


def unit(tmp_path: Path) -> Path:
    """Our unit, for this folder and this user in place of those of an installation."""
    text = UNIT.read_text().replace("/opt/logoflow/.venv/bin", str(BIN)).replace("/opt/logoflow", str(ROOT))
    path = tmp_path / "logoflow.service"
    path.write_text(text.replace("User=logoflow", f"User={getpass.getuser()}"))
    return path


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    command = ["systemd-analyze", "verify", str(unit(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_logoflow_knows_the_options_of_the_unit() -> None:
    (line,) = (line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart="))
    program, *arguments = line.removeprefix("ExecStart=").split()
    assert Path(program).name == "logoflow"
    command = [sys.executable, "-m", "logoflow.cli.main", *arguments, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    files = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    for name in files:
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "tree" / name)
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path / "tree", check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    packages = {name.split("/")[0] for name in held}
    assert {"flows", "tasks", "stylegan2", "moco", "data", "logoflow"} <= packages
    assert held == {name for name in files if name.split("/")[0] in packages}
