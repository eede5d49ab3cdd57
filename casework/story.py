"""The story of one child's case: what its facts amount to, told in the order in which they happened.

It is derived, never stored: the facts are (`casework.facts`). Strategy discussions, the assessment, the enquiry,
conferences, the plan and a search for a missing child are strands: they open and close and may run side by side. The
stage that people see is derived from them.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

from pydantic import Field, SkipValidation

from casework.calendar import BankHolidays, spoken_date, spoken_instant
from casework.messages import Message
from casework.model import Value
from casework.procedure import Procedure
from casework.vocabulary import STRANDS, Circumstance, Event, Ground, Stage, Subject


class DeadlineState(StrEnum):
    """Where a deadline stands. `breached_at` says, beside it, whether it was ever missed."""

    OPEN = "open"
    OVERDUE = "overdue"
    WITHHELD = "withheld"
    MET = "met"
    MET_LATE = "met late"
    ENDED = "ended"


class Deadline(Value):
    """A timescale running on this case. Instants are UTC; `on` is the London day a date-type limit falls on."""

    id: str
    timescale: str
    cites: tuple[str, ...]
    duty: str
    owner: str
    scope: str | None = None
    opened_at: datetime
    counted_from: datetime
    counted_from_event: Event | None = None
    provisional: bool = False
    due: datetime | None = None
    on: date | None = None
    no_amount: str | None = None
    window_opens: date | None = None
    reading: str | None = None
    other_reading_on: date | None = None
    calendar: str
    state: DeadlineState = DeadlineState.OPEN
    met_at: datetime | None = None
    breached_at: datetime | None = None
    closed_at: datetime | None = None
    because: str | None = None

    @property
    def running(self) -> bool:
        """Still owed: neither closed nor suspended."""
        return self.closed_at is None and self.state is not DeadlineState.WITHHELD

    @property
    def spoken_due(self) -> str:
        """The limit as people say it: a day, or a day and a time where it is counted in hours."""
        if self.due is None:
            return self.no_amount or "with no date set"
        if self.on is None:
            return spoken_instant(self.due)
        return (f"from {spoken_date(self.window_opens)}, by " if self.window_opens else "") + spoken_date(self.on)

    def ended(self, at: datetime, because: str) -> "Deadline":
        """The deadline as it ends at an instant (UTC) although nothing met it. One that was missed stays missed."""
        state = self.state if self.state is DeadlineState.OVERDUE else DeadlineState.ENDED
        return self.changed(state=state, closed_at=at, because=because)


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    AUTHORISED = "authorised"
    FINISHED = "finished"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Request(Value):
    """What a role is asked to authorise or complete (Q-19: returned with a reason, or reassigned; never by timeout).

    `held` is the message whose effect waits for it; `escalate` the role that has a notice when nobody decides.
    """

    id: str
    subject: Subject
    title: str
    cites: tuple[str, ...]
    to: tuple[str, ...]
    assigned_to: str | None = None
    asked_by: str
    asked_by_role: str
    asked_at: datetime
    since: datetime
    about: str | None = None
    held: Message | None = Field(None, exclude=True)
    finish: bool = False
    escalate: str | None = None
    state: RequestState = RequestState.OPEN
    decided_by: str | None = None
    decided_at: datetime | None = None
    because: str | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody has still to act on it."""
        return self.state is RequestState.OPEN or (self.state is RequestState.AUTHORISED and self.finish)


class Child(Value):
    """What decisions need to know of the child. No name: the authority's own system of record has it."""

    person: str
    born: date | None
    expected: date | None


class HouseholdChild(Value):
    """Another child of the household, of an alleged perpetrator's household, or elsewhere (SP-B-18)."""

    person: str
    same_household: bool = True
    considered: bool = False
    spoken_to: bool = False


class Strategy(Value):
    """One strategy discussion, from when it is agreed to hold it until what it decided takes effect."""

    id: str
    opened_at: datetime
    immediate: bool = False
    complex: bool = False
    origin: str | None = None
    scheduled_for: datetime | None = None
    held_at: datetime | None = None


class Assessment(Value):
    """The one assessment of a case, whatever the authority calls it."""

    started_at: datetime
    completed_at: datetime | None = None


class Enquiry(Value):
    """A section 47 enquiry. The discussion that initiated it keeps the clock, however many follow."""

    id: str
    initiated_at: datetime
    joint_with_police: bool = False
    outcome_recorded_at: datetime | None = None


class Conference(Value):
    """An initial or a review conference that is yet to be held."""

    id: str
    service_informed: bool = False
    chair: str | None = None
    starts_at: datetime | None = None
    attendees: tuple[str, ...] = ()
    report_may_be_shared: bool = False


class Plan(Value):
    """The child protection plan."""

    id: str
    started_at: datetime
    categories: tuple[str, ...]
    core_groups_held: tuple[datetime, ...] = ()
    review: Conference
    review_report_authorised: bool = False
    step_down_authorised: bool = False


class Withholding(Value):
    """What is kept from the family, on which ground, and who decided it."""

    ground: Ground
    decided_by: str
    since: datetime


