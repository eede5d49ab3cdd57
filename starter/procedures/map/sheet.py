"""The map as a sheet of paper: the ways through the stages above, what stands in each stage below.

The paper is the smallest that holds everything in letters that can be read on a wall; on it the letters are as
large as they can be.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from casework.calendar import spoken_instant
from casework.procedure import Procedure
from casework.story import Story
from casework.vocabulary import Stage
from starter.cases.reach import Failed
from starter.procedures.map import flow
from starter.procedures.map.canvas import Box, Canvas
from starter.procedures.map.cards import (
    BLUE,
    BROWN,
    GREY,
    INK,
    NAVY,
    PAPER,
    PURPLE,
    QUIET,
    RULE,
    TEAL,
    Section,
    Sign,
    footing,
    sections,
)
from starter.procedures.map.letters import ASCENT, Style, shrunk, width, wrap
from starter.procedures.map.pieces import Piece, Sizes, draw_sign, height_of, in_columns, pieces
from starter.procedures.map.stages import ON_THE_MAP
from starter.procedures.phrases import listed, role
from starter.rehearsal.plot import COLOURS

PAPERS = {"A3": (420.0, 297.0), "A2": (594.0, 420.0), "A1": (841.0, 594.0)}
MARGIN = 9.0
LARGEST, SMALLEST, CLOSE_ENOUGH = 1.5, 0.78, 0.005
NARROWEST, MOST_COLUMNS = 39.0, 18
BETWEEN, GAP, LEGEND_HEIGHT = 1.4, 2.0, 13.0
HERE, HERE_GROUND, GROUND, BAND = "#ffdd00", "#fff7c9", "#eef2f6", "#f7f4ee"
NOTHING = "The document has no rule of its own here."
NOTE = (
    "Drawn from the rules that cases run on. Words in “ ” are the document’s own; the ids are the rows of the "
    "catalogue. Reminders and escalations are S47’s own design and are not shown."
)


class Contents(NamedTuple):
    """What is to be set: the same at every scale."""

    stages: dict[Stage, list[Section]]
    any_time: list[Section]
    foot: list[Section]


class Sheet(NamedTuple):
    """Everything set in type at one scale: the pieces in their columns, and where each part begins from the top."""

    sizes: Sizes
    column: float
    heads: float
    edges: flow.Edges
    bends: list[flow.Bend]
    stages: dict[Stage, list[list[Piece]]]
    any_time: list[list[Piece]]
    foot: list[list[Piece]]

    @property
    def gap(self) -> float:
        """The distance between columns, and from them to the edge of their ground."""
        return self.sizes.mm(GAP)

    @property
    def between(self) -> float:
        """The distance from piece to piece."""
        return self.sizes.mm(BETWEEN)

    @property
    def heads_at(self) -> float:
        """Where the stages' heads begin."""
        return MARGIN + self.sizes.mm(18)

    @property
    def flow_at(self) -> float:
        """Where the ways begin."""
        return self.heads_at + self.heads

    @property
    def stages_at(self) -> float:
        """Where the stages' columns begin."""
        return self.flow_at + flow.height(self.sizes, self.bends)

    @property
    def foot_height(self) -> float:
        """How tall the band is of what may come at any time, and of roles and forms beside it."""
        return _foot_height(self.sizes, self.any_time, self.foot)

    @property
    def down(self) -> float:
        """How tall the sheet is at least."""
        body = max(_tallest(columns, self.between) for columns in self.stages.values())
        return self.stages_at + body + self.sizes.mm(6 + LEGEND_HEIGHT) + self.foot_height + MARGIN


def _foot_height(sizes: Sizes, any_time: Sequence[Sequence[Piece]], foot: Sequence[Sequence[Piece]]) -> float:
    beside = _tallest(any_time, sizes.mm(BETWEEN)) + sizes.mm(9) if any_time else 0.0
    return max(beside, _tallest(foot, 0.0) + sizes.mm(1.5))


def _tallest(columns: Sequence[Sequence[Piece]], between: float) -> float:
    return max((height_of(column, between) for column in columns), default=0.0)


def draw(
    procedure: Procedure, case: Story | None = None, paper: str | None = None, at: datetime | None = None
) -> Canvas:
    """The map of a procedure, or of where a case stands on it, `at` an instant that is then written beside it.

    Raises `Failed` for a paper it does not fit on.
    """
    if paper is not None and paper not in PAPERS:
        raise Failed(f"There is no paper {paper!r} here. There is: {', '.join(PAPERS)}.")
    contents = Contents(
        {stage: sections(procedure, stage, case) for stage in ON_THE_MAP},
        sections(procedure, None, case),
        footing(procedure),
    )
    for name in [paper] if paper else PAPERS:
        across, down = PAPERS[name]
        sheet = _largest(procedure, contents, across, down)
        if sheet is not None:
            return _drawn(procedure, case, at, sheet, across, down)
    raise Failed(f"All of this does not fit on {paper or list(PAPERS)[-1]} in letters that can be read.")


