"""What can happen at any time of a case: a child made safe at once, information withheld, the calendar changed."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from casework import deadlines, requests
from casework.calendar import spoken_date
from casework.deadlines.adopt import adopted
from casework.effects import HolidayChanged
from casework.facts import CalendarChange
from casework.happening import begin, happened
from casework.messages import ANYONE, CASEWORKERS, MANAGERS, PRACTITIONERS, Message, Reason, Ref, means
from casework.naming import there_are
from casework.procedure import Procedure
from casework.story import Withholding
from casework.tell import tell_by
from casework.telling import Refusal, Telling, needed
from casework.vocabulary import Circumstance, Event, Ground

IMMEDIATE_PROTECTION = Event("immediate protection taken")
COMPLAINT_MADE = Event("complaint made")
INFORMATION_WITHHELD = Event("information withheld from the family")
OTHERS_CONSIDERED = Event("other children considered")


class ImmediateProtectionTaken(Message, sent_by=ANYONE):
    """Somebody acted at once to make the child safe. This needs no authorisation."""

    power: Literal["none", "emergency protection order", "police powers of protection"] = "none"
    others_considered: bool | None = Field(None, description="It was considered whether other children need protection")
    reason: Reason | None = Field(None, description="Why police powers were used rather than a court order")

    def mistakes(self) -> Iterator[str]:
        if self.power == "police powers of protection" and not self.reason:
            yield "reason: say why police powers were used rather than a court order"


class ProtectionPowerEnded(Message, sent_by=ANYONE):
    """An emergency protection order, or police powers of protection, ended."""


class InformationWithheld(Message, sent_by=PRACTITIONERS):
    """Information is withheld from the family. Whatever must be shared with them waits until it is released."""

    ground: Ground


class InformationReleased(Message, sent_by=PRACTITIONERS):
    """Information is no longer withheld from the family."""


class CircumstanceRecorded(Message, sent_by=ANYONE):
    """A circumstance of the child or family began or ended, such as the child going into hospital."""

    what: Circumstance
    holds: bool = Field(True, description="Whether it began, or has ended")


class ComplaintMade(Message, sent_by=ANYONE):
    """A parent objected or complained. The response must be recorded too."""


class BankHolidayProclaimed(CalendarChange, sent_by=CASEWORKERS):
    """A new bank holiday was proclaimed. Every deadline is counted again."""


class BankHolidayWithdrawn(CalendarChange, sent_by=CASEWORKERS):
    """A bank holiday that was proclaimed is withdrawn. Every deadline is counted again."""

    proclaimed: ClassVar[bool] = False


class ProcedureAdopted(Message, sent_by=MANAGERS):
    """The case moves to another procedure, or to another version of its own, from now on."""

    longest: ClassVar[int] = 256_000

    procedure: Procedure


class ReasonRecorded(Message):
    """The reason why something was done late, or was not done."""

    deadline: Ref
    reason: Reason


@means(ImmediateProtectionTaken)
def immediate_protection_taken(telling: Telling, message: ImmediateProtectionTaken) -> None:
    """Somebody made the child safe. It never waits on a timer or an authorisation (SP-B-01)."""
    power = "" if message.power == "none" else f": {message.power}"
    telling.line(f"Action was taken at once to protect the child{power}", ("SP-B-01",))
    if message.power != "none":
        telling.change(power_in_force=message.power)
    happened(telling, IMMEDIATE_PROTECTION)
    if message.others_considered:
        telling.line("It was considered whether other children need protection", ("D-B-04",))
        happened(telling, OTHERS_CONSIDERED)


@means(ProtectionPowerEnded)
def protection_power_ended(telling: Telling, message: ProtectionPowerEnded) -> None:
    """No document says how long such a power may last, so only this message ends it."""
    power = needed(
        telling.story.power_in_force, "No emergency protection order and no police powers are recorded as in force."
    )
    telling.line(f"No longer in force: {power}", ("SP-B-04",))
    telling.change(power_in_force=None)


@means(CircumstanceRecorded)
def circumstance_recorded(telling: Telling, message: CircumstanceRecorded) -> None:
    circumstances = telling.story.circumstances
    if message.holds:
        telling.insist(message.what in circumstances, f"This is already recorded: {message.what.value}.")
        begin(telling, message.what)
        return
    not_recorded = f"This is not recorded, so it cannot end: {message.what.value}."
    telling.insist(message.what not in circumstances, not_recorded)
    telling.change(circumstances=tuple(other for other in circumstances if other is not message.what))
    telling.line(f"No longer true: {message.what.value}")
    deadlines.end_with(telling, message.what)


@means(ComplaintMade)
def complaint_made(telling: Telling, message: ComplaintMade) -> None:
    telling.line("A parent objected or complained", ("SP-B-30",))
    happened(telling, COMPLAINT_MADE)


@means(InformationWithheld)
def information_withheld(telling: Telling, message: InformationWithheld) -> None:
    """What must be shared with the family is suspended, on a recorded ground (Q-20)."""
    telling.insist(
        telling.story.withholding,
        "Information is already withheld from the family. To give another ground, first record that it is released.",
    )
    withhold(telling, message.ground, message)


def withhold(telling: Telling, ground: Ground, message: Message) -> None:
    """Keep something from the family from now on: decider and ground are recorded."""
    telling.change(withholding=Withholding(ground=ground, decided_by=str(message.by), since=message.occurred_at))
    telling.line(f"Information is withheld from the family: {ground.value}", ("D-B-11", "Q-20"))
    happened(telling, INFORMATION_WITHHELD)
    deadlines.withhold(telling)


@means(InformationReleased)
def information_released(telling: Telling, message: InformationReleased) -> None:
    telling.insist(telling.story.withholding is None, "No information is withheld from the family.")
    telling.change(withholding=None)
    telling.line("Information is no longer withheld from the family", ("D-B-11",))
    deadlines.release(telling)


@means(BankHolidayProclaimed)
def bank_holiday_proclaimed(telling: Telling, message: BankHolidayProclaimed) -> None:
    """Working days are counted with it, for every limit (`casework.tell.book_of`); later cases have it too."""
    telling.line(f"A bank holiday was proclaimed for {spoken_date(message.day)}", ("Q-21",))
    telling.do(HolidayChanged(day=message.day, proclaimed=True), "holiday")


@means(BankHolidayWithdrawn)
def bank_holiday_withdrawn(telling: Telling, message: BankHolidayWithdrawn) -> None:
    was_proclaimed = f" + {message.day}" in telling.story.bank_holidays.version or any(
        isinstance(fact.message, BankHolidayProclaimed) and fact.message.day == message.day
        for fact in telling.book.facts
    )
    telling.insist(not was_proclaimed, f"day: {spoken_date(message.day)} was not proclaimed as a bank holiday.", "day")
    telling.line(f"{spoken_date(message.day)} is not a bank holiday after all", ("Q-21",))
    telling.do(HolidayChanged(day=message.day, proclaimed=False), "holiday")


@means(ProcedureAdopted)
def procedure_adopted(telling: Telling, message: ProcedureAdopted) -> None:
    """Decide by these rules from now on. What is open is counted again by them; what closed before stays closed."""
    before, after = telling.story.procedure, message.procedure
    telling.insist(before.fingerprint == after.fingerprint, "The case is already on this version of the procedure.")
    if telling.rules is not before:  # told again for yet another procedure, by whose clocks it goes
        telling.change(procedure=after)
        return
    telling.line(
        f"The case moved from {before.about.key} version {before.about.version} ({before.fingerprint}) "
        f"to {after.about.key} version {after.about.version} ({after.fingerprint})"
    )
    for key in sorted(before.timescale.keys() | after.timescale.keys()):
        old, new = before.timescale.get(key), after.timescale.get(key)
        if old != new:
            difference = "new" if old is None else "removed" if new is None else "changed"
            telling.line(f"Timescale {key}: {difference}")
    assert telling.fact is not None
    anew = tell_by(telling.book, telling.book.before(telling.fact), after, telling.now)
    telling.change(procedure=after)
    for deadline in adopted(telling.story, anew, after, telling.now).values():
        telling.put_deadline(deadline)
    telling.rules = after
    requests.adopt(telling)


@means(ReasonRecorded)
def reason_recorded(telling: Telling, message: ReasonRecorded) -> None:
    """Why a duty was not done, or was done late (Q-28)."""
    deadline = telling.story.deadlines.get(message.deadline)
    if deadline is None:
        names = there_are(message.deadline, telling.story.deadlines) if telling.story.deadlines else ""
        raise Refusal(f"deadline: this case has no deadline called {message.deadline!r}. {names}".strip(), "deadline")
    telling.put_deadline(deadline.changed(because="the reason is in the record"))
    telling.line(f"{deadline.duty}: reason recorded", deadline.cites)
