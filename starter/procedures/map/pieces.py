"""Cards, entries and captions set in type: each a piece of a width that knows its height and how it is drawn."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from starter.procedures.map.canvas import Box, Canvas
from starter.procedures.map.cards import INK, PAPER, QUIET, RULE, Card, Entry, Section, Sign
from starter.procedures.map.letters import ASCENT, Style, shrunk, width, wrap

TOLERANCE = 0.01
"""Millimetres by which a column may be taller than it should: sums are not exact."""
Draw = Callable[[Canvas, float, float], None]
"""Draws something at a place."""


class Sizes(NamedTuple):
    """The type sizes and distances of a map at one scale. Type in points, distances in millimetres."""

    scale: float

    def style(self, size: float, *, bold: bool = False, italic: bool = False) -> Style:
        """A style at this scale."""
        return Style(size * self.scale, bold, italic)

    def mm(self, distance: float) -> float:
        """A distance at this scale."""
        return distance * self.scale


class Piece(NamedTuple):
    """Something of a known height. `joined` keeps it on top of the piece that follows."""

    height: float
    draw: Draw
    joined: bool = False


class _Setter:
    """Lines of text set one below the other, remembered until they are drawn."""

    def __init__(self, sizes: Sizes, across: float) -> None:
        self.sizes = sizes
        self.across = across
        self.down = 0.0
        self.ends_at = 0.0
        self.drawn: list[Draw] = []

    def space(self, distance: float) -> None:
        self.down += self.sizes.mm(distance)

    def text(self, text: str, style: Style, colour: str, indent: float = 0.0, spare: float = 0.0) -> None:
        """Lines of text, from `indent` on and leaving `spare` free at the right."""
        for line in wrap(text, style, self.across - indent - spare):
            self.line(line, style, colour, indent)
            self.down += style.line
            self.ends_at = indent + width(line, style)

    def line(self, text: str, style: Style, colour: str, indent: float = 0.0) -> None:
        """One line that is known to fit, without moving on."""
        baseline = self.down + (style.line - style.mm) / 2 + style.mm * ASCENT

        def draw(canvas: Canvas, x: float, y: float) -> None:
            canvas.text(x + indent, y + baseline, text, style, colour)

        self.drawn.append(draw)

    def after(self, text: str, style: Style, colour: str) -> None:
        """Text behind the last line where it fits there, below it where not."""
        gap = style.mm * 0.7
        if text and self.ends_at and self.ends_at + gap + width(text, style) <= self.across:
            self.down -= style.line
            self.line(text, style, colour, self.ends_at + gap)
            self.down += style.line
        elif text:
            self.text(text, style, colour)

    def draw(self, canvas: Canvas, x: float, y: float) -> None:
        for draw in self.drawn:
            draw(canvas, x, y)


def pieces(sizes: Sizes, across: float, sections: Sequence[Section]) -> Iterator[Piece]:
    """The sections set in a column's width, one below the other."""
    for number, section in enumerate(sections):
        yield caption(sizes, across, section.caption, first=number == 0)
        for card in section.cards:
            yield piece(sizes, across, card)


def piece(sizes: Sizes, across: float, card: Card | Entry) -> Piece:
    """A card or an entry, set in a column's width."""
    return _card(sizes, across, card) if isinstance(card, Card) else _entry(sizes, across, card)


def caption(sizes: Sizes, across: float, text: str, *, first: bool) -> Piece:
    """The heading of a section."""
    style = sizes.style(7.5, bold=True)
    above = sizes.mm(0.4 if first else 1.4)
    height = above + style.line + sizes.mm(0.6)

    def draw(canvas: Canvas, x: float, y: float) -> None:
        canvas.text(x, y + above + style.mm * ASCENT, text, style, QUIET)
        canvas.path(f"M{x:.2f} {y + above + style.line:.2f}h{across:.2f}", stroke=RULE, weight=sizes.mm(0.25))

    return Piece(height, draw, joined=True)


