"""What a report shows: the funnel, the stages in their order, the machine, the versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

from logoflow.report.page import Page


@dataclass(frozen=True)
class Departure:
    """Images that left the pipeline at one place.

    Attributes:
        label: what they were, such as "With text".
        count: how many.
        stage: name of the stage at which they left, which the chart links to; may be empty.
        note: why, in a few words; may be empty.
    """

    label: str
    count: int
    stage: str = ""
    note: str = ""


@dataclass(frozen=True)
class Portion:
    """A part of the images: those of one source, or those of one cluster."""

    label: str
    count: int


@dataclass(frozen=True)
class Funnel:
    """How many images were offered, and who left where; the rest is the training set.

    Attributes:
        offered: how many came in.
        departures: in the order of the pipeline.
        sources: where those offered came from; may be empty.
        groups: what the training set is made of; may be empty.
    """

    offered: int
    departures: tuple[Departure, ...] = ()
    sources: tuple[Portion, ...] = ()
    groups: tuple[Portion, ...] = ()

    def __post_init__(self) -> None:
        counts = (self.offered, *(departure.count for departure in self.departures))
        if min(counts) < 0 or self.remaining < 0:
            leaving = ", ".join(f"{departure.label} {departure.count}" for departure in self.departures)
            raise ValueError(
                f"the funnel loses more than the {self.offered} images offered ({leaving}): correct the counts."
            )
        for portions, whole in ((self.sources, self.offered), (self.groups, self.remaining)):
            if portions and sum(portion.count for portion in portions) != whole:
                parts = ", ".join(f"{portion.label} {portion.count}" for portion in portions)
                raise ValueError(f"the parts of the funnel ({parts}) do not add up to {whole}: correct the counts.")

    @property
    def remaining(self) -> int:
        """How many images are left after the last departure."""
        return self.after[-1]

    @property
    def after(self) -> tuple[int, ...]:
        """How many images are left before the first departure, after it, after the second, and so on."""
        return tuple(accumulate((-departure.count for departure in self.departures), initial=self.offered))


@dataclass(frozen=True)
class StageReport:
    """One stage of the run.

    Attributes:
        name: the stage's identifier, which names its page: lower-case letters, digits, `_` and `-`.
        title: what the stage is called in headings.
        state: "Built", "Cached" or another named state.
        reason: why it was in that state, such as "config k: 10 -> 12".
        duration_s: seconds that the build took, also where this run found it done.
        settings: the stage's resolved configuration; nested mappings are shown with dotted names.
        metrics: what it measured; the first four single values are shown in the overview.
        page: what it left to show.
        folder: where the pictures of `page` lie.
    """

    name: str
    title: str
    state: str
    reason: str
    fingerprint: str
    content_digest: str
    duration_s: float
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    page: Page
    folder: Path


@dataclass(frozen=True)
class Headline:
    """A picture for the top of the overview: `file` of one of the pictures of `stage`."""

    stage: str
    file: str


@dataclass(frozen=True)
class Report:
    """A whole run.

    Attributes:
        name: the run's or configuration's name.
        created: when the run ended, with time zone.
        machine: facts about the computer, in the order to show them.
        versions: name to version of what the run depended on.
        funnel: from the images offered to the training set.
        stages: in the order of the pipeline.
        headline: the first is shown large; may be empty.
        title: the overview's heading; made from the funnel where empty.
    """

    name: str
    created: datetime
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    funnel: Funnel
    stages: tuple[StageReport, ...]
    headline: tuple[Headline, ...] = field(default=())
    title: str = ""
