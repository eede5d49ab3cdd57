"""A picture being drawn: shapes and lines of text in millimetres, written as SVG.

Every line of text is kept with the box it fills, so that a layout can be checked: nothing over anything, nothing
over an edge.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from xml.etree import ElementTree

from starter.procedures.map.letters import ASCENT, DESCENT, FAMILY, Style, width

SVG = "http://www.w3.org/2000/svg"


class Box(NamedTuple):
    """A rectangle in millimetres, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    def overlaps(self, other: "Box", by: float = 0.0) -> bool:
        """Whether both share more than a strip of `by`."""
        return (
            self.x + by < other.right
            and other.x + by < self.right
            and self.y + by < other.bottom
            and other.y + by < self.bottom
        )

    def holds(self, other: "Box", by: float = 0.0) -> bool:
        """Whether the other lies inside, give or take `by`."""
        return (
            self.x - by <= other.x
            and self.y - by <= other.y
            and other.right <= self.right + by
            and other.bottom <= self.bottom + by
        )


class Line(NamedTuple):
    """A line of text as drawn, and the part of the picture it belongs to."""

    text: str
    box: Box
    part: str


class Canvas:
    """The picture."""

    def __init__(self, across: float, down: float, title: str, description: str) -> None:
        self.box = Box(0, 0, across, down)
        self.lines: list[Line] = []
        self.parts: dict[str, Box] = {}
        self._part = ""
        self._identities: dict[str, int] = {}
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": SVG,
                "width": f"{across:g}mm",
                "height": f"{down:g}mm",
                "viewBox": f"0 0 {across:g} {down:g}",
                "role": "img",
                "aria-labelledby": "title description",
                "font-family": FAMILY,
                "lang": "en-GB",
            },
        )
        for name, text in (("title", title), ("desc", description)):
            identity = "description" if name == "desc" else name
            ElementTree.SubElement(self._root, name, {"id": identity}).text = text
        self._into = self._root

    @contextmanager
    def part(self, name: str, box: Box, title: str | None = None) -> Iterator[None]:
        """Everything drawn inside belongs to this part; its box is what it may fill."""
        self.parts[name] = box
        before, self._into, part, self._part = self._into, ElementTree.SubElement(self._into, "g"), self._part, name
        self._into.set("id", self._identity(name))
        if title:
            ElementTree.SubElement(self._into, "title").text = title
        yield
        self._into, self._part = before, part

    def _identity(self, name: str) -> str:
        """A name as XML has identities: no two the same."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
        self._identities[plain] = nth = self._identities.get(plain, 0) + 1
        return plain if nth == 1 else f"{plain}-{nth}"

    def rectangle(
        self,
        box: Box,
        fill: str = "none",
        stroke: str | None = None,
        *,
        weight: float = 0.25,
        radius: float = 0.0,
        dashes: str | None = None,
    ) -> None:
        """A rectangle."""
        given = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        made = {name: _number(value) for name, value in given.items()} | {"fill": fill}
        if radius:
            made["rx"] = _number(radius)
        self._drawn("rect", made, stroke, weight, dashes)

    def path(
        self, path: str, fill: str = "none", stroke: str | None = None, weight: float = 0.3, dashes: str | None = None
    ) -> None:
        """A path, in SVG's own words."""
        self._drawn("path", {"d": path, "fill": fill}, stroke, weight, dashes)

    def _drawn(self, tag: str, made: dict[str, str], stroke: str | None, weight: float, dashes: str | None) -> None:
        if stroke:
            made |= {"stroke": stroke, "stroke-width": _number(weight)}
            if dashes:
                made["stroke-dasharray"] = dashes
        ElementTree.SubElement(self._into, tag, made)

    def text(self, x: float, baseline: float, text: str, style: Style, colour: str = "#0b0c0c") -> Box:
        """A line of text from `x` on its baseline. Returns the box it fills."""
        long = width(text, style)
        made = {
            "x": _number(x),
            "y": _number(baseline),
            "font-size": _number(style.mm),
            "fill": colour,
            # Whatever font a viewer has, the line is as long as it was measured.
            "textLength": _number(long),
            "lengthAdjust": "spacingAndGlyphs",
        }
        if style.bold:
            made["font-weight"] = "bold"
        if style.italic:
            made["font-style"] = "italic"
        ElementTree.SubElement(self._into, "text", made).text = text
        box = Box(x, baseline - style.mm * ASCENT, long, style.mm * (ASCENT + DESCENT))
        self.lines.append(Line(text, box, self._part))
        return box

    def svg(self) -> str:
        """The picture as SVG."""
        ElementTree.indent(self._root)
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(self._root, encoding="unicode") + "\n"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
