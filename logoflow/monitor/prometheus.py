"""A status as Prometheus text. Labels name pipelines, stages and metrics, never runs: their number stays small."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric, StateSetMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from logoflow.monitor.model import Pipeline, RunState, Stage, StageState, Status

CONTENT_TYPE = CONTENT_TYPE_LATEST


def prometheus_text(status: Status) -> str:
    """A status in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(StatusCollector(status))
    return generate_latest(registry).decode()


class StatusCollector(Collector):
    """Everything in a status that is a number or one of a few states."""

    def __init__(self, status: Status) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        yield from self._of_pipelines()
        yield from self._of_stages()
        yield from self._of_store()
        yield from self._of_server()

    def _of_pipelines(self) -> Iterator[Metric]:
        runs = gauge("logoflow_runs", "Runs in the ledger, by state.", "pipeline", "state")
        state = StateSetMetricFamily("logoflow_last_run_state", "State of the last run.", labels=["pipeline"])
        started = gauge("logoflow_last_run_start_timestamp_seconds", "When the last run started.", "pipeline")
        took = gauge("logoflow_last_run_duration_seconds", "How long the last run took, or has taken.", "pipeline")
        left = gauge("logoflow_last_run_time_left_seconds", "How long the last run still takes, at most.", "pipeline")
        heart = gauge("logoflow_last_run_heartbeat_age_seconds", "Since the last run's last sign of life.", "pipeline")
        completed = gauge("logoflow_last_completed_timestamp_seconds", "When a run last ended well.", "pipeline")
        quality = gauge("logoflow_quality_ratio", "Shares that gates look at, 0 to 1.", "pipeline", "share")
        for pipeline in self._status.pipelines:
            name, last = [pipeline.name], pipeline.last_run
            for each in RunState:
                runs.add_metric([pipeline.name, each.value], pipeline.run_counts.get(each, 0))
            state.add_metric(name, {each.value: last.state is each for each in RunState})
            started.add_metric(name, last.started.timestamp())
            took.add_metric(name, last.duration_s)
            add(left, name, last.time_left_s)
            add(heart, name, last.heartbeat_age_s)
            add(completed, name, pipeline.last_completed.timestamp() if pipeline.last_completed else None)
            for share, value in shares(pipeline).items():
                add(quality, [pipeline.name, share], value)
        yield from (runs, state, started, took, left, heart, completed, quality)

    def _of_stages(self) -> Iterator[Metric]:
        labels = ("pipeline", "stage")
        state = StateSetMetricFamily("logoflow_stage_state", "State of a stage.", labels=labels)
        took = gauge("logoflow_stage_duration_seconds", "How long its last build took, or has taken.", *labels)
        progress = gauge("logoflow_stage_progress_ratio", "How far it is while it runs, 0 to 1.", *labels)
        left = gauge("logoflow_stage_time_left_seconds", "How long it still takes while it runs.", *labels)
        heart = gauge("logoflow_stage_heartbeat_age_seconds", "Since its last sign of life while it runs.", *labels)
        metric = gauge("logoflow_stage_metric", "What its artifact measured.", *labels, "metric")
        before = gauge("logoflow_stage_metric_before", "What the artifact before that measured.", *labels, "metric")
        for name, stage in self._stages():
            key = [name, stage.name]
            state.add_metric(key, {each.value: stage.state is each for each in StageState})
            add(took, key, stage.duration_s)
            add(progress, key, stage.progress.share if stage.progress else None)
            add(left, key, stage.time_left_s)
            add(heart, key, stage.heartbeat_age_s)
            for family, values in ((metric, stage.metrics), (before, stage.metrics_before)):
                for figure, value in numbers(values).items():
                    family.add_metric([*key, figure], value)
        yield from (state, took, progress, left, heart, metric, before)

    def _stages(self) -> Iterator[tuple[str, Stage]]:
        return ((pipeline.name, stage) for pipeline in self._status.pipelines for stage in pipeline.stages)

    def _of_store(self) -> Iterator[Metric]:
        store = self._status.store
        yield GaugeMetricFamily("logoflow_store_bytes", "All files of the store.", store.bytes)
        yield GaugeMetricFamily("logoflow_store_artifacts", "Artifacts in the store.", store.artifacts)
        yield GaugeMetricFamily("logoflow_store_orphans", "Drafts and work nobody holds.", len(store.orphans))
        lost = sum(orphan.bytes for orphan in store.orphans)
        yield GaugeMetricFamily("logoflow_store_orphan_bytes", "Their bytes.", lost)

    def _of_server(self) -> Iterator[Metric]:
        server = self._status.server
        healthy = server is not None and server.healthy
        yield GaugeMetricFamily("logoflow_prefect_healthy", "Whether Prefect's server answers and is well.", healthy)
        workers = gauge("logoflow_prefect_workers_online", "Workers of a work pool that are online.", "pool")
        for pool in sorted({worker.pool for worker in server.workers} if server else ()):
            assert server is not None
            workers.add_metric([pool], sum(worker.online for worker in server.workers if worker.pool == pool))
        yield workers


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    """A family of gauges."""
    return GaugeMetricFamily(name, text, labels=labels)


def add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    """Add a value where there is one."""
    if value is not None:
        family.add_metric(labels, value)


def shares(pipeline: Pipeline) -> dict[str, float | None]:
    """The shares that gates look at, by name."""
    quality = pipeline.quality
    return {
        "quarantined": quality.quarantined_share,
        "with_text": quality.text_share,
        "duplicates": quality.duplicate_share,
    }


def numbers(metrics: Mapping[str, object]) -> dict[str, float]:
    """The metrics that are numbers; true and false count as 1 and 0."""
    return {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
