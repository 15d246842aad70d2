"""Writes a report: an overview, a page per stage, map and cluster, the style sheet and the pictures."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from logoflow.report import formats
from logoflow.report.charts import Chart, draw
from logoflow.report.clusters import cluster_page_name, draw_clusters
from logoflow.report.maps import DrawnMap, draw_map
from logoflow.report.model import Headline, Report, StageReport
from logoflow.report.pictures import Shown, copy_pictures
from logoflow.report.sankey import draw_sankey
from logoflow.report.tables import LaidOut, lay_out

_TEMPLATES = Path(__file__).parent / "templates"
_CARD_METRICS = 4
T = TypeVar("T")


@dataclass(frozen=True)
class StageView:
    """A stage together with its pictures, charts, tables and map as they stand in the report."""

    stage: StageReport
    pictures: tuple[Shown, ...]
    charts: tuple[Chart, ...]
    tables: tuple[LaidOut, ...]
    map: DrawnMap | None

    @property
    def href(self) -> str:
        """The stage's page, relative to the report's folder."""
        return f"{self.stage.name}.html"


def write_report(report: Report, folder: Path) -> Path:
    """Write a report; equal reports give equal bytes.

    The folder is made where it is missing. Files of the same name are replaced, others are left: whoever needs the
    report to appear as a whole gives a folder of its own and renames it afterwards, as the store does.

    Args:
        report: what to show.
        folder: where to write it.

    Returns:
        The path of index.html.

    Raises:
        ValueError: stages without usable or distinct names, a picture that is missing or no picture.
    """
    _check_names(report)
    folder.mkdir(parents=True, exist_ok=True)
    views = tuple(_view(stage, folder) for stage in report.stages)
    clusters = draw_clusters(report.stages, folder)
    common: dict[str, Any] = {"report": report, "views": views, "clusters": clusters}
    write = partial(_write_page, environment(), folder, common)
    write_style(folder)
    for place, view in enumerate(views):
        write(view.href, "stage.html", view=view, number=place + 1, neighbours=_beside(views, place))
        if view.map is not None:
            write(view.map.href, "map.html", view=view)
    for place, cluster in enumerate(clusters):
        write(cluster.href, "cluster.html", cluster=cluster, neighbours=_beside(clusters, place))
    return write(
        "index.html",
        "index.html",
        headline=tuple(_find(wanted, views) for wanted in report.headline),
        sankey=draw_sankey(report.funnel) if report.funnel.offered else None,
        longest_s=max([stage.duration_s for stage in report.stages], default=0) or 1,
        names={stage.name for stage in report.stages},
    )


def _write_page(
    environment: Environment, folder: Path, common: dict[str, Any], href: str, kind: str, **own: Any
) -> Path:
    return write_text(folder / href, environment.get_template(kind).render(common, here=href, **own))


def _beside(pages: Sequence[T], place: int) -> tuple[T | None, T | None]:
    """The page before and the one after."""
    return pages[place - 1] if place else None, pages[place + 1] if place + 1 < len(pages) else None


def _check_names(report: Report) -> None:
    names = [stage.name for stage in report.stages]
    names += [f"{stage.name}-map" for stage in report.stages if stage.page.map is not None]
    names += {cluster_page_name(part.cluster) for stage in report.stages for part in stage.page.clusters}
    for name in names:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name == "index" or names.count(name) > 1:
            raise ValueError(
                f"stage {name!r} cannot name a page: use distinct names of a-z, 0-9, _ and -, not 'index'."
            )


def _view(stage: StageReport, folder: Path) -> StageView:
    charts = tuple(draw(curve) for curve in stage.page.curves)
    tables = tuple(lay_out(table) for table in stage.page.tables)
    return StageView(stage, copy_pictures(stage, folder), charts, tables, draw_map(stage, folder))


def _find(wanted: Headline, views: tuple[StageView, ...]) -> tuple[StageView, Shown]:
    for view in views:
        for shown in view.pictures:
            if (view.stage.name, shown.picture.file) == (wanted.stage, wanted.file):
                return view, shown
    raise ValueError(
        f"the headline names {wanted.file!r} of {wanted.stage}, which is on no page: name a stage's picture."
    )


def environment(*others: Path) -> Environment:
    """The templates of the report, and those in other folders that extend them; everything is escaped."""
    environment = Environment(
        loader=FileSystemLoader([*others, _TEMPLATES]),
        autoescape=True,  # names come from data
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=formats.number,
        duration=formats.duration,
        flatten=formats.flatten,
        key_metrics=lambda metrics: formats.key_metrics(metrics, _CARD_METRICS),
        label=formats.label,
        moment=formats.moment,
        value=formats.value,
    )
    environment.globals.update(share=formats.share)
    return environment


def write_style(folder: Path) -> None:
    """Write the style sheet that the pages in a folder refer to."""
    write_text(folder / "style.css", (_TEMPLATES / "style.css").read_text("utf-8"))


def write_text(path: Path, text: str) -> Path:
    """Write a page; its path."""
    # File names that are not UTF-8 arrive as lone surrogates, which no page can hold.
    path.write_bytes(text.encode("utf-8", errors="replace"))
    return path
