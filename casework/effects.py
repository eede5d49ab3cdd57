"""What the core decides, as data: entries to write, notices to send, deadlines and requests that changed."""

from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from casework.case import Case, Deadline, Request
from casework.model import Value


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


class Entry(Value):
    """One line of the chronology: append-only, each sealed with the one before it.

    `recorded_at` is when the case heard of it and `occurred_at` when it happened, both UTC instants.
    """

    number: int
    recorded_at: datetime
    occurred_at: datetime
    by: str
    what: str
    text: str
    note: str | None = None
    cites: tuple[str, ...] = ()
    message_id: str | None = None
    seal: str = ""


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


class DeadlineChanged(Value):
    """A deadline as it now stands."""

    deadline: Deadline


class RequestChanged(Value):
    """A request as it now stands."""

    request: Request


Effect = Entry | Notice | DeadlineChanged | RequestChanged


class Decided(Value):
    """A message was accepted, or time has passed: the case as it now is, and what follows outside it."""

    case: Case
    effects: tuple[Effect, ...]
    duplicate: bool = False


class Refused(Value):
    """A message was not accepted; nothing has changed. The reason is for the practitioner who sent it."""

    reason: str


def said(entry: Entry) -> str:
    """What an entry says, as the line that is sealed. What is left at its default is left out, so that a field
    added to entries one day does not change the lines written before."""
    return entry.model_copy(update={"seal": ""}).model_dump_json(exclude_defaults=True)


def seal_of(line: str, before: str) -> str:
    """The seal of a line that comes after the one with the seal `before`; the first comes after an empty one.

    It is the hash of both, so that no line can be changed, dropped or put in between without it showing.
    """
    return sha256(f"{before}\n{line}".encode()).hexdigest()


def sealed(entry: Entry, before: str) -> Entry:
    """The entry with its seal."""
    return entry.model_copy(update={"seal": seal_of(said(entry), before)})
