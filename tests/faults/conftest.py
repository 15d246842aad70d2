"""One server, one finished pipeline and one table of outcomes for all faults.

`make test` tries each fault a few times; `make faults` (FAULTS=1) kills a hundred times, and prints the table.
"""

import os
from collections.abc import Iterator

import pytest
from fault_bench import Bench, Outcome, Warm
from killable_server import PrefectServer

OUTCOMES = pytest.StashKey[list[Outcome]]()


@pytest.fixture(scope="session")
def seed() -> int:
    """What the moments are drawn by."""
    return int(os.environ.get("FAULTS_SEED", "1"))


@pytest.fixture(scope="session")
def outcomes(pytestconfig: pytest.Config) -> list[Outcome]:
    """The rows of the table."""
    return pytestconfig.stash.setdefault(OUTCOMES, [])


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome]) -> Iterator[Bench]:
    """The finished pipeline with a server and a process to fork runs from."""
    folder = tmp_path_factory.mktemp("faults")
    server = PrefectServer(folder / "prefect")
    server.start()
    warm = Warm(server.environment, folder)
    try:
        yield Bench(folder, server, warm, outcomes)
    finally:
        warm.close()
        server.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    if outcomes := config.stash.get(OUTCOMES, []):
        terminalreporter.section("faults")
        terminalreporter.line("| fault | trials | reruns equal | half-read | left running | time |")
        terminalreporter.line("|---|---|---|---|---|---|")
        for row in outcomes:
            counts = f"{row.trials} | {row.equal} | {row.half_read} | {row.left_running} | {row.seconds:.0f} s"
            terminalreporter.line(f"| {row.fault} | {counts} |")
