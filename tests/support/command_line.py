"""`logoflow` as it is called from a shell, in this process."""

import sys

import pytest

from logoflow.cli.main import main


def logoflow(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run a command; its exit code."""
    monkeypatch.setattr(sys, "argv", ["logoflow", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0  # type: ignore[return-value]
