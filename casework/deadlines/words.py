"""A limit as people say it."""

from casework.calendar import spoken_date, spoken_instant
from casework.story import Deadline


def spoken_due(deadline: Deadline) -> str:
    """The limit as people say it: a day, or a day and a time where it is counted in hours."""
    if deadline.due is None:
        return deadline.no_amount or "with no date set"
    if deadline.on is not None:
        window = f"from {spoken_date(deadline.window_opens)}, by " if deadline.window_opens else ""
        return window + spoken_date(deadline.on)
    return spoken_instant(deadline.due)
