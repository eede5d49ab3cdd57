"""What can happen at any time of a case: a child made safe at once, information withheld, the calendar changed."""

from casework import deadlines, requests
from casework.case import Withholding
from casework.facts import begin, happened
from casework.messages import (
    BankHolidayProclaimed,
    CircumstanceRecorded,
    ComplaintMade,
    ImmediateProtectionTaken,
    InformationReleased,
    InformationWithheld,
    Message,
    ProcedureAdopted,
    ProtectionPowerEnded,
    ReasonRecorded,
)
from casework.turn import Turn
from casework.vocabulary import Event, Ground


def immediate_protection_taken(turn: Turn, message: ImmediateProtectionTaken) -> None:
    """Somebody made the child safe. It never waits on a timer or an authorisation (SP-B-01)."""
    turn.entry(f"Immediate protection was taken ({message.power})", ("SP-B-01",))
    if message.power != "none":
        turn.change(power_in_force=message.power)
    happened(turn, Event.IMMEDIATE_PROTECTION)
    if message.others_considered:
        turn.entry("Whether other children need protection was considered", ("D-B-04",))
        happened(turn, Event.OTHERS_CONSIDERED)


def protection_power_ended(turn: Turn, message: ProtectionPowerEnded) -> None:
    """What protected the child by law has ended. How long it may last, no document says."""
    turn.refuse_if(turn.case.power_in_force is None, "No order and no police powers are recorded as in force.")
    turn.entry(f"No longer in force: {turn.case.power_in_force}", ("SP-B-04",))
    turn.change(power_in_force=None)


def circumstance_recorded(turn: Turn, message: CircumstanceRecorded) -> None:
    """Something about the child or the family began, or is no longer so."""
    if message.holds:
        turn.refuse_if(message.what in turn.case.circumstances, f"It is recorded already that {message.what.value}.")
        begin(turn, message.what)
        return
    turn.refuse_if(message.what not in turn.case.circumstances, f"It is not recorded that {message.what.value}.")
    turn.change(circumstances=tuple(one for one in turn.case.circumstances if one is not message.what))
    turn.entry(f"No longer so: {message.what.value}")
    deadlines.end_with(turn, message.what)


def complaint_made(turn: Turn, message: ComplaintMade) -> None:
    """A complaint at any stage; the response is owed until it is recorded (SP-B-30)."""
    turn.entry("A parent's objection or complaint was recorded", ("SP-B-30",))
    happened(turn, Event.COMPLAINT_MADE)


def information_withheld(turn: Turn, message: InformationWithheld) -> None:
    """What must be shared with the family is suspended, on a recorded ground (Q-20)."""
    turn.refuse_if(turn.case.withholding, "Information is withheld already; release it before naming another ground.")
    withhold(turn, message.ground, message)


def withhold(turn: Turn, ground: Ground, message: Message) -> None:
    """Keep something from the family from now on: decider and ground are recorded."""
    turn.change(withholding=Withholding(ground=ground, decided_by=str(message.by), since=message.occurred_at))
    turn.entry(f"Information is withheld from the family: {ground.value}", ("D-B-11", "Q-20"))
    happened(turn, Event.INFORMATION_WITHHELD)
    deadlines.withhold(turn)


def information_released(turn: Turn, message: InformationReleased) -> None:
    """The family may be told again."""
    turn.refuse_if(turn.case.withholding is None, "Nothing is withheld from the family.")
    turn.change(withholding=None)
    turn.entry("Information is no longer withheld from the family", ("D-B-11",))
    deadlines.release(turn)


def bank_holiday_proclaimed(turn: Turn, message: BankHolidayProclaimed) -> None:
    """Working days are counted anew; an entry is written for each limit that moved."""
    turn.change(bank_holidays=turn.case.bank_holidays.with_proclaimed(message.day))
    turn.entry(f"A bank holiday was proclaimed for {message.day}", ("Q-21",))
    deadlines.recount(turn)


def procedure_adopted(turn: Turn, message: ProcedureAdopted) -> None:
    """Decide by these rules from now on. What runs is counted again; what they newly ask for starts when it happens."""
    before, after = turn.case.procedure, message.procedure
    turn.refuse_if(before.fingerprint == after.fingerprint, "The case is on this very procedure already.")
    turn.change(procedure=after)
    turn.entry(
        f"The case moved from {before.about.key} version {before.about.version} ({before.fingerprint}) "
        f"to {after.about.key} version {after.about.version} ({after.fingerprint})"
    )
    for key in sorted(before.timescale.keys() | after.timescale.keys()):
        old, new = before.timescale.get(key), after.timescale.get(key)
        if old != new:
            said = "is new" if old is None else "is gone" if new is None else "is changed"
            turn.entry(f"The timescale {key} {said}")
    deadlines.adopt(turn, before)
    requests.adopt(turn)


def reason_recorded(turn: Turn, message: ReasonRecorded) -> None:
    """Why a duty was not done, or was done late (Q-28)."""
    deadline = turn.case.deadlines.get(message.deadline)
    there_are = ", ".join(turn.case.deadlines) or "none"
    turn.refuse_if(deadline is None, f"There is no deadline {message.deadline}. There are: {there_are}.")
    assert deadline is not None
    turn.put_deadline(deadline.model_copy(update={"because": message.reason}))
    turn.entry(f"{deadline.duty}: reason recorded", deadline.cites)
