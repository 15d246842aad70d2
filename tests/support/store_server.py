"""A real S3 server with an empty bucket for a store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto_s3 import moto_server

BUCKET = "store"


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """A server with an empty bucket; the environment that leads to it."""
    with moto_server() as url:
        secrets = {"AWS_ACCESS_KEY_ID": "tester", "AWS_SECRET_ACCESS_KEY": "not-to-be-seen"}
        named = {f"aws_{name.removeprefix('AWS_').lower()}": value for name, value in secrets.items()}
        client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **named)
        client.create_bucket(Bucket=BUCKET)
        yield {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", **secrets}


def on_machine(cache: Path, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process on a machine of its own, as far as a store can tell: another cache."""
    return {**os.environ, **environment, "LOGOFLOW_CACHE": str(cache)}