class Happening(Value):
    """When an event last happened, and on which strand."""

    at: datetime
    scope: str | None


class Story(Value):
    """What the facts amount to, up to an instant. `came_from` has the strands that a strand came out of;
    `still_owed` names the deadlines that are not closed, so that those of years ago need not be looked at; `missing`
    is since when (UTC) nobody knows where the child is."""

    reference: str
    procedure: SkipValidation[Procedure]
    bank_holidays: SkipValidation[BankHolidays]
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    team: str | None = None
    allocated_to: str | None = None
    child: Child | None = None
    died: bool = False
    of_age: bool = False
    referred_by: str | None = None
    referral_open: bool = False
    assessment: Assessment | None = None
    strategies: tuple[Strategy, ...] = ()
    enquiry: Enquiry | None = None
    last_enquiry: str | None = None
    conference: Conference | None = None
    plan: Plan | None = None
    missing: datetime | None = None
    circumstances: tuple[Circumstance, ...] = ()
    household: tuple[HouseholdChild, ...] = ()
    linked: tuple[str, ...] = ()
    power_in_force: str | None = None
    answered: dict[str, bool] = Field(default_factory=dict)
    withholding: Withholding | None = None
    deadlines: dict[str, Deadline] = Field(default_factory=dict)
    still_owed: tuple[str, ...] = ()
    requests: dict[str, Request] = Field(default_factory=dict)
    clock: dict[Event, tuple[Happening, ...]] = Field(default_factory=dict)
    came_from: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @property
    def owed(self) -> list[Deadline]:
        """What is not closed, withheld or not, oldest first."""
        return [self.deadlines[name] for name in self.still_owed]

    @property
    def running_deadlines(self) -> list[Deadline]:
        """What is owed, soonest first; what has no date comes last. Of what is due together, the oldest comes first."""
        owed = [deadline for deadline in self.owed if deadline.running]
        return sorted(owed, key=lambda d: (d.due is None, d.due or d.opened_at))

    @property
    def overdue(self) -> list[Deadline]:
        """What is owed and late."""
        return [deadline for deadline in self.running_deadlines if deadline.state is DeadlineState.OVERDUE]

    @property
    def waiting_requests(self) -> list[Request]:
        """The requests somebody must act on."""
        return [request for request in self.requests.values() if request.waiting]

    @property
    def next_due(self) -> datetime | None:
        """The last moment in time of the soonest limit that is owed, missed or not.

        Of a date-type limit that is the last second of its day: midnight would be shown as the day after.
        """
        soonest = next((deadline for deadline in self.running_deadlines if deadline.due), None)
        if soonest is None or soonest.due is None:
            return None
        return soonest.due if soonest.on is None else soonest.due - timedelta(seconds=1)

    @property
    def strands(self) -> dict[str, str]:
        """The open strands by their names: what each is, in words."""
        named: dict[str, str] = {}
        for kind, strand in STRANDS.items():
            there = getattr(self, strand.field)
            for part in there if isinstance(there, tuple) else (there,) if there else ():
                named[getattr(part, "id", kind)] = strand.words or self.procedure.assessment.name
        return named

    @property
    def open_strands(self) -> list[str]:
        """What is still open, in words. A case can only be closed when nothing is."""
        several = len(self.strategies) > 1
        return [
            f"the {words}{f' {name}' if several and name.startswith('strategy-') else ''}"
            for name, words in self.strands.items()
        ]

    @property
    def stage(self) -> Stage:
        """Where the case stands, as people say it: the furthest strand that is open."""
        if self.closed_at:
            return Stage.CLOSED
        stages = [strand.stage for strand in STRANDS.values() if strand.stage and getattr(self, strand.field)]
        return stages[-1] if stages else Stage.CLOSING

    @property
    def acting(self) -> str:
        """The role that takes the next step at this stage."""
        return self.procedure.acting_at(self.stage)

    @property
    def waiting_for(self) -> list[str]:
        """The roles that must act next: never empty while the case is open."""
        if self.closed_at:
            return []
        roles = [role for request in self.waiting_requests for role in request.to]
        roles += [deadline.owner for deadline in self.running_deadlines]
        return list(dict.fromkeys(roles or [self.acting]))

    def related(self, strand: str | None, other: str | None) -> bool:
        """Whether two strands are the same, or one came out of the other; what is on no strand is related to all."""
        if strand is None or other is None or strand == other:
            return True
        return strand in self.roots(other) or other in self.roots(strand)

    def roots(self, strand: str) -> frozenset[str]:
        """Every strand that a strand came out of, directly or by way of others."""
        roots: set[str] = set()
        ahead = list(self.came_from.get(strand, ()))
        while ahead:
            root = ahead.pop()
            if root not in roots:
                roots.add(root)
                ahead += self.came_from.get(root, ())
        return frozenset(roots)

    def without_strand(self, name: str) -> "Story":
        """The story once this strand is closed."""
        field = STRANDS[name.partition("-")[0]].field
        there = getattr(self, field)
        if isinstance(there, tuple):
            return self.changed(**{field: tuple(part for part in there if part.id != name)})
        return self.changed(**{field: Story.model_fields[field].default})
