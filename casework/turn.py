"""One turn of a case: a message, or a waking, while it is being decided.

The turn holds the case as it stands so far and gathers the effects. Nothing outside sees it; when a stage refuses,
the turn is thrown away and the case is as it was.
"""

from datetime import datetime
from typing import Any

from casework.calendar import local_date, spoken_date
from casework.case import Case, Deadline, Line, Request
from casework.effects import DeadlineChanged, Effect, Entry, Notice, NoticeKind, RequestChanged, sealed
from casework.messages import Message
from casework.vocabulary import Kind

LINES_ON_THE_FRONT_PAGE = 6


class Refusal(Exception):
    """A stage's word that a message cannot be accepted now, and why. It never leaves the core."""


class Turn:
    """The case so far, the instant it is decided at (UTC), and what follows."""

    def __init__(self, case: Case, now: datetime, message: Message | None = None) -> None:
        self.case = case
        self.now = now
        self.message = message
        self.effects: list[Effect] = []

    def change(self, **fields: Any) -> None:
        """Replace these fields of the case."""
        self.case = self.case.model_copy(update=fields)

    def number(self, of: str) -> int:
        """The next number in a series that never repeats within a case."""
        number = self.case.numbers.get(of, 0) + 1
        self.change(numbers={**self.case.numbers, of: number})
        return number

    def entry(self, text: str, cites: tuple[str, ...] = (), occurred_at: datetime | None = None) -> None:
        """Write a line of the chronology."""
        message = self.message
        entry = sealed(
            Entry(
                number=self.number("entry"),
                recorded_at=self.now,
                occurred_at=occurred_at or (message.occurred_at if message else self.now),
                by=str(message.by) if message else "S47",
                what=message.name if message else "time passed",
                text=text,
                note=message.words if message else None,
                cites=cites,
                message_id=message.id if message else None,
            ),
            self.case.seal,
        )
        latest = (*self.case.latest, Line(at=entry.occurred_at, text=text))[-LINES_ON_THE_FRONT_PAGE:]
        self.change(seal=entry.seal, latest=latest)
        self.effects.append(entry)

    def tell(
        self,
        kind: NoticeKind,
        role: str,
        text: str,
        *,
        deadline: str | None = None,
        request: Request | None = None,
    ) -> None:
        """Tell a role something; where the role is the allocated worker's, that person."""
        known = self.case.procedure.role.get(role)
        person = self.case.allocated_to if known and known.kind is Kind.WORKER else None
        if request is not None:
            person = request.assigned_to
        self.effects.append(
            Notice(
                id=f"{self.case.reference}.{self.case.episode}.{self.number('notice')}",
                kind=kind,
                to=role,
                person=person,
                text=text,
                at=self.now,
                deadline=deadline,
                request=request.id if request else None,
            )
        )

    def put_deadline(self, deadline: Deadline) -> None:
        """Keep a deadline as it now stands."""
        self.change(deadlines={**self.case.deadlines, deadline.id: deadline})
        self.effects.append(DeadlineChanged(deadline=deadline))

    def put_request(self, request: Request) -> None:
        """Keep a request as it now stands."""
        self.change(requests={**self.case.requests, request.id: request})
        self.effects.append(RequestChanged(request=request))

    def refuse_if(self, problem: object, reason: str) -> None:
        """Refuse the message, where there is a problem."""
        if problem:
            raise Refusal(reason)


def day_of(instant: datetime) -> str:
    """The London day of an instant, as it is spoken."""
    return spoken_date(local_date(instant))
