"""The eleven stages: what each takes, what it makes, and which code and libraries shape its result."""

from dataclasses import dataclass

from logoflow.errors import UserError


@dataclass(frozen=True)
class Stage:
    """A stage's declaration; its work is the task of the same name in tasks/."""

    name: str
    summary: str
    """One sentence; the report and `plan` show it."""
    inputs: tuple[str, ...]
    """The stages whose artifacts it takes, in the order of its task's parameters."""
    data: tuple[str, ...]
    """The files that count in its content digest."""
    libraries: tuple[str, ...] = ()
    """Distributions whose major and minor version count in its fingerprint."""
    pages: tuple[str, ...] = ()
    """Patterns of files, from the project's folder, that shape its result beside its task's code."""
    trains_on: str | None = None
    """For a stage with a retrain policy: the input whose `members` it was trained on."""

    @property
    def code(self) -> tuple[str, ...]:
        """The modules whose import closure is its code."""
        return (f"tasks.{self.name}",)


MEMBERS = "members"
"""Attachment that lists the images behind an artifact: their ids, 32 bytes each, sorted."""

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "ingest",
            "Reads every source into one table of distinct pictures; what cannot be read is quarantined with a reason.",
            inputs=(),
            data=("images.parquet", "quarantine.parquet", "funnel.json"),
            libraries=("pillow", "kornia-rs", "resvg-py", "isal", "pyarrow", "h5py"),
        ),
        Stage(
            "detect_text",
            "Finds text with CRAFT and keeps the logos without it.",
            inputs=("ingest",),
            data=("decisions.parquet",),
            libraries=("torch", "pillow", "scipy"),
            pages=("craft/*.json", "craft/screen.safetensors"),
        ),
        Stage(
            "train_encoder",
            "Trains a MoCo encoder that brings a logo and its low-resolution copies together.",
            inputs=("ingest", "detect_text"),
            data=("encoder.safetensors",),
            libraries=("torch", "pillow"),
            trains_on="detect_text",
        ),
        Stage(
            "embed",
            "Describes each logo by one unit vector.",
            inputs=("ingest", "detect_text", "train_encoder"),
            data=("vectors.arrow",),
            libraries=("torch", "pillow"),
        ),
        Stage(
            "cluster",
            "Splits the logos into groups that look alike; the groups become the generator's classes.",
            inputs=("ingest", "embed"),
            data=("labels.parquet", "centroids.npy"),
            libraries=("scikit-learn", "numpy"),
        ),
        Stage(
            "deduplicate",
            "Finds copies of one logo and keeps the best of each group.",
            inputs=("ingest", "embed", "train_encoder"),
            data=("groups.parquet",),
            libraries=("faiss-cpu", "numpy", "pillow", "torch"),
        ),
        Stage(
            "curate",
            "Writes the training set: pixels at the generator's resolution, labels, provenance.",
            inputs=("ingest", "embed", "cluster", "deduplicate"),
            data=("pixels.npy", "labels.npy", "provenance.parquet"),
            libraries=("pillow", "numpy", "torch"),
        ),
        Stage(
            "train_gan",
            "Trains a cluster-conditional StyleGAN2-ADA on the training set.",
            inputs=("curate",),
            data=("generator.safetensors", "discriminator.safetensors"),
            libraries=("torch",),
            trains_on="curate",
        ),
        Stage(
            "evaluate",
            "Measures how close generated logos come to real ones, overall and per cluster.",
            inputs=("curate", "train_gan"),
            data=("metrics.json",),
            libraries=("torch", "scipy"),
        ),
        Stage(
            "generate",
            "Draws logos, sorts them into good, medium and poor, and looks for training logos that they repeat.",
            inputs=("curate", "train_gan", "train_encoder"),
            data=("samples.npy", "sorted.json", "originality.json"),
            libraries=("torch", "scipy", "pillow", "faiss-cpu"),
            pages=("craft/*.json", "craft/screen.safetensors"),
        ),
        Stage(
            "report",
            "Puts everything on pages that open in any browser.",
            inputs=(
                "ingest", "detect_text", "train_encoder", "embed", "cluster", "deduplicate", "curate", "train_gan",
                "evaluate", "generate",
            ),
            data=("report.json",),
            libraries=("jinja2", "matplotlib"),
            pages=("logoflow/report/*.py", "logoflow/report/templates/*"),
        ),
    )
}  # fmt: skip


def chosen_stages(only: str | None, start: str | None, end: str | None, force: str | None) -> list[str]:
    """The stages that a run brings up to date, in order; those before `start` have to be so already.

    Args:
        only: this stage alone.
        start: from this one on.
        end: up to this one, and nothing that it does not rest on.
        force: this one is built again.

    Raises:
        UserError: a stage is not there, or one part of the choice leaves out what another asks for.
    """
    for name in (only, start, end, force):
        if name is not None and name not in STAGES:
            raise UserError(f"there is no stage {name}: the stages are {', '.join(STAGES)}.")
    if only is not None and start is not None:
        raise UserError(f"either only {only} runs, or all from {start} on: choose one.")
    if only is not None and end is not None:
        raise UserError(f"either only {only} runs, or all up to {end}: choose one.")
    if only is not None and force not in (None, only):
        raise UserError(f"only {only} runs, so {force} is not built again: leave one of them out.")
    if only is not None:
        return [only]
    if end is None:
        return list(STAGES)
    chosen = [*before(end), end]
    for name in (start, force):
        if name is not None and name not in chosen:
            raise UserError(f"{end} does not rest on {name}, so a run up to {end} leaves it out: choose one.")
    return chosen


def before(name: str) -> list[str]:
    """Every stage that a stage rests on, directly or not, in the pipeline's order."""
    needed: set[str] = set()
    waiting = list(STAGES[name].inputs)
    while waiting:
        found = waiting.pop()
        if found not in needed:
            needed.add(found)
            waiting += STAGES[found].inputs
    return [stage for stage in STAGES if stage in needed]
