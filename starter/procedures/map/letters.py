"""How wide a text is, and where its lines break: from the metrics of Helvetica, whose widths Arial, Arimo,
Liberation Sans and Nimbus Sans share. One of these is on every desktop, so the picture holds text, not outlines.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from starter.cases.reach import Failed

FAMILY = "Helvetica, Arial, Arimo, 'Liberation Sans', 'Nimbus Sans', sans-serif"
POINT = 25.4 / 72
"""Millimetres in a point. Sizes are in points, as printers speak of them; everything else is in millimetres."""

ASCENT = 0.74
DESCENT = 0.22
LEADING = 1.24
"""Of the font size: above the baseline, below it, and from line to line."""

REGULAR, BOLD = "Helvetica.afm", "Helvetica-Bold.afm"


class Style(NamedTuple):
    """How a text is set: its size in points, and whether it is bold or slanted."""

    size: float
    bold: bool = False
    italic: bool = False

    @property
    def mm(self) -> float:
        """The size in millimetres."""
        return self.size * POINT

    @property
    def line(self) -> float:
        """The distance from line to line, in millimetres."""
        return self.mm * LEADING


@cache
def _widths(file: str) -> dict[str, float]:
    """The width of each character, in parts of the font size."""
    # Imported here: no other command needs them, and they take a while.
    try:
        from fontTools.afmLib import AFM  # type: ignore[import-untyped]  # noqa: PLC0415
        from fontTools.agl import toUnicode  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError:
        raise _missing() from None
    metrics = AFM(str(_folder() / file))
    return {toUnicode(name): metrics[name][1] / 1000 for name in metrics.chars()}


def _folder() -> Path:
    """The folder of font metrics that comes with matplotlib (found, not imported: that would take half a second)."""
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise _missing()
    return Path(package.origin).parent / "mpl-data" / "fonts" / "pdfcorefonts"


def _missing() -> Failed:
    return Failed("To draw, S47 needs matplotlib's font metrics: pip install 's47[embedded]'")


def width(text: str, style: Style) -> float:
    """The width of a line of text in millimetres. A character the font lacks counts as a wide one."""
    return _ems(text, style.bold) * style.mm


@lru_cache(maxsize=50_000)
def _ems(text: str, bold: bool) -> float:
    """The width in parts of the font size; asked for again and again while a layout is being found."""
    widths = _widths(BOLD if bold else REGULAR)
    return sum(widths.get(character, 1.0) for character in text)


def shrunk(style: Style, too_large: Callable[[Style], bool]) -> Style:
    """The style, as small as it has to be."""
    while too_large(style):
        style = style._replace(size=style.size * 0.97)
    return style


def wrap(text: str, style: Style, across: float) -> list[str]:
    """The text in lines no wider than `across` millimetres; only a word that is wider by itself is divided."""
    room, space = across / style.mm, _ems(" ", style.bold)
    lines: list[str] = []
    line, long = "", 0.0
    for word in text.split():
        wide = _ems(word, style.bold)
        if line and long + space + wide <= room:
            line, long = f"{line} {word}", long + space + wide
            continue
        if line:
            lines.append(line)
        while wide > room and len(word) > 1:
            fits = _fitting(word, style, across)
            lines.append(word[:fits])
            word = word[fits:]  # noqa: PLW2901  # the rest of it goes onto the next line
            wide = _ems(word, style.bold)
        line, long = word, wide
    return [*lines, line] if line else lines


def _fitting(word: str, style: Style, across: float) -> int:
    """How many characters of a word fit, at least one; after a stroke or a hyphen rather than anywhere."""
    fits = max(1, next((n for n in range(len(word), 0, -1) if width(word[:n], style) <= across), 1))
    breaks = [n + 1 for n, character in enumerate(word[:fits]) if character in "/-–" and 0 < n < len(word) - 1]
    return breaks[-1] if breaks else fits