# --- Setting ------------------------------------------------------------------------------------------------------


def _largest(procedure: Procedure, contents: Contents, across: float, down: float) -> Sheet | None:
    """The sheet with the largest letters that the paper holds, over every number of columns."""
    best: Sheet | None = None
    inner = across - 2 * MARGIN
    for count in range(len(ON_THE_MAP), MOST_COLUMNS + 1):
        low = best.sizes.scale + CLOSE_ENOUGH if best else SMALLEST
        # Above this the columns would be too narrow for their words.
        high = min(LARGEST, inner / (count * NARROWEST + GAP * (count + 2 * len(ON_THE_MAP) - 1)))
        if low > high:
            continue
        sheet = _set(procedure, contents, Sizes(low), inner, count)
        if sheet.down > down:
            continue
        best = sheet
        while high - low > CLOSE_ENOUGH:
            middle = (low + high) / 2
            sheet = _set(procedure, contents, Sizes(middle), inner, count)
            if sheet.down <= down:
                best, low = sheet, middle
            else:
                high = middle
    return best


def _set(procedure: Procedure, contents: Contents, sizes: Sizes, inner: float, count: int) -> Sheet:
    """Everything set in so many columns of the same width, the stage with the most in it given the most of them."""
    gap, between = sizes.mm(GAP), sizes.mm(BETWEEN)
    column = (inner - gap * (count + 2 * len(ON_THE_MAP) - 1)) / count
    unsplit = {stage: list(pieces(sizes, column, contents.stages[stage])) for stage in ON_THE_MAP}
    stages = {stage: in_columns(unsplit[stage], 1, between) for stage in ON_THE_MAP}
    for _ in range(count - len(ON_THE_MAP)):
        tallest = max(ON_THE_MAP, key=lambda stage: _tallest(stages[stage], between))
        stages[tallest] = in_columns(unsplit[tallest], len(stages[tallest]) + 1, between)
    share = {stage: len(columns) for stage, columns in stages.items()}
    edges: flow.Edges = {}
    x = MARGIN
    for stage, many in share.items():
        edges[stage] = (x, x + many * column + (many + 1) * gap)
        x = edges[stage][1] + gap
    any_time, foot = _foot(sizes, contents, inner, column)
    heads = max(
        sum(style.line for _, style in _head(sizes, procedure, stage, right - left - 2 * gap))
        for stage, (left, right) in edges.items()
    ) + sizes.mm(2)
    return Sheet(sizes, column, heads, edges, flow.bends(procedure, edges), stages, any_time, foot)


