"""A map's page: its data, and the one script of the report, which no other page is allowed to run."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from logoflow.report.model import StageReport
from logoflow.report.page import Picture
from logoflow.report.pictures import Shown, copy_picture

_SCRIPT = Path(__file__).parent / "templates" / "map.js"


@dataclass(frozen=True)
class DrawnMap:
    """A map as it stands in the report.

    Attributes:
        href: its page, relative to the report's folder.
        still: the whole map as a picture.
        data: what the script draws.
        script: the script, which is part of the page: a file beside it would have no origin when opened from disk.
        policy: what a content security policy allows, so that this script runs and nothing else.
    """

    href: str
    still: Shown
    data: dict[str, Any]
    script: Markup
    policy: str


def draw_map(stage: StageReport, report: Path) -> DrawnMap | None:
    """Copy the pictures of a stage's map into the report, if it has one.

    Raises:
        ValueError: a picture is missing, lies outside the stage's folder or is of another format.
    """
    drawn = stage.page.map
    if drawn is None:
        return None
    place = len(stage.page.pictures) + 1
    still = copy_picture(stage.name, stage.folder, drawn.picture, place, report)
    sprite = copy_picture(stage.name, stage.folder, Picture(drawn.sprite, "", ""), place + 1, report, preview=False)
    data = {
        "sprite": sprite.source,
        "tile": drawn.tile,
        "columns": drawn.columns,
        "groups": [[group.name, group.colour] for group in drawn.groups],
        "points": [[point.name, point.x, point.y, point.group] for point in drawn.points],
    }
    script = _SCRIPT.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return DrawnMap(f"{stage.name}-map.html", still, data, Markup(script), f"'sha256-{digest}'")
