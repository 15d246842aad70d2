"""report: everything on pages that open in any browser."""

import json
from datetime import UTC, datetime

import numpy as np

from logoflow.machine import describe_host, library_version
from logoflow.report.model import Departure, Funnel, Headline, Portion, Report, StageReport
from logoflow.report.page import Page, read_page
from logoflow.report.write import write_report
from logoflow.stages import STAGES
from logoflow.store.ledger import Kind
from logoflow.store.store import Artifact
from tasks.stage import Build, stage

VERSIONS = (
    "logoflow",
    "prefect",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "faiss-cpu",
    "pillow",
    "pyarrow",
    "pydantic",
)

SHOWN_FIRST = (
    ("generate", "grid.png"),
    ("cluster", "clusters.png"),
    ("curate", "training-set.png"),
    ("generate", "interpolation.png"),
    ("generate", "mixing.png"),
)


@stage("report")
def report(build: Build, *artifacts: Artifact) -> None:
    """Put the funnel, every picture, every curve and every setting on pages that open from disk."""
    made = dict(zip(STAGES["report"].inputs, artifacts, strict=True))
    funnel = funnel_of(made)
    facts = {
        "offered": funnel.offered,
        "departures": {departure.label: departure.count for departure in funnel.departures},
        "training_set": funnel.remaining,
        "metrics": {name: lasting_metrics(artifact) for name, artifact in made.items()},
    }
    (build.folder / "report.json").write_text(json.dumps(facts, indent=1, sort_keys=True))
    write_report(
        Report(
            name=build.run.config.name,
            created=datetime.now(UTC),
            machine=describe_host(),
            versions={name: library_version(name) for name in VERSIONS},
            funnel=funnel,
            stages=tuple(stage_report(build, artifact) for artifact in made.values()),
            headline=tuple(Headline(stage, f"pictures/{file}") for stage, file in SHOWN_FIRST),
            title=build.config.title,
        ),
        build.folder,
    )
    build.metrics |= {"offered": funnel.offered, "training_set": funnel.remaining}
    build.page(Page("This report."))


def funnel_of(made: dict[str, Artifact]) -> Funnel:
    """How many images came in, and who left where."""
    counts = json.loads(made["ingest"].file("funnel.json").read_text())
    labels = np.load(made["curate"].file("labels.npy"))
    text, duplicates = made["detect_text"].manifest.metrics, made["deduplicate"].manifest.metrics
    return Funnel(
        counts["offered"],
        (
            Departure("Quarantined", counts["quarantined"], "ingest", "cannot be read or used"),
            Departure("Identical", counts["identical"], "ingest", "the same pixels as another"),
            Departure("With text", text["with_text"], "detect_text", "a wordmark, or a symbol with words"),
            Departure("Duplicates", duplicates["duplicates"], "deduplicate", "copies of a logo that stays"),
        ),
        tuple(Portion(name, row["offered"]) for name, row in counts["sources"].items()),
        tuple(Portion(f"Cluster {number}", int(count)) for number, count in enumerate(np.bincount(labels))),
    )


def lasting_metrics(artifact: Artifact) -> dict[str, object]:
    """What a stage measured, without what depends on how much the store had already."""
    passing = {"units", "units_run", "images_run"}
    return {name: value for name, value in artifact.manifest.metrics.items() if name not in passing}


def stage_report(build: Build, artifact: Artifact) -> StageReport:
    """A stage's page with its facts; state and reason are those of the run that writes the report."""
    manifest = artifact.manifest
    told = build.space.ledger.last_answer(build.run.config.name, artifact.stage)
    assert told is not None, "a stage is told of before the report is written"
    return StageReport(
        name=artifact.stage,
        title=artifact.stage.replace("_", " ").capitalize().replace("gan", "GAN"),
        state="Built" if told.kind is Kind.STAGE_BUILT else "Cached",
        reason=told.data["reason"],
        fingerprint=manifest.fingerprint,
        content_digest=manifest.content,
        duration_s=manifest.duration_s,
        settings=manifest.parts.config,
        metrics=manifest.metrics,
        page=read_page(artifact.attachments()),
        folder=artifact.path,
    )