def _foot(sizes: Sizes, contents: Contents, inner: float, column: float) -> tuple[list[list[Piece]], list[list[Piece]]]:
    """What may come at any time, and beside it roles and forms: shared so that the band is as low as can be."""
    gap, between = sizes.mm(GAP), sizes.mm(BETWEEN)
    any_time = list(pieces(sizes, column, contents.any_time))
    foot = list(pieces(sizes, column, contents.foot))
    if not any_time:
        return [], in_columns(foot, int((inner + gap) // (column + gap)), 0.0)
    # The ground of what may come at any time takes a gap at either side, and one is left between the two.
    count = int((inner - 2 * gap) // (column + gap))
    shared = [(in_columns(any_time, many, between), in_columns(foot, count - many, 0.0)) for many in range(1, count)]
    return min(shared, key=lambda two: _foot_height(sizes, *two))


# --- Drawing ------------------------------------------------------------------------------------------------------


def _drawn(
    procedure: Procedure, case: Story | None, at: datetime | None, sheet: Sheet, across: float, down: float
) -> Canvas:
    about = procedure.about
    title = f"{about.title} ({about.letter}): process map"
    standing = f", and where case {case.reference} stands" if case else ""
    canvas = Canvas(
        across,
        down,
        title,
        f"Drawn from the running rules of {about.title}, version {about.version}, {procedure.fingerprint}{standing}.",
    )
    sizes = sheet.sizes
    # What height is left over goes to the stages, so that the foot stands at the foot.
    legend = Box(MARGIN, down - MARGIN - sizes.mm(LEGEND_HEIGHT), across - 2 * MARGIN, sizes.mm(LEGEND_HEIGHT))
    foot_at = legend.y - sizes.mm(2) - sheet.foot_height
    canvas.rectangle(canvas.box, PAPER)
    _heading(canvas, procedure, case, at, sizes)
    for stage in ON_THE_MAP:
        left, right = sheet.edges[stage]
        ground = Box(left, sheet.heads_at, right - left, foot_at - sizes.mm(3) - sheet.heads_at)
        _stage(canvas, procedure, case, sheet, stage, ground)
    flow.draw(canvas, sizes, sheet.bends, sheet.flow_at)
    left = MARGIN
    if sheet.any_time:
        style = sizes.style(11, bold=True)
        many = len(sheet.any_time)
        wide = many * sheet.column + (many + 1) * sheet.gap
        canvas.rectangle(Box(left, foot_at, wide, sheet.foot_height), BAND)
        canvas.text(left + sheet.gap, foot_at + sizes.mm(1.6) + style.mm * ASCENT, "At any time", style, NAVY)
        _side_by_side(canvas, sheet, sheet.any_time, left + sheet.gap, foot_at + sizes.mm(7), sheet.between)
        left += wide + sheet.gap
    _side_by_side(canvas, sheet, sheet.foot, left, foot_at + sizes.mm(1.5), 0.0)
    _legend(canvas, case, sizes, legend)
    return canvas


def _side_by_side(
    canvas: Canvas, sheet: Sheet, columns: Sequence[Sequence[Piece]], left: float, top: float, between: float
) -> None:
    for number, some in enumerate(columns):
        y = top
        for piece in some:
            piece.draw(canvas, left + number * (sheet.column + sheet.gap), y)
            y += piece.height + between


def _heading(canvas: Canvas, procedure: Procedure, case: Story | None, at: datetime | None, sizes: Sizes) -> None:
    """The procedure's letter and title; version, source and system of record at the right."""
    about = procedure.about
    right = canvas.box.width - MARGIN
    badge = Box(MARGIN, MARGIN, sizes.mm(13), sizes.mm(13))
    letter = sizes.style(24 if len(about.letter) == 1 else 12, bold=True)
    canvas.rectangle(badge, NAVY)
    middle = badge.x + (badge.width - width(about.letter, letter)) / 2
    canvas.text(middle, badge.y + badge.height / 2 + letter.mm * 0.36, about.letter, letter, PAPER)
    facts = [
        f"Source: document {about.source}",
        f"Version {about.version}, rules {procedure.fingerprint}",
        f"System of record: {about.system_of_record or 'not named in the document'}",
    ]
    base = sorted({rule.origin for rule in procedure.timescale.values() if rule.origin})
    if base:
        facts.append(f"Gaps filled from {listed(base)}, which is not from this document")
    beside = (right - badge.right) * 0.4
    small = shrunk(sizes.style(8), lambda style: len(_within(facts, style, beside)) * style.line > sizes.mm(15))
    lines = _within(facts, small, beside)
    y = MARGIN + small.mm * ASCENT
    for line in lines:
        canvas.text(right - width(line, small), y, line, small, QUIET)
        y += small.line
    x = badge.right + sizes.mm(4)
    room = right - max(width(line, small) for line in lines) - sizes.mm(6) - x
    title = shrunk(sizes.style(24, bold=True), lambda style: width(about.title, style) > room)
    canvas.text(x, MARGIN + sizes.mm(6.8), about.title, title)
    under = sizes.style(11, bold=case is not None)
    says = "Process map, drawn from the rules that cases run on"
    if case:
        when = f", as it stood on {spoken_instant(at)}" if at else ""
        says = f"Case {case.reference}: {case.stage.value}{when}"
    canvas.text(x, MARGIN + sizes.mm(12.4), says, under, INK if case else QUIET)


def _within(texts: Sequence[str], style: Style, across: float) -> list[str]:
    return [line for text in texts for line in wrap(text, style, across)]


def _stage(canvas: Canvas, procedure: Procedure, case: Story | None, sheet: Sheet, stage: Stage, ground: Box) -> None:
    """A stage: its head, with who acts while nothing else names anyone, and what stands in it."""
    sizes = sheet.sizes
    here = case is not None and case.stage is stage
    head = Box(ground.x, ground.y, ground.width, sheet.flow_at - sheet.heads_at)
    canvas.rectangle(ground, HERE_GROUND if here else GROUND)
    colour, ink, quiet = (HERE, INK, INK) if here else (NAVY, PAPER, "#d5e0ea")
    point = "" if stage is ON_THE_MAP[-1] else f"L{head.right + sheet.gap:.2f} {head.y + head.height / 2:.2f}"
    with canvas.part(f"stage {stage.value}", head, stage.value):
        canvas.path(
            f"M{head.x:.2f} {head.y:.2f}H{head.right:.2f}{point}L{head.right:.2f} {head.bottom:.2f}H{head.x:.2f}Z",
            colour,
        )
        y = head.y + sizes.mm(1.0)
        room = head.width - 2 * sheet.gap
        for line, style in _head(sizes, procedure, stage, room, here=here):
            shade = ink if style.bold else quiet
            canvas.text(head.x + sheet.gap, y + style.mm * ASCENT + (style.line - style.mm) / 2, line, style, shade)
            y += style.line
    _side_by_side(canvas, sheet, sheet.stages[stage], ground.x + sheet.gap, sheet.stages_at, sheet.between)
    if not any(sheet.stages[stage]):
        nothing = sizes.style(7.5, italic=True)
        for place, line in enumerate(wrap(NOTHING, nothing, room)):
            x = head.x + sheet.gap
            canvas.text(x, sheet.stages_at + (place + 1) * nothing.line, line, nothing, QUIET)


def _head(
    sizes: Sizes, procedure: Procedure, stage: Stage, room: float, *, here: bool = False
) -> list[tuple[str, Style]]:
    """The lines of a stage's head: its number and name, and who acts while nothing else names anyone."""
    name, acts = sizes.style(12, bold=True), sizes.style(7.5)
    says = "This case is here" if here else f"{role(procedure, procedure.acting_at(stage))} acts next"
    number = ON_THE_MAP.index(stage) + 1
    title = f"{number}  {stage.value[0].upper()}{stage.value[1:]}"
    return [(line, name) for line in wrap(title, name, room)] + [(line, acts) for line in wrap(says, acts, room)]


class Explained(NamedTuple):
    """A sign or a colour, and what it means."""

    says: str
    colour: str
    sign: Sign = "none"
    look: Literal["bar", "dashed", "dotted", "fill"] = "bar"


LEGEND = (
    Explained("limit counted from an event", BLUE),
    Explained("counted back from a meeting, and moves with it", PURPLE, "before"),
    Explained("recurs", TEAL, "again"),
    Explained("no amount in the document, or a date set on the case", GREY),
    Explained("to be authorised", BROWN),
    Explained("meeting", NAVY),
    Explained("an aim, not the limit", BLUE, look="dashed"),
    Explained("from the base set", BLUE, look="dotted"),
    Explained("accepted only after", QUIET, "gate"),
    Explained("has to be said", QUIET, "say"),
    Explained("who is told", QUIET, "tell"),
    Explained("to think of; never blocks", QUIET, "tick"),
)

STATES = {
    "met": "met, authorised",
    "met late": "met late, returned",
    "overdue": "overdue, never met",
    "open": "running, waiting",
    "withheld": "withheld",
    "ended": "ended",
}
"""What the colours of a case's states mean."""


def _legend(canvas: Canvas, case: Story | None, sizes: Sizes, box: Box) -> None:
    """What the signs and colours mean, and where all of this is from."""
    canvas.path(f"M{box.x:.2f} {box.y:.2f}h{box.width:.2f}", stroke=RULE, weight=sizes.mm(0.3))
    states = [Explained(STATES[state], colour, look="fill") for state, colour in COLOURS.items()] if case else []
    square, apart = sizes.mm(2.6), sizes.mm(1.1)

    def in_rows(style: Style) -> list[list[Explained]]:
        return _in_rows([*LEGEND, *states], style, square + apart, box.width)

    # Two lines for the signs and one for the note, in letters as small as that takes.
    style = shrunk(sizes.style(7.5), lambda style: len(in_rows(style)) > 2)
    note = shrunk(sizes.style(7.5, italic=True), lambda style: width(NOTE, style) > box.width)
    y = box.y + sizes.mm(4.4)
    for row in in_rows(style):
        x = box.x
        for item in row:
            _explained(canvas, item, Box(x, y - square * 0.86, square, square))
            canvas.text(x + square + apart, y, item.says, style)
            x += _long(item, style, square + apart)
        y += style.line * 1.2
    canvas.text(box.x, box.bottom - sizes.mm(0.8), NOTE, note, QUIET)


def _explained(canvas: Canvas, item: Explained, box: Box) -> None:
    if item.sign != "none":
        draw_sign(canvas, item.sign, box, item.colour)
    elif item.look == "bar":
        canvas.rectangle(Box(box.x + box.width * 0.3, box.y, box.width * 0.4, box.height), item.colour)
    elif item.look == "fill":
        canvas.rectangle(box, item.colour)
    else:
        canvas.rectangle(box, PAPER, item.colour, weight=0.4, dashes="1.2 0.7" if item.look == "dashed" else "0.3 0.7")


def _long(item: Explained, style: Style, sign: float) -> float:
    return sign + width(item.says, style) + style.mm * 1.6


def _in_rows(entries: Sequence[Explained], style: Style, sign: float, across: float) -> list[list[Explained]]:
    rows: list[list[Explained]] = [[]]
    used = 0.0
    for entry in entries:
        long = _long(entry, style, sign)
        if used + long > across:
            rows.append([])
            used = 0.0
        rows[-1].append(entry)
        used += long
    return rows
