"""The status as one small HTML page, which asks for itself again and loads nothing from anywhere else."""

import base64
import functools
import hashlib
from datetime import datetime
from importlib import resources

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

from logoflow.cli.output import bytes_in_words, seconds_in_words
from logoflow.monitor.model import Status


@functools.cache
def part(name: str) -> str:
    """A file of templates/."""
    return (resources.files(__package__) / "templates" / name).read_text()


def digest(name: str) -> str:
    """How a policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(part(name).encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {digest('status.js')}; style-src {digest('status.css')}; img-src data:; "
    "connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may do: run its own script and ask this server."""


@functools.cache
def environment() -> Environment:
    """Templates with our words in them; everything from data is escaped."""
    found = Environment(
        loader=DictLoader({"status.html": part("status.html")}),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"seconds": seconds_in_words, "bytes": bytes_in_words, "minute": minute}
    return found


def status_page(status: Status, has_report: bool) -> str:
    """The page.

    Args:
        status: what it shows.
        has_report: whether there is a report to link to.
    """
    page = environment().get_template("status.html")
    return page.render(status=status, has_report=has_report, script=part("status.js"), style=part("status.css"))


def minute(moment: datetime) -> str:
    """2025-03-01 12:05 UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
