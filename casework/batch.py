"""What the workflow hands to the activities: a batch of effects to be written as one, and a notice to deliver."""

from datetime import datetime

from casework.calendar import BankHolidays
from casework.case import Case, Deadline, Request
from casework.effects import DeadlineChanged, Effect, Entry, Notice, RequestChanged
from casework.model import Value
from casework.procedure import Procedure
from casework.vocabulary import Stage


class Front(Value):
    """The front page of a case: what a list of cases shows of it."""

    reference: str
    episode: int
    procedure: str
    procedure_fingerprint: str
    person: str | None
    team: str | None
    allocated_to: str | None
    stage: Stage
    opened_at: datetime | None
    closed_at: datetime | None
    next_due: datetime | None
    overdue: tuple[str, ...]
    waiting_for: tuple[str, ...]


class Batch(Value):
    """The effects of some turns, in order, written in one transaction.

    `number` grows by one from batch to batch of an episode. Writing the same batch twice changes nothing, and an
    older batch never overwrites what a newer one said of a deadline or a request.
    """

    number: int
    front: Front
    entries: tuple[Entry, ...] = ()
    notices: tuple[Notice, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    requests: tuple[Request, ...] = ()


class Delivery(Value):
    """A notice to be delivered beyond the tray."""

    reference: str
    notice: Notice


class Delivered(Value):
    """How that went: through which channel, or why not."""

    channel: str
    failed: str | None = None


class BasisWanted(Value):
    """What a new case needs to begin: its procedure by name, and its place among the child's episodes."""

    reference: str
    procedure: str


class Basis(Value):
    """The snapshots a case is decided with."""

    procedure: Procedure
    bank_holidays: BankHolidays
    episode: int


def front_of(case: Case) -> Front:
    """The front page of the case as it stands."""
    return Front(
        reference=case.reference,
        episode=case.episode,
        procedure=case.procedure.about.key,
        procedure_fingerprint=case.procedure.fingerprint,
        person=case.child.person if case.child else None,
        team=case.team,
        allocated_to=case.allocated_to,
        stage=case.stage,
        opened_at=case.opened_at,
        closed_at=case.closed_at,
        next_due=case.next_due,
        overdue=tuple(dict.fromkeys(deadline.timescale for deadline in case.overdue)),
        waiting_for=tuple(case.waiting_for),
    )


def batch_of(case: Case, effects: tuple[Effect, ...], number: int) -> Batch:
    """These effects as one batch. Of a deadline or a request that changed more than once, the last word counts."""
    deadlines = {e.deadline.id: e.deadline for e in effects if isinstance(e, DeadlineChanged)}
    requests = {e.request.id: e.request for e in effects if isinstance(e, RequestChanged)}
    return Batch(
        number=number,
        front=front_of(case),
        entries=tuple(effect for effect in effects if isinstance(effect, Entry)),
        notices=tuple(effect for effect in effects if isinstance(effect, Notice)),
        deadlines=tuple(deadlines.values()),
        requests=tuple(requests.values()),
    )


class Recorded(Value):
    """What came of writing a batch: the ids of the notices that are to be delivered beyond the tray."""

    deliver: tuple[str, ...] = ()
