"""Gates against the rule by hand: shares, limits on both sides, and multiples of what was accepted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.artifacts import commit
from logoflow.config.gates import Gate
from logoflow.config.load import check_config
from logoflow.errors import UserError
from logoflow.gates import GateBroken, allow, broken, check_gates
from logoflow.resolve import Workspace
from logoflow.run import Run
from logoflow.store.ledger import Event, Kind
from logoflow.store.store import Artifact

numbers = st.floats(0, 1e6)


@given(value=numbers, low=numbers, high=numbers, whole=st.floats(0.5, 1e6))
def test_a_value_passes_between_its_limits(value: float, low: float, high: float, whole: float) -> None:
    gate = Gate(stage="ingest", metric="quarantined", share_of="offered", at_least=low, at_most=high)
    reasons = broken(gate, {"quarantined": value, "offered": whole}, None)
    assert len(reasons) == (value / whole < low) + (value / whole > high)


@given(value=numbers, accepted=numbers, times=st.floats(0.1, 10))
def test_a_value_is_measured_by_that_of_the_accepted_run(value: float, accepted: float, times: float) -> None:
    gate = Gate(stage="evaluate", metric="frechet", at_most_accepted=times)
    assert bool(broken(gate, {"frechet": value}, {"frechet": accepted})) == (value > times * accepted)
    assert not broken(gate, {"frechet": value}, None)
    assert not broken(gate, {"frechet": value}, {"another": accepted})


def test_what_was_not_measured_passes_no_gate() -> None:
    gate = Gate(stage="ingest", metric="quarantned", at_most=5)
    assert broken(gate, {"offered": 3, "quarantined": 0}, None) == [
        "it did not measure quarantned, but offered, quarantined"
    ]
    share = Gate(stage="ingest", metric="quarantined", share_of="offered", at_most=0.5)
    assert broken(share, {"offered": 0, "quarantined": 0}, None)


@pytest.mark.parametrize(
    ("gate", "sentence"),
    [
        ({"stage": "ingest", "metric": "quarantined"}, "limits nothing: give at_least, at_most or at_most_accepted"),
        ({"stage": "ingst", "metric": "quarantined", "at_most": 1}, "there is no stage ingst: the stages are ingest"),
    ],
)
def test_impossible_gates_are_refused(values: dict[str, Any], gate: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check_config({**values, "gates": [gate]})


def evaluated(space: Workspace, **metrics: float) -> Artifact:
    """An artifact of evaluate that measured this."""
    return commit(space, "evaluate", {}, "metrics.json", lambda path: path.write_text(str(metrics)), metrics, metrics)


def test_a_run_stops_at_a_broken_gate_until_it_is_allowed(values: dict[str, Any], space: Workspace) -> None:
    gate = {"stage": "evaluate", "metric": "frechet", "at_most_accepted": 1.1}
    run = Run(check_config({**values, "gates": [gate]}), space.store.root)
    first = evaluated(space, frechet=50.0)
    check_gates(run, first)  # nothing is accepted yet
    with pytest.raises(UserError, match="broke no gate: there is nothing to allow"):
        allow(space, first)
    chosen = {"artifacts": {"evaluate": first.manifest.fingerprint}}
    space.ledger.append(Event("r1", run.config.name, Kind.ACCEPTED, data=chosen))
    check_gates(run, evaluated(space, frechet=54.9))
    worse = evaluated(space, frechet=60.0)
    with pytest.raises(GateBroken, match=r"is 60, and at most 1.1 times the 50 of .* `logoflow allow evaluate@"):
        check_gates(run, worse)
    allow(space, worse)
    check_gates(run, worse)
    with pytest.raises(GateBroken):
        check_gates(run, evaluated(space, frechet=61.0))


def test_a_gate_of_another_stage_does_not_matter(values: dict[str, Any], space: Workspace) -> None:
    gate = {"stage": "ingest", "metric": "quarantined", "at_most": 0}
    run = Run(check_config({**values, "gates": [gate]}), space.store.root)
    check_gates(run, evaluated(space, quarantined=5.0))
