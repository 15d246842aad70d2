"""A real S3 server process: moto's."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from small_pipeline import BIN, free_port

BOOT_S = 120


@contextmanager
def moto_server(**settings: str) -> Iterator[str]:
    """A server without buckets, with more variables of its environment; its address."""
    port = free_port()
    command = [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + BOOT_S
    try:
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether a server is up."""
    try:
        urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
    except (urllib.error.URLError, ConnectionError):
        return False
    return True