def _card(sizes: Sizes, across: float, card: Card) -> Piece:
    bar, pad = sizes.mm(1.2), sizes.mm(1.5)
    left = bar + pad
    setter = _Setter(sizes, across - left - pad)
    setter.space(1.2)
    _head(setter, card)
    setter.text(card.title, sizes.style(8.3, bold=True), INK)
    setter.space(0.3)
    _rows(setter, card)
    if card.run:
        setter.text(card.run, sizes.style(7.4), INK)
    if card.quote:
        setter.space(0.4)
        setter.text(f"“{card.quote}”", sizes.style(7, italic=True), QUIET)
    _foot(setter, card)
    setter.space(1.1)
    body = setter.down
    mark = _mark(sizes, across, card)
    height = body + (mark.height if mark else 0.0)
    dashes = {"solid": None, "dashed": "1.6 0.9", "dotted": "0.35 0.8"}[card.outline]
    loud = card.mark is not None and card.mark.state == "OVERDUE"

    def draw(canvas: Canvas, x: float, y: float) -> None:
        box = Box(x, y, across, height)
        with canvas.part(card.path, box, card.title):
            canvas.rectangle(box, PAPER)
            canvas.rectangle(Box(x, y, bar, height), card.accent)
            if mark:
                mark.draw(canvas, x, y + body)
            stroke = card.mark.colour if card.mark and loud else card.accent if dashes else RULE
            weight = 0.7 if loud else 0.45 if dashes else 0.25
            canvas.rectangle(box, "none", stroke, weight=sizes.mm(weight), dashes=dashes)
            setter.draw(canvas, x + left, y)

    return Piece(height, draw)


def _head(setter: _Setter, card: Card) -> None:
    """The amount in large letters, with its sign before it; a little smaller where it would not fit on one line."""
    if not card.head:
        return
    sizes = setter.sizes
    style = sizes.style(9.5, bold=True, italic=True) if card.slanted else sizes.style(13, bold=True)
    indent = 0.0 if card.sign == "none" else style.mm * 1.1
    smallest = style.size * 0.78
    style = shrunk(style, lambda tried: indent + width(card.head, tried) > setter.across and tried.size > smallest)
    if card.sign != "none":
        top = setter.down

        def sign(canvas: Canvas, x: float, y: float) -> None:
            size = style.mm * 0.82
            draw_sign(canvas, card.sign, Box(x, y + top + style.line * 0.15, size, size), card.accent)

        setter.drawn.append(sign)
    setter.text(card.head, style, card.accent, indent)
    setter.space(0.2)


def _rows(setter: _Setter, card: Card) -> None:
    """Particulars: a quiet label, and what it says beside it."""
    sizes = setter.sizes
    label, value = sizes.style(7), sizes.style(7.4)
    beside = max((width(name, label) for name, _ in card.rows), default=0.0) + sizes.mm(1.0)
    for name, text in card.rows:
        setter.line(name, label, QUIET)
        setter.text(text, value, INK, beside)
        setter.space(0.1)


def _foot(setter: _Setter, card: Card) -> None:
    """The rows it answers, and in the corner how binding it is."""
    sizes = setter.sizes
    setter.space(0.5)
    tag_style = sizes.style(6.2, bold=True)
    pad, apart = sizes.mm(0.9), sizes.mm(0.8)
    tags = [(tag, width(tag, tag_style) + 2 * pad) for tag in card.tags]
    style = sizes.style(6.5, bold=True)
    setter.text(" · ".join(card.cites), style, QUIET, spare=sum(long + apart for _, long in tags))
    right = setter.across
    for tag, long in reversed(tags):
        right -= long
        place = Box(right, setter.down - style.line - sizes.mm(0.1), long, tag_style.line + sizes.mm(0.4))
        setter.drawn.append(_tag(sizes, tag, tag_style, place))
        right -= apart


def _tag(sizes: Sizes, tag: str, style: Style, place: Box) -> Draw:
    """How binding a rule is: MUST in full ink, everything else outlined."""
    ink, ground, line = (PAPER, INK, INK) if tag == "MUST" else (QUIET, PAPER, QUIET)

    def draw(canvas: Canvas, x: float, y: float) -> None:
        box = Box(x + place.x, y + place.y, place.width, place.height)
        canvas.rectangle(box, ground, line, weight=sizes.mm(0.22), radius=sizes.mm(0.8))
        canvas.text(box.x + sizes.mm(0.9), box.y + box.height / 2 + style.mm * 0.36, tag, style, ink)

    return draw


def _mark(sizes: Sizes, across: float, card: Card) -> Piece | None:
    """The coloured band that says where a case stands with the rule."""
    mark = card.mark
    if mark is None:
        return None
    pad = sizes.mm(1.7)
    setter = _Setter(sizes, across - 2 * pad)
    setter.space(0.7)
    setter.text(mark.state, sizes.style(8, bold=True), mark.ink)
    setter.text(mark.says, sizes.style(7.5), mark.ink)
    setter.space(0.7)

    def draw(canvas: Canvas, x: float, y: float) -> None:
        canvas.rectangle(Box(x, y, across, setter.down), mark.colour)
        setter.draw(canvas, x + pad, y)

    return Piece(setter.down, draw)


