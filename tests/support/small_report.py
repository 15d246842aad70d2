"""A small report in which every text that can come from data is one that the test chooses."""

from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from logoflow.report.model import Departure, Funnel, Headline, Portion, Report, StageReport
from logoflow.report.page import ClusterPart, Curve, Page, Picture, Series, Table

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7*7 }}\udcff\x00$\\frac$"


def make_report(folder: Path, name: str) -> Report:
    """A report of three stages in which every text that can come from data is `name`."""
    folder.mkdir()
    Image.new("RGB", (1600, 400), "teal").save(folder / "wide.png")
    Image.new("P", (64, 64)).save(folder / "cluster <b>.png")
    lines = (Series(name, (0.0, 1.0, 2.0), (3.0, float("nan"), 1.0)), Series("one point", (1.0,), (2.0,)))
    shown = Page(
        name,
        (Picture("wide.png", name, name, name), Picture("cluster <b>.png", name, name)),
        (Curve(name, name, name, lines), Curve("empty", "x", "y", (), log_y=True)),
        (Table(name, (name, "score"), ((name, 0.75), (None, None)), name),),
        clusters=tuple(
            ClusterPart(
                number,
                ((name, 161), (name, None)),
                (Picture("wide.png", name, name, name),),
                tuple(Picture("cluster <b>.png", name, name, name) for _ in range(3)),
            )
            for number in range(2)
        ),
    )

    def stage(identifier: str, page: Page) -> StageReport:
        settings = {name: {name: [name, 1, None]}}
        return StageReport(
            identifier, name, "Built", name, "f" * 64, "c" * 64, 1.5, settings, {name: name}, page, folder
        )

    return Report(
        name=name,
        created=datetime(2025, 3, 1, 12, 30, tzinfo=UTC),
        machine={name: name},
        versions={name: name},
        funnel=Funnel(
            1640,
            (Departure(name, 41, "ingest", name), Departure("With text", 521), Departure("Copies", 214)),
            (Portion(name, 1600), Portion("other", 40)),
            (Portion(name, 800), Portion("Cluster 1", 64)),
        ),
        stages=(stage("ingest", shown), stage("embed", Page("nothing to see")), stage("cluster", shown)),
        headline=(Headline("ingest", "wide.png"), Headline("cluster", "cluster <b>.png")),
    )
