"""The ledger keeps every event in order, whoever appends."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from logoflow.errors import UserError
from logoflow.store.ledger import Event, Kind, Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def test_an_event_comes_back_as_it_was_told(ledger: Ledger) -> None:
    at = datetime(2025, 3, 30, 2, 30, 0, 123456, timezone(timedelta(hours=2)))
    event = Event("run", "demo", Kind.STAGE_BUILT, "cluster", {"metrics": {"k": 10, "ö": [1.5, None]}}, at)
    ledger.append(event)
    (back,) = ledger.events()
    assert (back.run, back.pipeline, back.kind, back.stage, back.data) == (
        event.run,
        event.pipeline,
        event.kind,
        event.stage,
        event.data,
    )
    assert back.at == at
    assert back.kind is Kind.STAGE_BUILT


def test_a_ledger_that_was_never_written_is_empty_and_reading_makes_no_file(ledger: Ledger) -> None:
    assert ledger.events() == []
    assert ledger.last_answer("demo", "cluster") is None
    assert not ledger.path.exists()


def test_events_come_in_the_order_of_appending_whatever_their_clocks_say(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    for number, hours in enumerate((3, -5, 0, 2)):
        ledger.append(Event("run", "demo", Kind.PROGRESS, "embed", {"done": number}, now + timedelta(hours=hours)))
    assert [event.data["done"] for event in ledger.events()] == [0, 1, 2, 3]


def test_after_gives_what_is_new_and_run_what_belongs_to_it(ledger: Ledger) -> None:
    for number in range(6):
        ledger.append(Event(f"run-{number % 2}", "demo", Kind.PROGRESS, data={"done": number}))
    seqs = [event.seq for event in ledger.events()]
    assert seqs == sorted(set(seqs))
    assert [event.data["done"] for event in ledger.events(after=seqs[3])] == [4, 5]
    assert ledger.events(after=seqs[-1]) == []
    assert [event.data["done"] for event in ledger.events(run="run-1", after=seqs[1])] == [3, 5]


def test_the_last_answer_is_the_newest_built_or_cached_event_of_the_pipeline_and_stage(ledger: Ledger) -> None:
    for pipeline, stage, kind, number in (
        ("demo", "cluster", Kind.STAGE_BUILT, 1),
        ("demo", "cluster", Kind.STAGE_CACHED, 2),
        ("demo", "cluster", Kind.STAGE_STARTED, 3),
        ("demo", "cluster", Kind.STAGE_FAILED, 4),
        ("demo", "embed", Kind.STAGE_BUILT, 5),
        ("article", "cluster", Kind.STAGE_BUILT, 6),
    ):
        ledger.append(Event("run", pipeline, kind, stage, {"number": number}))
    last = ledger.last_answer("demo", "cluster")
    assert last is not None
    assert last.data == {"number": 2}
    assert ledger.last_answer("article", "embed") is None
    of_any = ledger.last_answer(None, "cluster")
    assert of_any is not None
    assert of_any.data == {"number": 6}


APPEND = """
import sys
from pathlib import Path
from logoflow.errors import UserError
from logoflow.store.ledger import Event, Kind, Ledger

print("ready", flush=True)
sys.stdin.readline()
ledger = Ledger(Path(sys.argv[1]))
for number in range(60):
    ledger.append(Event(sys.argv[2], "demo", Kind.PROGRESS, "embed", {"done": number}))
"""


def test_processes_that_append_at_once_from_the_first_event_on_lose_nothing(ledger: Ledger) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(ledger.path), f"run-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        writer.communicate("go\n")
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0]
    assert len(ledger.events()) == 4 * 60
    for number in range(4):
        assert [event.data["done"] for event in ledger.events(run=f"run-{number}")] == list(range(60))


def test_a_damaged_ledger_is_told(ledger: Ledger) -> None:
    ledger.path.write_bytes(b"not a database at all, but long enough to have a header" * 10)
    for use in (ledger.last_seq, lambda: ledger.append(Event("r", "p", Kind.RUN_STARTED))):
        with pytest.raises(UserError, match="is damaged"):
            use()
