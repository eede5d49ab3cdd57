"""The ways from stage to stage, drawn below the stages' heads: each in a channel of its own, its words in the line."""

from collections.abc import Sequence
from typing import NamedTuple

from casework.procedure import Procedure
from casework.vocabulary import Stage
from starter.map.canvas import Box, Canvas
from starter.map.cards import NAVY, QUIET
from starter.map.letters import ASCENT, DESCENT, Style, width
from starter.map.pieces import Sizes
from starter.map.stages import ON_THE_MAP, Way, ways

CHANNEL, FIRST_CHANNEL = 5.2, 4.0
LOOP = 4.0
"""How many times as far apart as others the two ends of a way back into its own stage are: its words stand there."""
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
    """A way's words, and from where to where they interrupt its line."""

    lines: list[str]
    style: Style
    left: float
    right: float


def bends(procedure: Procedure, edges: Edges) -> list[Bend]:
    """The ways on, each with its two ends, and a channel where it runs over no other."""
    found = _merged(ways(procedure))
    starts, ends = _ports(found, edges)
    made: list[Bend] = []
    for number, way in sorted(enumerate(found), key=lambda item: abs(starts[item[0]] - ends[item[0]])):
        low, high = sorted((starts[number], ends[number]))
        taken = {
            bend.channel
            for bend in made
            if min(bend.start, bend.end) < high + 2.0 and low - 2.0 < max(bend.start, bend.end)
        }
        made.append(Bend(way, starts[number], ends[number], next(n for n in range(len(found)) if n not in taken)))
    return made


def height(sizes: Sizes, some: Sequence[Bend]) -> float:
    """How far down the channels reach."""
    return sizes.mm(FIRST_CHANNEL + CHANNEL * (0.8 + max(bend.channel for bend in some)))


def _merged(some: Sequence[Way]) -> list[Way]:
    """The ways, those from and to the same stage as one."""
    found: dict[tuple[Stage, Stage], Way] = {}
    for way in some:
        known = found.get((way.stage, way.to))
        found[way.stage, way.to] = known._replace(says=f"{known.says} / {way.says}") if known else way
    return list(found.values())


def _ports(found: Sequence[Way], edges: Edges) -> tuple[dict[int, float], dict[int, float]]:
    """Where each way leaves its stage and where it arrives: so that as few as can be cross."""
    ports: dict[Stage, list[tuple[int, int, int, bool]]] = {stage: [] for stage in ON_THE_MAP}
    for number, way in enumerate(found):
        reach = ON_THE_MAP.index(way.to) - ON_THE_MAP.index(way.stage)
        side = (reach > 0) - (reach < 0)
        # The longer way runs below the shorter one, so it leaves and arrives on the far side of it.
        ports[way.stage].append((side, -reach, number, True))
        ports[way.to].append((-side, -reach, number, False))
    starts: dict[int, float] = {}
    ends: dict[int, float] = {}
    for stage, known in ports.items():
        left, right = edges[stage]
        known.sort(key=lambda port: (port[0], port[1], not port[3]))
        steps = [LOOP if side == 0 and not leaving else 1.0 for side, _, _, leaving in known]
        for place, (_, _, number, leaving) in enumerate(known):
            x = left + (right - left) * sum(steps[: place + 1]) / (sum(steps) + 1)
            (starts if leaving else ends)[number] = x
    return starts, ends


def draw(canvas: Canvas, sizes: Sizes, some: Sequence[Bend], top: float) -> None:
    """All of them, from the lower edge of the stages' heads."""
    depth = {bend: top + sizes.mm(FIRST_CHANNEL + bend.channel * CHANNEL) for bend in some}
    said: list[Box] = []
    for bend in some:
        y = depth[bend]
        others = [other for other in some if other is not bend]
        lines = [Box(x, top, 0, depth[other] - top) for other in others for x in (other.start, other.end)]
        lines += [Box(min(other.start, other.end), depth[other], abs(other.end - other.start), 0) for other in others]
        words = _words(sizes, bend, y, [*lines, *said], top)
        said += _boxes(words, y)
        _draw(canvas, sizes, bend, words, top, y)


def _draw(canvas: Canvas, sizes: Sizes, bend: Bend, words: Words, top: float, y: float) -> None:
    onward = ON_THE_MAP.index(bend.way.to) > ON_THE_MAP.index(bend.way.stage) and bend.way.to is not Stage.CLOSING
    colour = NAVY if onward else QUIET
    turn, head = sizes.mm(1.2), sizes.mm(1.9)
    to = 1 if bend.end > bend.start else -1
    near, far = (words.left, words.right) if to > 0 else (words.right, words.left)
    with canvas.part(f"way {bend.way.stage.value} {bend.way.to.value}", canvas.box, bend.way.says):
        canvas.path(
            f"M{bend.start:.2f} {top:.2f}V{y - turn:.2f}q0 {turn:.2f} {to * turn:.2f} {turn:.2f}H{near:.2f}"
            f"M{far:.2f} {y:.2f}H{bend.end - to * turn:.2f}"
            f"q{to * turn:.2f} 0 {to * turn:.2f} {-turn:.2f}V{top + head:.2f}",
            stroke=colour,
            weight=sizes.mm(0.55),
        )
        canvas.path(f"M{bend.end:.2f} {top + 0.2:.2f}l{head * 0.6:.2f} {head:.2f}h{-1.2 * head:.2f}Z", colour)
        for line, box in zip(words.lines, _boxes(words, y), strict=True):
            canvas.text(box.x, box.y + words.style.mm * ASCENT, line, words.style, colour)


def _words(sizes: Sizes, bend: Bend, y: float, taken: Sequence[Box], top: float) -> Words:
    """A way's words where nothing else runs: in one line or two, smaller only where there is no other room."""
    low, high = sorted((bend.start, bend.end))
    low, high = low + sizes.mm(1.4), high - sizes.mm(1.4)
    style = sizes.style(7.5, bold=True)
    smallest = style.size * LEGIBLE
    while True:
        for lines in ([bend.way.says], _halved(bend.way.says, style)):
            long = max(width(line, style) for line in lines) + sizes.mm(1.4)
            places = [low + step * (high - long - low) / 80 for step in range(81)] if high - low >= long else []
            for left in sorted(places, key=lambda x: abs(x - (low + high - long) / 2)):
                words = Words(lines, style, left, left + long)
                boxes = _boxes(words, y)
                if boxes[0].y > top and not any(box.overlaps(other, -0.7) for box in boxes for other in taken):
                    return words
        if style.size <= smallest:
            middle = (low + high) / 2
            long = width(bend.way.says, style) + sizes.mm(1.4)
            return Words([bend.way.says], style, middle - long / 2, middle + long / 2)
        style = style._replace(size=style.size * 0.96)


def _boxes(words: Words, y: float) -> list[Box]:
    """The boxes that the words' lines fill, about the channel at `y`."""
    style = words.style
    tall = style.mm * (ASCENT + DESCENT)
    top = y - (tall + (len(words.lines) - 1) * style.line) / 2
    return [
        Box((words.left + words.right - (long := width(line, style))) / 2, top + number * style.line, long, tall)
        for number, line in enumerate(words.lines)
    ]


def _halved(text: str, style: Style) -> list[str]:
    """The text in two lines of about the same length."""
    words = text.split()
    halves = [[" ".join(words[:cut]), " ".join(words[cut:])] for cut in range(1, len(words))]
    return min(halves, key=lambda two: max(width(line, style) for line in two), default=[text])
