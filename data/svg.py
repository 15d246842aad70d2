"""SVG becomes pixels through resvg, after everything that could reach outside or never end has been refused."""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from data.limits import Reason, Rejected

SIDE = 256
"""Long side of a rendered SVG, in px: vector graphics have no size of their own that would mean anything."""

_MAX_BYTES = 4 * 2**20
_MAX_DEPTH = 100
_MAX_DRAWN = 200_000  # elements after every reference is followed, each time that it is used

# These take time that grows with the numbers in their attributes, which nothing bounds.
_COSTLY = frozenset({"feTurbulence", "feMorphology", "feConvolveMatrix"})

_URL = re.compile(r"url\s*\(\s*['\"]?\s*([^'\")]*)", re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.IGNORECASE)


def is_svg(data: bytes) -> bool:
    """Whether bytes look like an SVG file."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"<") and b"<svg" in head


def render_svg(data: bytes) -> bytes:
    """Draw an SVG, 256 px on its long side, as PNG; text without a font of its own is left out, as no font is loaded.

    Raises:
        Rejected: it is no SVG, it refers to a file or a host, it is too complicated, or the extra `svg` is missing.
    """
    try:
        import resvg_py
    except ImportError as error:
        remedy = "SVG needs the extra svg (pip install 'logoflow[svg]'), or convert it to PNG"
        raise Rejected(Reason.unsupported, remedy) from error
    _check(data)
    try:
        return bytes(
            resvg_py.svg_to_bytes(svg_string=data.decode("utf-8-sig"), width=SIDE, height=SIDE, skip_system_fonts=True)
        )
    except ValueError as error:  # also bytes that are not UTF-8
        raise Rejected(Reason.unreadable, f"SVG: {error}"[:200]) from error


def _check(data: bytes) -> None:
    """Refuse an SVG that is not well-formed, not self-contained or not bounded."""
    if len(data) > _MAX_BYTES:
        raise Rejected(Reason.too_large, f"SVG of {len(data)} bytes, more than {_MAX_BYTES}")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.ProcessingInstructionHandler = reader.instruction
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise Rejected(Reason.unreadable, f"SVG: {error}"[:200]) from error
    if reader.drawn() > _MAX_DRAWN:
        raise Rejected(Reason.bomb, f"SVG that draws more than {_MAX_DRAWN} elements")


@dataclass
class _Element:
    """An element, with what is drawn because of it."""

    children: list["_Element"] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    drawn: int | None = None


class _Reader:
    """Handlers of expat that refuse what leaves the file, and remember which element draws which."""

    def __init__(self) -> None:
        self._open: list[tuple[str, _Element]] = [("", _Element())]
        self._root = self._open[0][1]
        self._by_id: dict[str, _Element] = {}
        self._style: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Check the attributes of an element."""
        tag = name.rpartition("}")[2]
        if len(self._open) > _MAX_DEPTH:
            raise Rejected(Reason.bomb, f"SVG nested deeper than {_MAX_DEPTH}")
        if tag in _COSTLY:
            raise Rejected(Reason.unsupported, f"SVG with the filter {tag}: convert it to PNG")
        element = _Element()
        for key, value in attributes.items():
            plain_key = key.rpartition("}")[2]
            if plain_key in ("href", "src") and tag != "a":  # the target of <a> is never opened
                element.targets += _inside(value)
            elif plain_key == "base":
                raise Rejected(Reason.path_escape, "SVG that names another base")
            element.targets += _checked_style(value)
        self._by_id.setdefault(attributes.get("id", ""), element)
        self._open[-1][1].children.append(element)
        self._open.append((tag, element))

    def end(self, name: str) -> None:
        """Leave an element; the rules of a style sheet may concern any, so that their targets count for the whole."""
        tag, _ = self._open.pop()
        if tag == "style":
            self._root.targets += _checked_style("".join(self._style))
            self._style.clear()

    def text(self, text: str) -> None:
        """Collect a style sheet, which comes in pieces."""
        if self._open[-1][0] == "style":
            self._style.append(text)

    def instruction(self, target: str, text: str) -> None:
        """Refuse style sheets from elsewhere."""
        if target == "xml-stylesheet":
            raise Rejected(Reason.path_escape, "SVG with a style sheet from elsewhere")

    def doctype(self, name: str, system: str | None, public: str | None, has_subset: int) -> None:
        """Allow the line that old programs write, which is never followed, and no declarations in it."""
        if has_subset:
            raise Rejected(Reason.unsupported, "SVG with declarations in its DOCTYPE: remove them")

    def entity(self, *declaration: object) -> None:
        """Refuse entities, which could unfold to anything."""
        raise Rejected(Reason.unsupported, "SVG with ENTITY declarations: remove them")

    def drawn(self) -> int:
        """Elements drawn when every reference is followed, each time that it is used."""
        return self._count(self._root, 0)

    def _count(self, element: _Element, depth: int) -> int:
        if depth > 2 * _MAX_DEPTH:
            raise Rejected(Reason.bomb, f"SVG with references {2 * _MAX_DEPTH} deep")
        if element.drawn is None:
            element.drawn = 0  # while it is counted: a circle is drawn once, as the renderer breaks it
            targets = (self._by_id[target] for target in element.targets if target in self._by_id)
            element.drawn = 1 + sum(self._count(part, depth + 1) for part in (*element.children, *targets))
        return element.drawn


def _inside(value: str) -> list[str]:
    """The id that a reference names within the file; refused where it leads out of it."""
    value = value.strip()
    if value.startswith("#"):
        return [value[1:]]
    if value and not _DATA_IMAGE.match(value):
        raise Rejected(Reason.path_escape, f"SVG that refers to {value[:80]!r}: put it into the file")
    return []


def _checked_style(text: str) -> list[str]:
    """The ids that a style names; refused where it leads out of the file or hides what it says."""
    lowered = text.lower()
    if "@import" in lowered or ("\\" in text and "(" in text):
        raise Rejected(Reason.path_escape, "SVG with a style that imports or hides another")
    return [target for found in _URL.findall(text) for target in _inside(found)] if "url" in lowered else []
