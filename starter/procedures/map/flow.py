"""The ways from stage to stage, drawn below the stages' heads: each in a channel of its own, its words in the line."""

from collections.abc import Sequence
from typing import NamedTuple

from casework.procedure import Procedure
from casework.vocabulary import Stage
from starter.procedures.map.canvas import Box, Canvas
from starter.procedures.map.cards import NAVY, QUIET
from starter.procedures.map.letters import ASCENT, DESCENT, Style, width
from starter.procedures.map.pieces import Sizes
from starter.procedures.map.stages import ON_THE_MAP, Way, ways

CHANNEL, FIRST_CHANNEL = 5.2, 4.0
LOOP, ROOM = 4.0, 2.0
"""How many times as far apart as others the two ends of a way back into its own stage are, and how many times as far
from the edge a way to the next stage starts: for their words."""
LEGIBLE = 0.66
"""How much smaller a way's words may become where they find no room."""

Edges = dict[Stage, tuple[float, float]]
"""The left and right edge of each stage."""


class Bend(NamedTuple):
    """A way on as it is drawn: down from one stage, along a channel, up into another."""

    way: Way
    start: float
    end: float
    channel: int


class Words(NamedTuple):
    """A way's words: the lines, and the boxes they fill; in the way's own line, which they interrupt, or below it."""

    lines: list[str]
    style: Style
    boxes: list[Box]
    inside: bool


def bends(procedure: Procedure, edges: Edges) -> list[Bend]:
    """The ways on, each with its two ends, and a channel where it runs over no other."""
    merged = _merged(ways(procedure))
    starts, ends = _ports(merged, edges)
    made: list[Bend] = []
    for number, way in sorted(enumerate(merged), key=lambda item: abs(starts[item[0]] - ends[item[0]])):
        low, high = sorted((starts[number], ends[number]))
        taken = {
            bend.channel
            for bend in made
            if min(bend.start, bend.end) < high + 2.0 and low - 2.0 < max(bend.start, bend.end)
        }
        made.append(Bend(way, starts[number], ends[number], next(n for n in range(len(merged)) if n not in taken)))
    return made


def height(sizes: Sizes, some: Sequence[Bend]) -> float:
    """How far down the channels reach."""
    return sizes.mm(FIRST_CHANNEL + CHANNEL * (0.8 + max(bend.channel for bend in some)))


def _merged(some: Sequence[Way]) -> list[Way]:
    """The ways, those from and to the same stage as one."""
    merged: dict[tuple[Stage, Stage], Way] = {}
    for way in some:
        same = merged.get((way.stage, way.to))
        merged[way.stage, way.to] = same._replace(says=f"{same.says} / {way.says}") if same else way
    return list(merged.values())


def _ports(merged: Sequence[Way], edges: Edges) -> tuple[dict[int, float], dict[int, float]]:
    """Where each way leaves its stage and where it arrives: so that as few as can be cross.

    A longer way runs below a shorter one. So at either side of a stage the shorter stands nearer to the edge.
    """
    ports: dict[Stage, list[tuple[int, int, int, bool]]] = {stage: [] for stage in ON_THE_MAP}
    for number, way in enumerate(merged):
        reach = ON_THE_MAP.index(way.to) - ON_THE_MAP.index(way.stage)
        side = (reach > 0) - (reach < 0)
        ports[way.stage].append((side, -side * abs(reach), number, True))
        ports[way.to].append((-side, side * abs(reach), number, False))
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for stage, side_ports in ports.items():
        left, right = edges[stage]
        side_ports.sort(key=lambda port: (port[0], port[1], not port[3]))
        steps = [LOOP if side == 0 and not leaving else 1.0 for side, _, _, leaving in side_ports] + [1.0]
        # A way to or from the stage beside this one is short: it starts further in, to have room for its words.
        for edge, port in ((0, side_ports[0]), (-1, side_ports[-1])) if side_ports else ():
            steps[edge] = ROOM if abs(port[1]) == 1 else 1.0
        for place, (_, _, number, leaving) in enumerate(side_ports):
            x = left + (right - left) * sum(steps[: place + 1]) / sum(steps)
            (starts if leaving else ends)[number] = x
    return starts, ends


