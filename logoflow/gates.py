"""Whether what a stage measured lets a run go on."""

from collections.abc import Mapping
from typing import Any

from logoflow.config.gates import Gate
from logoflow.errors import UserError
from logoflow.resolve import Workspace
from logoflow.run import Run
from logoflow.store.ledger import Event, Kind
from logoflow.store.store import Artifact


class GateBroken(UserError):
    """A run stops: a stage measured what a gate does not let through, and nobody has allowed it."""


def check_gates(run: Run, artifact: Artifact) -> None:
    """Let a stage's artifact through.

    Raises:
        GateBroken: it breaks a gate, and was not allowed by hand.
    """
    gates = [gate for gate in run.config.gates if gate.stage == artifact.stage]
    if not gates or is_allowed(run.workspace(), artifact):
        return
    accepted = accepted_metrics(run, artifact.stage)
    reasons = [why for gate in gates for why in broken(gate, artifact.manifest.metrics, accepted)]
    if reasons:
        run.tell(Kind.GATE_BROKEN, artifact.stage, fingerprint=artifact.manifest.fingerprint, reasons=reasons)
        raise GateBroken(
            f"{artifact.stage} breaks a gate: {'; '.join(reasons)}; see `logoflow show {artifact.stage}`, and to go on "
            f"all the same `logoflow allow {artifact.short}`."
        )


def broken(gate: Gate, metrics: Mapping[str, Any], accepted: Mapping[str, Any] | None) -> list[str]:
    """What a stage's metrics have against a gate, in words.

    Args:
        gate: the limits.
        metrics: of the stage.
        accepted: those of the run that was accepted last; None where none was, which then limits nothing.
    """
    value = value_of(gate, metrics)
    title = gate.metric if gate.share_of is None else f"{gate.metric} / {gate.share_of}"
    if value is None:
        return [f"it did not measure {title}, but {', '.join(sorted(metrics)) or 'nothing'}"]
    reasons = []
    if gate.at_least is not None and value < gate.at_least:
        reasons.append(f"{title} is {value:.4g}, and at least {gate.at_least:g} passes")
    if gate.at_most is not None and value > gate.at_most:
        reasons.append(f"{title} is {value:.4g}, and at most {gate.at_most:g} passes")
    before = value_of(gate, accepted) if accepted is not None and gate.at_most_accepted is not None else None
    if before is not None and gate.at_most_accepted is not None and value > gate.at_most_accepted * before:
        reasons.append(
            f"{title} is {value:.4g}, and at most {gate.at_most_accepted:g} times the {before:.4g} of the accepted run "
            "passes"
        )
    return reasons


def value_of(gate: Gate, metrics: Mapping[str, Any]) -> float | None:
    """What a gate watches; None where it was not measured, or the whole that it is a share of is 0."""
    value = metrics.get(gate.metric)
    whole = 1 if gate.share_of is None else metrics.get(gate.share_of)
    numbers = all(isinstance(number, int | float) for number in (value, whole))
    return value / whole if numbers and value is not None and whole else None


def accepted_metrics(run: Run, stage: str) -> dict[str, Any] | None:
    """What the stage measured in the run of this pipeline that was accepted last."""
    event = run.ledger.last_accepted(run.config.name)
    artifact = run.workspace().store.find(stage, event.data["artifacts"].get(stage, "")) if event else None
    return artifact.manifest.metrics if artifact else None


def allow(space: Workspace, artifact: Artifact) -> None:
    """Let an artifact through all gates from now on.

    Raises:
        UserError: it broke none.
    """
    broke = of_artifact(space, Kind.GATE_BROKEN, artifact)
    if not broke:
        raise UserError(f"{artifact.short} broke no gate: there is nothing to allow.")
    last, data = broke[-1], {"fingerprint": artifact.manifest.fingerprint}
    space.ledger.append(Event(last.run, last.pipeline, Kind.GATE_ALLOWED, artifact.stage, data))


def is_allowed(space: Workspace, artifact: Artifact) -> bool:
    """Whether somebody let it through."""
    return bool(of_artifact(space, Kind.GATE_ALLOWED, artifact))


def of_artifact(space: Workspace, kind: Kind, artifact: Artifact) -> list[Event]:
    """What was told of an artifact at its gates, oldest first."""
    events = space.ledger.of_kind(kind, artifact.stage)
    return [event for event in events if event.data["fingerprint"] == artifact.manifest.fingerprint]
