"""A real S3 server (moto), and a relay before it that fails, resets, cuts short and dawdles as a seed draws."""

import os
import random
import socket
import socketserver
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto_s3 import moto_server

BUCKET = "logos"
SLOW_S = 1.0


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """A server that holds a folder's files in its bucket; its address."""
    with moto_server() as url:
        client = boto3.client(
            "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        client.create_bucket(Bucket=BUCKET)
        for path in sorted(folder.iterdir()):
            client.put_object(Bucket=BUCKET, Key=path.name, Body=path.read_bytes())
        yield url


class Relay:
    """A server before the server; one request per connection."""

    def __init__(self, upstream: str, seed: int, share: float) -> None:
        """Fail `share` of all requests in one of four ways."""
        host, _, port = upstream.removeprefix("http://").partition(":")
        self.done = Counter[str]()
        draw, lock = random.Random(seed), threading.Lock()

        def next_fault() -> str:
            with lock:
                fault = draw.choice(("error", "reset", "cut", "slow")) if draw.random() < share else "none"
                self.done[fault] += 1
                return fault

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (part := self.request.recv(65536)):
                        return
                    head += part
                fault = next_fault()
                if fault == "error":
                    self.request.sendall(b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                if fault == "reset":
                    self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if fault == "slow":
                    time.sleep(SLOW_S)
                answer = ask(head)
                self.request.sendall(answer[: -max(1, len(answer) // 3)] if fault == "cut" else answer)

        def ask(head: bytes) -> bytes:
            line, _, rest = head.partition(b"\r\n")
            with socket.create_connection((host, int(port))) as server:
                server.sendall(line + b"\r\nConnection: close\r\n" + rest.replace(b"Connection: keep-alive\r\n", b""))
                return b"".join(iter(lambda: server.recv(65536), b""))

        self._listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}"
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._listener.shutdown()
        self._listener.server_close()


def environment(url: str, cache: Path) -> dict[str, str]:
    """What leads a run to the server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", "not-to-be-seen"),
        "AWS_DEFAULT_REGION": "us-east-1",
        "LOGOFLOW_CACHE": str(cache),
    }
