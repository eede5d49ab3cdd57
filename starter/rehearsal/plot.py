"""A rehearsal drawn: every deadline a bar from its start to its end, its limit marked."""

from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from starter import drawings
from starter.cases.reach import Failed
from starter.rehearsal.outcome import DeadlineLife, Rehearsed

COLOURS = {
    "met": "#00703c",
    "met late": "#f47738",
    "overdue": "#d4351c",
    "open": "#1d70b8",
    "withheld": "#4c2c92",
    "ended": "#b1b4b6",
}
MESSAGES = {"accepted": "#505a5f", "refused": "#d4351c"}
LIMIT: dict[str, Any] = {"marker": "|", "markersize": 13, "color": "#0b0c0c"}


def plot(rehearsed: Rehearsed, path: Path, *, force: bool = False) -> None:
    """Draw the timeline to a new file; its ending says the format (.svg, .png, .pdf). Raises `Failed`."""
    form = drawings.format_of(path, ("svg", "png", "pdf"))
    try:  # imported here: no other command needs it, and it takes half a second
        import matplotlib as mpl  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
        from matplotlib.lines import Line2D  # noqa: PLC0415
        from matplotlib.patches import Patch  # noqa: PLC0415
    except ModuleNotFoundError:
        raise Failed("To draw, S47 needs matplotlib: pip install 's47[embedded]'") from None

    lives = [life for life in rehearsed.deadlines if life.due]
    end = max([sent.told_at for sent in rehearsed.messages] + [life.due for life in lives if life.due])
    rows = list(dict.fromkeys(life.timescale for life in lives))
    mpl.rcParams["date.converter"] = "concise"
    figure = Figure(figsize=(14, 1.6 + 0.42 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for life in lives:
        _bar(axes, rows.index(life.timescale), life, end)
    for sent in rehearsed.messages:
        colour = MESSAGES["accepted" if sent.accepted else "refused"]
        # The library's stubs know of numbers only; it takes instants, as everywhere else.
        axes.axvline(sent.told_at, color=colour, linewidth=0.4, zorder=0)  # type: ignore[arg-type]
    axes.set_yticks(range(len(rows)), [next(life.duty for life in lives if life.timescale == row) for row in rows])
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(f"{rehearsed.title} ({rehearsed.procedure})", loc="left", fontweight="bold")
    handles = [
        *(Patch(color=colour, label=state) for state, colour in COLOURS.items()),
        Line2D([], [], linestyle="none", **LIMIT, label="limit"),
        *(Line2D([], [], color=colour, linewidth=1, label=f"message {end}") for end, colour in MESSAGES.items()),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    drawn = BytesIO()
    figure.savefig(drawn, format=form)
    drawings.write(path, drawn.getvalue(), force=force)


def _bar(axes: Any, row: int, life: DeadlineLife, end: datetime) -> None:
    """One deadline: from what it counts from to when it ended, or to its limit while it runs; the limit a mark."""
    assert life.due is not None
    start = min(life.counted_from, life.opened_at)
    stop = max(life.met_at or life.closed_at or min(life.due, end), start)
    axes.barh(row, stop - start, left=start, height=0.55, color=COLOURS[life.state])
    axes.plot([life.due], [row], **LIMIT)
