"""Texts lose the secrets that addresses and the environment bring, and nothing else."""

import re

import pytest

from logoflow.errors import UserError
from logoflow.redact import CREDENTIALS, redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://me:pa55@bucket/x is closed", "s3://***@bucket/x is closed"),
        ("'http://me:p/a@h:9/api' and s3://b/k@2x.png", "'http://***@h:9/api' and s3://b/k@2x.png"),
        ("GET https://b/k?X-Amz-Signature=abc&b=c failed", "GET https://b/k?*** failed"),
        ("s3://bucket/logos/*.png, 3 images", "s3://bucket/logos/*.png, 3 images"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_addresses_lose_users_and_queries(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_secrets_of_the_environment_are_hidden_in_every_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLECTION_TOKEN", "planted-token")
    monkeypatch.setenv("COLLECTION_NAME", "planted-name")
    assert str(UserError("planted-token of planted-name")) == "*** of planted-name"


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("s3://user:pass@bucket/x", True), ("s3://key@bucket", True), ("s3://user:pa/ss@bucket", True),
        ("s3://bucket/x?X-Amz-Signature=1", True), ("https://user:pass@host/x.zip", True),
        ("s3://bucket/icon@2x.png", False), ("s3://bucket/a?b/*.png", False), ("/data/user:x@y", False),
    ],
)  # fmt: skip
def test_addresses_with_credentials_are_told_from_others(address: str, refused: bool) -> None:
    assert bool(re.match(CREDENTIALS, address)) == refused
