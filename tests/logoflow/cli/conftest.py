"""Commands see no store but one that a test makes."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOGOFLOW_STORE", str(tmp_path / "none"))