def draw(canvas: Canvas, sizes: Sizes, some: Sequence[Bend], top: float) -> None:
    """All of them, from the lower edge of the stages' heads."""
    depth = {bend: top + sizes.mm(FIRST_CHANNEL + bend.channel * CHANNEL) for bend in some}
    room = Box(0, top + 0.2, canvas.box.width, height(sizes, some) - 0.2)
    taken_by_words: list[Box] = []
    for bend in some:
        others = [other for other in some if other is not bend]
        taken = [Box(x, top, 0, depth[other] - top) for other in others for x in (other.start, other.end)]
        taken += [Box(min(other.start, other.end), depth[other], abs(other.end - other.start), 0) for other in others]
        words = _words(sizes, bend, depth[bend], [*taken, *taken_by_words], room)
        taken_by_words += words.boxes
        _draw(canvas, sizes, bend, words, top, depth[bend])


def _draw(canvas: Canvas, sizes: Sizes, bend: Bend, words: Words, top: float, y: float) -> None:
    onward = ON_THE_MAP.index(bend.way.to) > ON_THE_MAP.index(bend.way.stage) and bend.way.to is not Stage.CLOSING
    colour = NAVY if onward else QUIET
    turn, head = sizes.mm(1.2), sizes.mm(1.9)
    to = 1 if bend.end > bend.start else -1
    along = f"H{bend.end - to * turn:.2f}"
    if words.inside:
        gap = sizes.mm(0.7)
        left, right = min(box.x for box in words.boxes) - gap, max(box.right for box in words.boxes) + gap
        near, far = (left, right) if to > 0 else (right, left)
        along = f"H{near:.2f}M{far:.2f} {y:.2f}{along}"
    with canvas.part(f"way {bend.way.stage.value} {bend.way.to.value}", canvas.box, bend.way.says):
        canvas.path(
            f"M{bend.start:.2f} {top:.2f}V{y - turn:.2f}q0 {turn:.2f} {to * turn:.2f} {turn:.2f}{along}"
            f"q{to * turn:.2f} 0 {to * turn:.2f} {-turn:.2f}V{top + head:.2f}",
            stroke=colour,
            weight=sizes.mm(0.55),
        )
        canvas.path(f"M{bend.end:.2f} {top + 0.2:.2f}l{head * 0.6:.2f} {head:.2f}h{-1.2 * head:.2f}Z", colour)
        for line, box in zip(words.lines, words.boxes, strict=True):
            canvas.text(box.x, box.y + words.style.mm * ASCENT, line, words.style, colour)


def _words(sizes: Sizes, bend: Bend, y: float, taken: Sequence[Box], room: Box) -> Words:
    """A way's words where nothing else runs: in its line or below it, in one line or two.

    They are smaller only where there is no other room.
    """
    low, high = sorted((bend.start, bend.end))
    low, high = low + sizes.mm(2.1), high - sizes.mm(2.1)
    style = sizes.style(7.5, bold=True)
    smallest = style.size * LEGIBLE
    while True:
        for inside in (True, False):
            for lines in ([bend.way.says], _halved(bend.way.says, style)):
                long = max(width(line, style) for line in lines)
                beyond = 0.0 if inside else max(0.0, long - (high - low)) + sizes.mm(4)
                first, last = low - beyond, high + beyond - long
                places = [first + step * (last - first) / 80 for step in range(81)] if last >= first else []
                for left in sorted(places, key=lambda x: abs(x - (first + last) / 2)):
                    boxes = _boxes(lines, style, left + long / 2, y, sizes, inside=inside)
                    clear = not any(box.overlaps(other, -0.7) for box in boxes for other in taken)
                    if clear and all(room.holds(box) for box in boxes):
                        return Words(lines, style, boxes, inside)
        if style.size <= smallest:
            boxes = _boxes([bend.way.says], style, (low + high) / 2, y, sizes, inside=True)
            return Words([bend.way.says], style, boxes, inside=True)
        style = style._replace(size=style.size * 0.96)


def _boxes(lines: Sequence[str], style: Style, middle: float, y: float, sizes: Sizes, *, inside: bool) -> list[Box]:
    """The boxes that lines of words fill, about the channel at `y` or below it."""
    tall = style.mm * (ASCENT + DESCENT)
    top = y - (tall + (len(lines) - 1) * style.line) / 2 if inside else y + sizes.mm(0.5)
    return [
        Box(middle - width(line, style) / 2, top + number * style.line, width(line, style), tall)
        for number, line in enumerate(lines)
    ]


def _halved(text: str, style: Style) -> list[str]:
    """The text in two lines of about the same length."""
    words = text.split()
    halves = [[" ".join(words[:cut]), " ".join(words[cut:])] for cut in range(1, len(words))]
    return min(halves, key=lambda two: max(width(line, style) for line in two), default=[text])
