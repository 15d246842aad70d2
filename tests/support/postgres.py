"""A real PostgreSQL of the test's own, from Debian's package."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_pipeline import free_port

PASSWORD = "elephant"


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server on a free port; the URL of an empty database whose owner is no superuser."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        pytest.skip("needs Debian's package postgresql")
    tools, port = found[-1].parent, free_port()
    user = pwd.getpwnam("postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)  # root may not run it
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders are closed to other users
    os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        command = [str(tools / program), *arguments]
        done = subprocess.run(command, user=user.pw_uid, group=user.pw_gid, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    data, at = str(folder / "data"), ("--host", str(folder), "--port", str(port))
    options = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    try:
        run("initdb", "--pgdata", data, "--auth-local", "trust", "--auth-host", "scram-sha-256")
        run("pg_ctl", "start", "--wait", "--pgdata", data, "--log", str(folder / "log"), "--options", options)
        try:
            run("psql", *at, "--dbname", "postgres", "--command", f"CREATE ROLE prefect LOGIN PASSWORD '{PASSWORD}'")
            run("createdb", *at, "--owner", "prefect", "prefect")
            yield f"postgresql+asyncpg://prefect:{PASSWORD}@127.0.0.1:{port}/prefect"
        finally:
            run("pg_ctl", "stop", "--pgdata", data, "--mode", "immediate")
    finally:
        shutil.rmtree(folder)
