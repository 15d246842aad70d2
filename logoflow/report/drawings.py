"""matplotlib's drawings as elements of a page, in the colours and letters of its style sheet."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

COLOURS = 6  # --series-0 ... --series-5 of the style sheet
# Colours to draw with: stand-ins that become variables of the style sheet.
RULE, KEEP, LEAVE = "#020202", "#020203", "#020204"
SERIES = tuple(f"#03030{number}" for number in range(COLOURS))
_VARIABLES = {RULE: "rule", KEEP: "keep", LEAVE: "leave"} | {s: f"series-{n}" for n, s in enumerate(SERIES)}
_SVG = "{http://www.w3.org/2000/svg}"


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of this size in inches, drawn without a reader's matplotlibrc, which must not change the report."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        # "none" keeps letters text: in the page's font, found by search, read aloud.
        matplotlib.rcParams.update({"svg.fonttype": "none", "font.size": 9.0, "path.simplify_threshold": 0.3})
        yield Figure(figsize=(width, height), layout="constrained")


def inline(figure: Figure, description: str, stretched: bool = False) -> Markup:
    """A figure as an element of an HTML page, without fixed sizes, colours and fonts.

    Args:
        figure: made by `drawing`.
        description: what a reader who cannot see it should be told.
        stretched: it fills its place, whatever shape that has.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(buffer.getvalue())
    for child in list(root):
        # Metadata names hosts, and the style element in the definitions would hold for the whole page.
        if child.tag in (f"{_SVG}metadata", f"{_SVG}defs"):
            root.remove(child)
    for node in root.iter():
        node.tag = node.tag.removeprefix(_SVG)
        node.text = (node.text or "").strip()
        node.tail = ""
        node.attrib.pop("id", None)
        if style := node.attrib.pop("style", ""):
            node.attrib["style"] = _restyle(style)
        if "d" in node.attrib:
            node.attrib["d"] = re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}", node.attrib["d"])
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": description}
    if stretched:
        root.attrib["preserveAspectRatio"] = "none"
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _restyle(style: str) -> str:
    for stand_in, variable in _VARIABLES.items():
        style = style.replace(stand_in, f"var(--{variable})")
    return "; ".join(part for part in style.split("; ") if not part.startswith(("font", "fill: #")))
