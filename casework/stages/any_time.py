"""What can happen at any time of a case: a child made safe at once, information withheld, the calendar changed."""

from casework import deadlines
from casework.case import Withholding
from casework.facts import happened
from casework.messages import (
    BankHolidayProclaimed,
    ImmediateProtectionTaken,
    InformationReleased,
    InformationWithheld,
    ReasonRecorded,
)
from casework.turn import Turn
from casework.vocabulary import Event


def immediate_protection_taken(turn: Turn, message: ImmediateProtectionTaken) -> None:
    """Somebody made the child safe. It never waits on a timer or an authorisation (SP-B-01)."""
    turn.entry(f"Immediate protection was taken ({message.power})", ("SP-B-01",))
    happened(turn, Event.IMMEDIATE_PROTECTION)


def information_withheld(turn: Turn, message: InformationWithheld) -> None:
    """What must be shared with the family is suspended, on a recorded ground (Q-20)."""
    turn.refuse_if(turn.case.withholding, "Information is withheld already; release it before naming another ground.")
    turn.change(withholding=Withholding(ground=message.ground, decided_by=str(message.by), since=message.occurred_at))
    turn.entry(f"Information is withheld from the family: {message.ground.value}", ("D-B-11", "Q-20"))
    happened(turn, Event.INFORMATION_WITHHELD)
    deadlines.withhold(turn, message.ground.value)


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


def reason_recorded(turn: Turn, message: ReasonRecorded) -> None:
    """Why a duty was not done, or was done late (Q-28)."""
    deadline = turn.case.deadlines.get(message.deadline)
    there_are = ", ".join(turn.case.deadlines) or "none"
    turn.refuse_if(deadline is None, f"There is no deadline {message.deadline}. There are: {there_are}.")
    assert deadline is not None
    turn.put_deadline(deadline.model_copy(update={"because": message.reason}))
    turn.entry(f"{deadline.duty}: reason recorded", deadline.cites)