def _entry(sizes: Sizes, across: float, entry: Entry) -> Piece:
    indent = sizes.mm(3.6)
    setter = _Setter(sizes, across - indent)
    setter.space(0.4)
    title, text, rows = sizes.style(7.5, bold=True), sizes.style(7.4), sizes.style(6.2, bold=True)
    setter.text(entry.title, title, INK)
    for point in entry.points:
        setter.text(point.says, text, INK)
        setter.after(" · ".join(point.cites), rows, QUIET)
        setter.space(0.2)
    setter.space(0.3)

    def draw(canvas: Canvas, x: float, y: float) -> None:
        with canvas.part(entry.path, Box(x, y, across, setter.down), entry.title or None):
            size = sizes.mm(2.5)
            middle = y + sizes.mm(0.4) + title.line / 2
            draw_sign(canvas, entry.sign, Box(x + sizes.mm(0.2), middle - size / 2, size, size), QUIET)
            setter.draw(canvas, x + indent, y)

    return Piece(setter.down, draw)


def draw_sign(canvas: Canvas, sign: Sign, box: Box, colour: str) -> None:
    """A small sign beside a text: it repeats what the words say, for the eye."""
    strokes, fills = SIGNS[sign]
    for commands, fill, stroke in ((strokes, "none", colour), (fills, colour, None)):
        if commands:
            canvas.path(_placed(commands, box), fill, stroke, box.width * 0.11)


SIGNS: dict[Sign, tuple[str, str]] = {
    "none": ("", ""),
    "before": ("M.95 .05L.95 .95M.85 .5L.08 .5M.4 .18L.06 .5L.4 .82", ""),
    "again": (
        "M.9 .5C.9 .74 .72 .9 .5 .9C.26 .9 .1 .72 .1 .5C.1 .26 .28 .1 .5 .1L.62 .12",
        "M.56 -.14L.94 .14L.54 .38Z",
    ),
    "person": ("", "M.5 .02C.78 .02 .78 .44 .5 .44C.22 .44 .22 .02 .5 .02ZM.08 .98C.08 .4 .92 .4 .92 .98Z"),
    "form": ("M.15 .05L.62 .05L.85 .3L.85 .95L.15 .95ZM.32 .5L.68 .5M.32 .7L.68 .7", ""),
    "gate": ("M.27 .45L.27 .3C.27 .02 .73 .02 .73 .3L.73 .45", "M.1 .45L.9 .45L.9 .98L.1 .98Z"),
    "say": ("M.02 .1L.98 .1L.98 .7L.5 .7L.22 .98L.22 .7L.02 .7Z", ""),
    "tell": ("M.02 .16L.98 .16L.98 .84L.02 .84ZM.02 .18L.5 .56L.98 .18", ""),
    "tick": ("M.1 .1L.9 .1L.9 .9L.1 .9Z", ""),
}
"""The signs in a square of one by one: what is stroked, and what is filled."""


def _placed(commands: str, box: Box) -> str:
    """A path in a square of one by one, put into the box."""
    parts = []
    for command in commands.replace("Z", " Z").replace("M", " M ").replace("L", " L ").replace("C", " C ").split():
        if command in "MLCZ":
            parts.append(command)
            across = True
        else:
            start, size = (box.x, box.width) if across else (box.y, box.height)
            parts.append(f"{start + float(command) * size:.2f}")
            across = not across
    return " ".join(parts)


def in_columns(some: Sequence[Piece], columns: int, gap: float) -> list[list[Piece]]:
    """The pieces in order over so many columns, the tallest as short as can be."""
    if not some:
        return [[] for _ in range(columns)]
    low, high = max(part.height for part in some), height_of(some, gap)
    while high - low > 0.1:
        middle = (low + high) / 2
        if len(_filled(some, middle, gap)) <= columns:
            high = middle
        else:
            low = middle
    filled = _filled(some, high, gap)
    return filled + [[] for _ in range(columns - len(filled))]


def _filled(some: Sequence[Piece], most: float, gap: float) -> list[list[Piece]]:
    columns: list[list[Piece]] = [[]]
    down = 0.0
    group: list[Piece] = []
    for part in some:
        group.append(part)
        if part.joined:
            continue
        tall = height_of(group, gap)
        if columns[-1] and down + gap + tall > most + TOLERANCE:
            columns.append([])
            down = 0.0
        down += tall + (gap if columns[-1] else 0.0)
        columns[-1] += group
        group = []
    return columns


def height_of(some: Sequence[Piece], gap: float) -> float:
    """The height of pieces on top of one another."""
    return sum(part.height for part in some) + gap * max(0, len(some) - 1)
