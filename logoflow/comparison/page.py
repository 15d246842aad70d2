"""The comparison of two runs as a page: what `logoflow diff` prints, and the pictures and curves side by side."""

from dataclasses import dataclass
from pathlib import Path

from logoflow.comparison.compare import RunDiff, StageDiff
from logoflow.report.charts import Chart, draw
from logoflow.report.page import Curve, Page, read_page
from logoflow.report.pictures import Shown, copy_picture
from logoflow.report.write import environment, write_style, write_text
from logoflow.store.store import Artifact

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Pair:
    """The same picture of both runs; None where a run has none, `same` where not a byte differs."""

    before: Shown | None
    after: Shown | None
    same: bool


@dataclass(frozen=True)
class Charts:
    """The same curve of both runs; None where a run has none."""

    before: Chart | None
    after: Chart | None


@dataclass(frozen=True)
class StageView:
    """A stage that was made anew, with what it shows."""

    stage: StageDiff
    pictures: tuple[Pair, ...]
    charts: tuple[Charts, ...]


def write_comparison(found: RunDiff, folder: Path) -> Path:
    """Write a page that opens from disk, with its pictures beside it.

    Args:
        found: the comparison.
        folder: where to; made where it is missing.

    Returns:
        The path of index.html.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_style(folder)
    views = [look_at(stage, folder) for stage in found.stages if stage.what.startswith("rebuilt")]
    page = environment(TEMPLATES).get_template("comparison.html").render(found=found, changed=views, here="index.html")
    return write_text(folder / "index.html", page)


def look_at(stage: StageDiff, folder: Path) -> StageView:
    """What both runs show of a stage, as far as the store still has it."""
    shown = [read_page(artifact.path) if artifact else Page("") for artifact in (stage.before, stage.after)]
    files = {picture.file: None for page in shown for picture in page.pictures}
    before, after = ({curve.title: curve for curve in page.curves} for page in shown)
    pictures = tuple(pair(stage, file, place, folder) for place, file in enumerate(files, start=1))
    charts = tuple(charts_of(before.get(title), after.get(title)) for title in {**before, **after})
    return StageView(stage, pictures, charts)


def charts_of(before: Curve | None, after: Curve | None) -> Charts:
    """The same curve of both runs, between the same axes."""
    return Charts(
        None if before is None else draw(before, beside=after), None if after is None else draw(after, beside=before)
    )


def pair(stage: StageDiff, file: str, place: int, folder: Path) -> Pair:
    """One picture of both runs, copied beside the page."""
    before, after = stage.before, stage.after
    records = [artifact.manifest.files.get(file) if artifact else None for artifact in (before, after)]
    same = records[0] is not None and records[0] == records[1]
    return Pair(copy(before, file, place, folder, "before"), copy(after, file, place, folder, "after"), same)


def copy(artifact: Artifact | None, file: str, place: int, folder: Path, side: str) -> Shown | None:
    """A picture of an artifact's page, copied; None where it has none of this name."""
    page = read_page(artifact.path) if artifact else Page("")
    picture = next((picture for picture in page.pictures if picture.file == file), None)
    if artifact is None or picture is None:
        return None
    return copy_picture(artifact.stage, artifact.path, picture, place, folder, group=side)
