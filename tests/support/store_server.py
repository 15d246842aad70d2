"""A real S3 server process: moto's."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from small_pipeline import free_port

BOOT_S = 120
BUCKET = "store"


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """A server with an empty bucket; the environment that leads to it."""
    port = free_port()
    command = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + BOOT_S
    try:
        while True:
            assert process.poll() is None
            try:
                urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                assert time.monotonic() < end
                time.sleep(0.1)
        secrets = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-to-be-seen"}
        environment = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", **secrets}
        named = {f"aws_{name.removeprefix('AWS_').lower()}": value for name, value in secrets.items()}
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **named)
        client.create_bucket(Bucket=BUCKET)
        yield environment
    finally:
        process.terminate()
        process.wait()


def on_machine(cache: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process on a machine of its own, as far as a store can tell: another cache."""
    return {**os.environ, **environment, "LOGOFLOW_CACHE": str(cache)}
