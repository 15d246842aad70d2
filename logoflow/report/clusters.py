"""A page for each cluster, put together from what the stages know of it."""

from dataclasses import dataclass
from pathlib import Path

from logoflow.report.model import StageReport
from logoflow.report.page import Cell, ClusterPart
from logoflow.report.pictures import Shown, copy_picture


@dataclass(frozen=True)
class Chapter:
    """What one stage knows of a cluster, with its pictures as they stand in the report."""

    stage: StageReport
    facts: tuple[tuple[str, Cell], ...]
    pictures: tuple[Shown, ...]
    sheets: tuple[Shown, ...]


@dataclass(frozen=True)
class ClusterView:
    """A cluster: the chapters of the stages in their order."""

    number: int
    chapters: tuple[Chapter, ...]

    @property
    def title(self) -> str:
        """What it is called in headings."""
        return f"Cluster {self.number}"

    @property
    def href(self) -> str:
        """Its page, relative to the report's folder."""
        return f"{cluster_page_name(self.number)}.html"

    @property
    def facts(self) -> tuple[tuple[str, Cell], ...]:
        """All that is known in numbers; the first says how large it is."""
        return tuple(fact for chapter in self.chapters for fact in chapter.facts)

    @property
    def face(self) -> Shown | None:
        """Its first picture."""
        return next((shown for chapter in self.chapters for shown in chapter.pictures), None)


def cluster_page_name(number: int) -> str:
    """The name of a cluster's page, without its ending."""
    return f"cluster-{number}"


def draw_clusters(stages: tuple[StageReport, ...], report: Path) -> tuple[ClusterView, ...]:
    """Copy what the stages show of clusters into the report; the clusters by number.

    Raises:
        ValueError: a picture is missing, lies outside its stage's folder or is of another format.
    """
    chapters: dict[int, list[Chapter]] = {}
    for stage in stages:
        for part in stage.page.clusters:
            chapters.setdefault(part.cluster, []).append(_chapter(stage, part, report))
    return tuple(ClusterView(number, tuple(chapters[number])) for number in sorted(chapters))


def _chapter(stage: StageReport, part: ClusterPart, report: Path) -> Chapter:
    name = cluster_page_name(part.cluster)
    shown = [
        copy_picture(stage.name, stage.folder, picture, place, report, group=name, preview=place <= len(part.pictures))
        for place, picture in enumerate((*part.pictures, *part.sheets), start=1)
    ]
    return Chapter(stage, part.facts, tuple(shown[: len(part.pictures)]), tuple(shown[len(part.pictures) :]))
