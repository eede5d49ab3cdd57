"""The rungs of a deadline or a request: its reminders, the limit itself, escalations. Each is announced once.

No document has any of these: they are S47's own design.
"""

from datetime import datetime, time
from enum import StrEnum

from casework.amounts import Amount, Unit, reckon
from casework.calendar import LONDON, BankHolidays, BeyondCalendar
from casework.deadlines.change import GRACE
from casework.model import Value
from casework.procedure import Timescale
from casework.story import Deadline, Request

START_OF_DAY = time(9)
REMIND_AFTER = Amount(number=1, unit=Unit.WORKING_DAYS)
ESCALATE_AFTER = Amount(number=2, unit=Unit.WORKING_DAYS)
"""Of a request that nobody decides: those who are asked have a reminder, and then a manager has a notice."""


class RungKind(StrEnum):
    """What is announced."""

    WINDOW_OPENS = "window opens"
    REMINDER = "reminder"
    DUE = "due"
    ESCALATION = "escalation"


class Rung(Value):
    """An instant (UTC) at which something is announced, and to which role."""

    at: datetime
    kind: RungKind
    to: str

    @property
    def key(self) -> str:
        """Tells it from the others of the same deadline; a moved limit has other rungs."""
        return f"{self.kind.value}:{self.to}:{int(self.at.timestamp())}"


def rungs_of(rule: Timescale | None, deadline: Deadline, holidays: BankHolidays) -> tuple[Rung, ...]:
    """The rungs of a deadline, in order of time; none while it has no limit."""
    if deadline.due is None:
        return ()
    missed = deadline.due + GRACE
    if rule is None:
        return (Rung(at=missed, kind=RungKind.DUE, to=deadline.owner),)
    anchor = deadline.due if deadline.on is None else deadline.due - GRACE  # of a day, an instant on that very day
    rungs = [
        Rung(at=at, kind=RungKind.REMINDER, to=deadline.owner)
        for amount in rule.remind
        if (at := _morning(amount, anchor, holidays, backwards=True)) is not None and at < deadline.due
    ]
    if deadline.window_opens:
        opens = datetime.combine(deadline.window_opens, START_OF_DAY, LONDON)
        rungs.append(Rung(at=opens, kind=RungKind.WINDOW_OPENS, to=deadline.owner))
    if not rule.target:  # an aim that passes is not a limit missed
        rungs.append(Rung(at=missed, kind=RungKind.DUE, to=deadline.owner))
        if rule.escalate:
            rungs.append(Rung(at=missed, kind=RungKind.ESCALATION, to=rule.escalate))
    return tuple(sorted(rungs, key=lambda rung: rung.at))


def request_rungs(request: Request, since: datetime, holidays: BankHolidays) -> tuple[Rung, ...]:
    """The rungs of a request that those who decide it have known of since an instant (UTC)."""
    reminder = _morning(REMIND_AFTER, since, holidays)
    rungs = [Rung(at=reminder, kind=RungKind.REMINDER, to=to) for to in request.to if reminder is not None]
    at = _morning(ESCALATE_AFTER, since, holidays)
    if request.escalate is not None and at is not None:
        rungs.append(Rung(at=at, kind=RungKind.ESCALATION, to=request.escalate))
    return tuple(rungs)


def _morning(amount: Amount, anchor: datetime, holidays: BankHolidays, *, backwards: bool = False) -> datetime | None:
    """Some time before or after a limit (UTC): to the hour where counted in hours, else at nine on that London day.

    None where no calendar reaches.
    """
    try:
        instant, on = reckon(amount, anchor, holidays, reading="calendar", backwards=backwards)
    except BeyondCalendar:
        return None
    return instant if on is None else datetime.combine(on, START_OF_DAY, LONDON).astimezone(instant.tzinfo)
