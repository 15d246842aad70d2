"""sensor: looks at the sources, and starts a run of a deployment where the plan says that something changed."""

from typing import Annotated, cast

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import Completed
from pydantic import Field

from flows.start import ConfigOrPath, Ended, read_config
from logoflow.canonical import digest_of
from logoflow.code import code_digest
from logoflow.config.pipeline import PipelineConfig
from logoflow.plan import Action, Step, make_plan
from logoflow.resolve import Place, Workspace, absolute
from logoflow.run import default_store
from logoflow.sources import look_at_sources


@flow(name="sensor")
def sensor(
    config: ConfigOrPath,
    store: Place | None = None,
    deployment: Annotated[str, Field(pattern="^[^/]+/[^/]+$")] = "pipeline/on-demand",
) -> Ended:
    """Start a run where something changed since the last one; once for each change, however that run ends.

    Args:
        config: The experiment: path of its YAML file, or its values.
        store: Folder or s3:// address of the store; left out: LOGOFLOW_STORE of the worker, else ./.logoflow.
        deployment: What is started, as flow/deployment.
    """
    checked = read_config(config)
    space = Workspace.open(absolute(store or default_store()))
    due = [step for step in make_plan(checked, space) if step.action is Action.RUN]
    if not due:
        return Completed(name="Unchanged", message="All stages are up to date.")
    found = "; ".join(f"{step.stage.name}: {step.reason}" for step in due)
    key = key_of(checked, due, space)
    if known := started_for(key):
        state = known.state.name if known.state else "unknown"
        return Completed(name="KnownAlready", message=f"{found}. Run {known.name} was started for it: {state}.")
    given = {"config": config if isinstance(config, str) else config.model_dump(mode="json"), "store": store}
    started = cast(
        FlowRun, run_deployment(deployment, parameters=given, timeout=0, as_subflow=False, idempotency_key=key)
    )
    return Completed(name="Started", message=f"{found}. Started {deployment} as {started.name}.")


def key_of(config: PipelineConfig, due: list[Step], space: Workspace) -> str:
    """A name for what a run would be started for: the same until sources, configuration or code change again."""
    facts = look_at_sources(config.ingest.sources, space.memo)
    return digest_of(
        {
            "store": space.store.place,
            "config": config.model_dump(mode="json"),
            "sources": {name: fact.digest for name, fact in facts.items()},
            "due": {step.stage.name: [step.reason, code_digest(step.stage.code, space.memo)] for step in due},
        }
    )


def started_for(key: str) -> FlowRun | None:
    """The run that was started for this already."""
    with get_client(sync_client=True) as client:
        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=[key]))
        return next(iter(client.read_flow_runs(flow_run_filter=wanted, limit=1)), None)
