"""What Prefect's server does by itself: it ends runs that fell silent, and tells a webhook what went wrong."""

import json
from dataclasses import dataclass
from datetime import timedelta

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.types import SecretDict
from pydantic import SecretStr

BLOCK = "logoflow"
"""Name of the webhook block, which holds the address: the server keeps it encrypted, and shows it to nobody."""
OF_A_RUN = {"prefect.resource.id": "prefect.flow-run.*"}
ENDED = {f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "GateBroken", "Cancelled", "Crashed")}
BEGUN = {f"prefect.flow-run.{name}" for name in ("AwaitingConcurrencySlot", "Pending", "Running", "Cancelled")}


@dataclass(frozen=True)
class Alarm:
    """Something that the webhook is told of: a name, what triggers it, and a template of the sentence."""

    name: str
    trigger: EventTrigger
    text: str


def end_silent_runs(silent_for: timedelta = timedelta(minutes=10)) -> None:
    """Have the server call a run crashed that gives no sign of life any more, whatever became of its machine.

    Args:
        silent_for: well over PREFECT_FLOWS_HEARTBEAT_FREQUENCY, three minutes unless it is set.
    """
    alive = {"prefect.flow-run.heartbeat"}
    trigger = EventTrigger(
        after=alive,
        expect=alive | ENDED,
        match=OF_A_RUN,
        match_related=tagged("logoflow"),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        within=silent_for,
    )
    message = f"It gave no sign of life for {silent_for}: its process or its machine is gone."
    action = ChangeFlowRunState(state=StateType.CRASHED, name="Crashed", message=message)
    with get_client(sync_client=True) as client:
        ensure(client, "logoflow: end runs that fell silent", trigger, action)


def notify(url: str, late_by: timedelta = timedelta(minutes=10)) -> None:
    """Have the server tell a webhook of runs that failed, of broken gates and of nightlies that are late.

    Done again, it changes the address and nothing else.

    Args:
        url: where JSON is posted: `text`, as chat services show it, `event`, `run`, `deployment`, `state`, `message`.
        late_by: how long a nightly may wait for a worker.
    """
    webhook = Webhook(url=SecretStr(url), headers=SecretDict({"Content-Type": "application/json"}))
    block = webhook.save(BLOCK, overwrite=True, _sync=True)  # type: ignore[call-arg]
    with get_client(sync_client=True) as client:
        for alarm in alarms(late_by):
            action = CallWebhook(block_document_id=block, payload=payload(alarm))
            ensure(client, f"logoflow: tell of {alarm.name}", alarm.trigger, action)


def alarms(late_by: timedelta) -> tuple[Alarm, ...]:
    """All that the webhook is told of."""
    failed = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed"}
    late = EventTrigger(
        after={"prefect.flow-run.Late"},
        expect=BEGUN,
        match=OF_A_RUN,
        match_related=tagged("nightly"),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        within=late_by,
    )
    return (
        Alarm("a failed run", once(failed), "{run} of {deployment} failed: {message}"),
        Alarm("a broken gate", once({"prefect.flow-run.GateBroken"}), "{run} of {deployment} stopped: {message}"),
        Alarm("a late nightly", late, "{run} of {deployment} is late: no worker has begun it. Is one running?"),
    )


def once(events: set[str]) -> EventTrigger:
    """A trigger that fires each time that one of these happens to a run of ours."""
    return EventTrigger(expect=events, match=OF_A_RUN, match_related=tagged("logoflow"), posture=Posture.Reactive)


def tagged(tag: str) -> dict[str, str]:
    """What runs of deployments with a tag are related to."""
    return {"prefect.resource.id": f"prefect.tag.{tag}"}


def payload(alarm: Alarm) -> str:
    """The template of what is posted."""
    fields = {
        "run": "flow_run.name",
        "deployment": "deployment.name",
        "state": "flow_run.state.name",
        "message": "(flow_run.state.message or '')",
        "url": "flow_run | ui_url",
    }
    words = alarm.text
    for name, field in fields.items():
        words = words.replace(f"{{{name}}}", f'" ~ {field} ~ "')
    posted = {"event": json.dumps(alarm.name), "text": f'{{{{ ("{words}") | tojson }}}}'}
    posted |= {name: f"{{{{ ({field}) | tojson }}}}" for name, field in fields.items()}
    return "{" + ", ".join(f'"{name}": {value}' for name, value in posted.items()) + "}"


def ensure(client: SyncPrefectClient, name: str, trigger: EventTrigger, action: ActionTypes) -> None:
    """Have exactly one automation of this name, as given."""
    wanted = AutomationCore(name=name, trigger=trigger, actions=[action], tags=["logoflow"])
    known = client.read_automations_by_name(name)
    if known:
        client.update_automation(known[0].id, wanted)
    else:
        client.create_automation(wanted)
    for surplus in known[1:]:
        client.delete_automation(surplus.id)
