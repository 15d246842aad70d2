"""Draws the funnel as a Sankey diagram: a stream from the sources down to the clusters, which loses images on its way.

It flows downwards in rows of equal height, one beside each line of the list that says the same in words, so that it
can be as narrow as a phone wants it. Every width across the flow is a number of images.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from logoflow.report.drawings import KEEP, LEAVE, RULE, drawing, inline
from logoflow.report.formats import number
from logoflow.report.model import Funnel

ROOM = 0.22  # beside the stream, in widths of all images: where leaving ones go, and gaps between branches
SHIFT = 0.16  # how far leaving images turn away
GAP = 0.025  # between branches, at most


def draw_sankey(funnel: Funnel) -> Markup:
    """Draw the funnel, stretched to its place: a row for the sources, one for each departure, one for the clusters."""
    after = [left / funnel.offered for left in funnel.after]
    last = len(funnel.departures) + 1
    with drawing(3, last + 1) as figure:
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 1 + ROOM), ylim=(last + 1, 0))
        axes.set_axis_off()
        figure.patch.set_visible(False)
        figure.set_layout_engine("none")
        branches(axes, [source.count / funnel.offered for source in funnel.sources] or [1.0], top=1, bottom=0)
        for row, (before, left) in enumerate(pairwise(after), start=1):
            band(axes, (0, left), (0, left), row, row + 1, KEEP)
            if left < before:
                band(axes, (left, before), (left + SHIFT, before + SHIFT), row, row + 1, LEAVE)
                axes.plot((before + SHIFT, 1 + ROOM), (row + 1, row + 1), color=RULE, linewidth=0.8, clip_on=False)
        branches(axes, [group.count / funnel.offered for group in funnel.groups] or [after[-1]], last, last + 1)
        return inline(figure, describe(funnel), stretched=True)


def branches(axes: Axes, widths: Sequence[float], top: float, bottom: float) -> None:
    """Streams that lie side by side at `top`, and apart at `bottom`."""
    gap = min(GAP, (1 + ROOM - sum(widths)) / max(1, len(widths) - 1))
    starts = accumulate(widths[:-1], initial=0.0)
    for place, (start, width) in enumerate(zip(starts, widths, strict=True)):
        end = start + place * gap
        band(axes, (start, start + width), (end, end + width), top, bottom, KEEP)


def band(
    axes: Axes,
    first: tuple[float, float],
    last: tuple[float, float],
    top: float,
    bottom: float,
    colour: str,
) -> None:
    """A stream from between two places at `top` to between two others at `bottom`, bent like an S."""
    middle = (top + bottom) / 2
    (a, b), (c, d) = first, last
    corners = [
        (a, top),
        (a, middle),
        (c, middle),
        (c, bottom),
        (d, bottom),
        (d, middle),
        (b, middle),
        (b, top),
        (a, top),
    ]
    curve = Outline.CURVE4
    codes = [Outline.MOVETO, curve, curve, curve, Outline.LINETO, curve, curve, curve, Outline.CLOSEPOLY]
    # The edge keeps what is a thousandth of all visible; unclipped, because clip paths need identifiers.
    axes.add_patch(PathPatch(Outline(corners, codes), facecolor=colour, edgecolor=colour, linewidth=0.6, clip_on=False))


def describe(funnel: Funnel) -> str:
    """The diagram in a sentence."""
    leaving = "; ".join(f"{number(departure.count)} {departure.label.lower()}" for departure in funnel.departures)
    into = f", in {len(funnel.groups)} clusters" if funnel.groups else ""
    return (
        f"Sankey diagram: of {number(funnel.offered)} images offered leave {leaving or 'none'}; "
        f"{number(funnel.remaining)} become the training set{into}."
    )
