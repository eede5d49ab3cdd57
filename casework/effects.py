"""What the core decides, as data: entries to write, notices to send, deadlines and requests that changed."""

from datetime import date, datetime
from enum import StrEnum

from casework.model import Value
from casework.story import Deadline, Request


class NoticeKind(StrEnum):
    """Why a role is told something."""

    TOLD = "told"
    REQUEST = "request"
    REMINDER = "reminder"
    OVERDUE = "overdue"
    ESCALATION = "escalation"
    MOVED = "moved"
    WARNING = "warning"
    REFUSED = "refused"
    UNDELIVERED = "undelivered"
    CORRECTED = "corrected"


class Entry(Value):
    """One line of the chronology, for people: append-only, naming the fact it comes from (none: time passed).

    `recorded_at` is when it was recorded and `occurred_at` when it happened, both UTC instants. The sender's
    own words stand in the fact, not here.
    """

    number: int
    fact: int | None
    recorded_at: datetime
    occurred_at: datetime
    by: str
    what: str
    text: str
    cites: tuple[str, ...] = ()


class Kept(Value):
    """A message as the record keeps it: whole as it was sent, accepted or refused, narrative included.

    `number` counts what the record keeps of a case; `fact` is the number of the fact it became, none where it was
    refused. `body` is the message as JSON; `state` is the fact as the state of the case keeps it, for rebuilding it.
    What of a refused message could not be read is none.
    """

    number: int
    fact: int | None
    refused: str | None = None
    recorded_at: datetime
    occurred_at: datetime | None
    name: str
    message_id: str | None
    person: str | None
    role: str | None
    body: str
    state: str | None = None


class HolidayChanged(Value):
    """A bank holiday was proclaimed for the whole authority, or is withdrawn again."""

    day: date
    proclaimed: bool


class Forwarded(Value):
    """A fact was recorded on the wrong child: it is to be recorded on the case where it belongs."""

    fact: int
    to: str


class Notice(Value):
    """Something a role is told. It carries the case reference, never the child's name or the concern."""

    id: str
    kind: NoticeKind
    to: str
    person: str | None = None
    text: str
    at: datetime
    deadline: str | None = None
    request: str | None = None


Effect = Kept | Entry | Notice | Deadline | Request | HolidayChanged | Forwarded
"""What follows from a turn of a case; a deadline or a request as it now stands."""


class Refused(Value):
    """A message was not accepted; nothing has changed. The reason is for the practitioner who sent it.

    `field` is the field of the message that is at fault, where it is one; `closed`: the case is closed.
    """

    reason: str
    field: str | None = None
    closed: bool = False
