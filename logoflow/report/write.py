"""Writes a report: an overview, a page per stage and per map, the style sheet and the pictures."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from logoflow.report import formats
from logoflow.report.charts import Chart, draw
from logoflow.report.maps import DrawnMap, draw_map
from logoflow.report.model import Headline, Report, StageReport
from logoflow.report.pictures import Shown, copy_pictures
from logoflow.report.tables import LaidOut, lay_out

_TEMPLATES = Path(__file__).parent / "templates"
_CARD_METRICS = 4


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
    templates = _environment()
    common: dict[str, Any] = {"report": report, "views": views}
    headline = tuple(_find(wanted, views) for wanted in report.headline)
    _write(folder / "style.css", (_TEMPLATES / "style.css").read_text("utf-8"))
    for place, view in enumerate(views):
        neighbours = (views[place - 1] if place else None, views[place + 1] if place + 1 < len(views) else None)
        html = templates.get_template("stage.html").render(common, view=view, number=place + 1, neighbours=neighbours)
        _write(folder / view.href, html)
        if view.map is not None:
            _write(folder / view.map.href, templates.get_template("map.html").render(common, view=view))
    index = folder / "index.html"
    longest_s = max([stage.duration_s for stage in report.stages], default=0) or 1
    names = {stage.name for stage in report.stages}
    html = templates.get_template("index.html").render(common, headline=headline, longest_s=longest_s, names=names)
    _write(index, html)
    return index


def _check_names(report: Report) -> None:
    names = [stage.name for stage in report.stages]
    names += [f"{stage.name}-map" for stage in report.stages if stage.page.map is not None]
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


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
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


def _write(path: Path, text: str) -> None:
    # File names that are not UTF-8 arrive as lone surrogates, which no page can hold.
    path.write_bytes(text.encode("utf-8", errors="replace"))
