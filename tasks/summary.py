"""What Prefect's own pages tell of a stage: a markdown artifact with a sentence, its numbers and a small picture."""

import base64
import html
import io
import re
from typing import Any
from uuid import UUID

import httpx
from PIL import Image
from prefect.artifacts import create_markdown_artifact
from prefect.context import TaskRunContext
from prefect.logging import get_run_logger

from data.images import WHITE
from logoflow.report.formats import duration, label, value
from logoflow.report.page import Page, read_page
from logoflow.resolve import Place
from logoflow.store.store import Artifact
from logoflow.up.place import find_running
from tasks.made import Answer

LARGEST = 30_000  # bytes of the picture; a third more as text, which the server keeps for every stage of every run
WIDTHS = (560, 420, 300, 200)
PROPORTION = 0.6  # height over width of the part that is shown, from the top


silent: set[UUID | None] = set()
"""The flow runs whose server did not take a summary."""


def leave_summary(pipeline: str, store: Place, state: Answer) -> None:
    """Create the artifact of a stage of a store that has just answered, where it runs as a Prefect task.

    A server that does not take it is no reason for the stage to fail.
    """
    context = TaskRunContext.get()
    if context is None or context.task_run.flow_run_id in silent:
        return
    artifact = state.data
    assert isinstance(artifact, Artifact)
    try:
        create_markdown_artifact(
            markdown_of(artifact, str(state.name), str(state.message), report_link(store, artifact.stage)),
            key=key_of(pipeline, artifact.stage),
            description=escaped(str(state.message)),
        )
    except httpx.HTTPError as error:
        silent.add(context.task_run.flow_run_id)  # or each stage would wait a minute for a server that is gone
        get_run_logger().warning("the summary of %s was not taken by the server: %s", artifact.short, error)


def key_of(pipeline: str, stage: str) -> str:
    """A key as Prefect wants it, under which the summaries of all runs lie: "demo-train-gan"."""
    return re.sub(r"[^a-z0-9]+", "-", f"{pipeline}-{stage}".lower()).strip("-")


def report_link(store: Place, stage: str) -> str:
    """A link to a stage's page in the newest report, where `logoflow up` shows it; empty elsewhere."""
    running = find_running(store)
    page = "" if stage == "report" else f"{stage}.html"
    return f"[In the newest report]({running.pages}/report/{page})" if running else ""


def markdown_of(artifact: Artifact, state: str, message: str, link: str = "") -> str:
    """The summary of an artifact, in which state its stage ended with what message, and where more is to be read."""
    page, manifest = read_page(artifact.attachments()), artifact.manifest
    lines = [f"## {escaped(label(artifact.stage).capitalize())}", "", escaped(page.summary), ""]
    lines += [f"**{escaped(state)}**, {escaped(message)}. The build took {duration(manifest.duration_s)}.", ""]
    if rows := [row_of(name, content) for name, content in manifest.metrics.items()]:
        lines += ["| measured | |", "|---|---|", *rows, ""]
    if picture := picture_of(page, artifact):
        lines += [picture, ""]
    where = artifact.path / ("index.html" if artifact.stage == "report" else "")
    return "\n".join([*lines, link, "", f"On the machine that ran it: `{where}`", ""])


def row_of(name: str, content: Any) -> str:
    """A metric as a row of the table."""
    return f"| {escaped(label(name))} | {escaped(value(content, name))} |"


def escaped(text: str) -> str:
    """Text from data, which could hold markdown or HTML, on one line."""
    plain = re.sub(r"\s+", " ", text, flags=re.ASCII)  # a no-break space stays
    return re.sub(r"([\\`*_\[\]()#|~!])", r"\\\1", html.escape(plain, quote=False))


def picture_of(page: Page, artifact: Artifact) -> str:
    """The upper part of the page's first picture, in the text itself: the server's pages load no files."""
    pictures = [*page.pictures[:1], *([page.map.picture] if page.map else [])]
    if not pictures:
        return ""
    with Image.open(artifact.path / pictures[0].file) as opened:
        whole = opened.convert("RGBA")
    part = Image.new("RGB", (whole.width, min(whole.height, round(whole.width * PROPORTION))), WHITE)
    part.paste(whole.crop((0, 0, *part.size)), mask=whole.crop((0, 0, *part.size)).getchannel("A"))
    encoded = base64.b64encode(smaller(part)).decode()
    return f"![{escaped(pictures[0].alt)}](data:image/webp;base64,{encoded})"


def smaller(picture: Image.Image) -> bytes:
    """A picture as WebP, as wide as it can be within the size that is allowed."""
    for width in WIDTHS:
        buffer = io.BytesIO()
        size = (min(width, picture.width), max(1, round(picture.height * min(1, width / picture.width))))
        picture.resize(size, Image.Resampling.LANCZOS).save(buffer, "WEBP", quality=75)
        if buffer.tell() <= LARGEST:
            break
    return buffer.getvalue()
