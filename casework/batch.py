"""What the workflow hands to the activities: a batch of effects to be written as one, and a notice to deliver."""

from datetime import datetime

from pydantic import Field

from casework.calendar import Calendar
from casework.case import Announced, Case
from casework.effects import Effect, Entry, Forwarded, HolidayChanged, Kept, Notice
from casework.model import Value
from casework.snapshots import Snapshot
from casework.story import Deadline, Request
from casework.vocabulary import Stage


class Front(Value):
    """The front page of a case: what a list of cases shows of it."""

    reference: str
    episode: int
    procedure: str
    procedure_fingerprint: str
    opened_with: str
    calendar: str
    person: str | None
    team: str | None
    allocated_to: str | None
    allocated_role: str | None
    stage: Stage
    opened_at: datetime | None
    closed_at: datetime | None
    next_due: datetime | None
    overdue: tuple[str, ...]
    waiting_for: tuple[str, ...]


class LastWritten(Value):
    """The last batch of a case that it knows to be in the record; `at` tells it from others of its number."""

    episode: int
    number: int
    at: datetime | None

    def knows_of(self, episode: int, number: int, at: datetime) -> bool:
        """Whether a case whose last batch this is knows of that one."""
        if (self.episode, self.number) == (episode, number):
            return self.at is None or self.at == at
        return (self.episode, self.number) > (episode, number)


class Batch(Value):
    """The effects of some turns, in order, written in one transaction.

    `number` grows by one from batch to batch of an episode. `at` (UTC) is when the case made it: it tells a batch from
    another one of its number, which a task wrote that was then lost. Writing the same batch twice changes nothing, and
    an older batch never overwrites a deadline or a request of a newer one.
    """

    number: int
    at: datetime
    front: Front
    announced: str = "{}"
    kept: tuple[Kept, ...] = ()
    holidays: tuple[HolidayChanged, ...] = ()
    forwards: tuple[Forwarded, ...] = ()
    entries: tuple[Entry, ...] = ()
    notices: tuple[Notice, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    requests: tuple[Request, ...] = ()

    @property
    def written(self) -> LastWritten:
        """What is known of the record once it has this."""
        return LastWritten(episode=self.front.episode, number=self.number, at=self.at)


class Delivery(Value):
    """A notice to be delivered beyond the tray."""

    reference: str
    notice: Notice


class Delivered(Value):
    """How a notice was delivered: through which channel, or why not."""

    channel: str
    failed: str | None = None


class Forwarding(Value):
    """A fact of a case, to be recorded on the case where it belongs."""

    reference: str
    episode: int
    forwarded: Forwarded


class BasisWanted(Value):
    """What a case needs to begin: its procedure by name; `rebuild`: the last episode, from the record alone."""

    reference: str
    procedure: str
    rebuild: bool = False


class Basis(Value):
    """What a case begins with: the snapshots it is decided with, and what the record knows already.

    `referrals` are the referrals of earlier episodes: message id to a digest of it. Only of a case that is rebuilt:
    `kept` (what the record has of it, in order), `announced` (what it had said, as JSON), `batches` (the number of its
    last batch, made at `batch_at`) and `undelivered` (the notices that are still to go beyond the tray, or of which it
    was never said that they could not).
    """

    procedure: Snapshot
    bank_holidays: Calendar
    episode: int
    referrals: dict[str, str] = Field(default_factory=dict)
    kept: tuple[Kept, ...] = ()
    announced: str = "{}"
    batches: int = 0
    batch_at: datetime | None = None
    undelivered: tuple[Notice, ...] = ()


def front_of(case: Case) -> Front:
    """The front page of the case as it stands."""
    story = case.story
    return Front(
        reference=case.reference,
        episode=case.episode,
        procedure=story.procedure.about.key,
        procedure_fingerprint=story.procedure.fingerprint,
        opened_with=case.procedure.fingerprint,
        calendar=case.bank_holidays.version,
        person=story.child.person if story.child else None,
        team=story.team,
        allocated_to=story.allocated_to,
        allocated_role=story.procedure.allocated_role,
        stage=story.stage,
        opened_at=story.opened_at,
        closed_at=story.closed_at,
        next_due=story.next_due,
        overdue=tuple(dict.fromkeys(deadline.timescale for deadline in story.overdue)),
        waiting_for=tuple(story.waiting_for),
    )


def batch_of(case: Case, effects: tuple[Effect, ...], announced: Announced, number: int, at: datetime) -> Batch:
    """These effects as one batch; a deadline or a request that changed more than once, as it was last.

    `announced` is what the case had announced with the last of them: it may have announced more since.
    """
    deadlines = {effect.id: effect for effect in effects if isinstance(effect, Deadline)}
    requests = {effect.id: effect for effect in effects if isinstance(effect, Request)}
    return Batch(
        number=number,
        at=at,
        front=front_of(case),
        announced=announced.model_dump_json(exclude_defaults=True),
        kept=tuple(effect for effect in effects if isinstance(effect, Kept)),
        holidays=tuple(effect for effect in effects if isinstance(effect, HolidayChanged)),
        forwards=tuple(effect for effect in effects if isinstance(effect, Forwarded)),
        entries=tuple(effect for effect in effects if isinstance(effect, Entry)),
        notices=tuple(effect for effect in effects if isinstance(effect, Notice)),
        deadlines=tuple(deadlines.values()),
        requests=tuple(requests.values()),
    )


class Recorded(Value):
    """What came of writing a batch: the ids of the notices that are to be delivered beyond the tray, whether it was
    slow, and which it was: so that a look at the history shows what the case knows."""

    deliver: tuple[str, ...] = ()
    slow: bool = False
    written: LastWritten
