"""The referral: it opens the case, is screened, and a social worker is allocated. And the end: the case is closed."""

from casework import deadlines, requests
from casework.calendar import end_of_day
from casework.case import Child
from casework.facts import begin, happened
from casework.messages import (
    CaseClosed,
    NewInformationReceived,
    ReferralReceived,
    ScreeningDecided,
    SocialWorkerAllocated,
)
from casework.turn import Turn
from casework.vocabulary import Event


def referral_received(turn: Turn, message: ReferralReceived) -> None:
    """Open the case; on a running case a further referral is new information (Q-03)."""
    if turn.case.child is not None:
        turn.refuse_if(
            turn.case.child.person != message.person,
            f"Case {turn.case.reference} is another child's; refer this child under a reference of their own.",
        )
        turn.entry(f"A further referral, from {message.source}: new information on this case")
        _new_information(turn)
        return
    turn.change(
        opened_at=message.occurred_at,
        referral_open=True,
        team=message.team,
        referred_by=message.source,
        child=Child(
            person=message.person,
            born=message.date_of_birth,
            expected=message.expected_date_of_birth,
        ),
    )
    turn.entry(f"Referral received from {message.source}, on the procedure {turn.case.procedure.about.title}")
    happened(turn, Event.REFERRAL_RECEIVED)
    happened(turn, Event.CONCERN_RAISED)
    if message.expected_date_of_birth:
        birth = end_of_day(message.expected_date_of_birth) - deadlines.GRACE
        happened(turn, Event.BIRTH_EXPECTED, counts_from=birth)
    for circumstance in message.circumstances:
        begin(turn, circumstance)


def new_information_received(turn: Turn, message: NewInformationReceived) -> None:
    """New information on an open case."""
    turn.entry("New information received")
    _new_information(turn)


def _new_information(turn: Turn) -> None:
    """It stands in for a referral where the case is open (Q-03); while the referral itself is open, it adds to that."""
    if not turn.case.referral_open:
        happened(turn, Event.NEW_INFORMATION_RECEIVED)
    happened(turn, Event.CONCERN_RAISED)


def screening_decided(turn: Turn, message: ScreeningDecided) -> None:
    """The front door's decision: significant harm suspected or not."""
    turn.refuse_if(not turn.case.referral_open, "The referral is past screening.")
    turn.entry(f"Screening: significant harm {'suspected' if message.harm_suspected else 'not suspected'}")
    happened(turn, Event.SCREENING_DECIDED)
    if message.harm_suspected:
        happened(turn, Event.HARM_SUSPECTED)
    else:
        turn.change(referral_open=False)
        happened(turn, Event.HARM_NOT_SUSPECTED)


def social_worker_allocated(turn: Turn, message: SocialWorkerAllocated) -> None:
    """A social worker has the case from now on."""
    turn.change(allocated_to=message.social_worker, team=message.team or turn.case.team)
    turn.entry(f"Allocated to {message.social_worker}")
    happened(turn, Event.SOCIAL_WORKER_ALLOCATED)


def case_closed(turn: Turn, message: CaseClosed) -> None:
    """Close the case. Nothing may still run."""
    running = turn.case.open_strands
    turn.refuse_if(running, f"The case cannot be closed while this is open: {', '.join(running)}.")
    for deadline in [one for one in turn.case.deadlines.values() if one.closed_at is None]:
        deadlines.cancel(turn, deadline, "the case was closed")
    requests.withdraw_all(turn, "the case was closed")
    turn.entry("The case was closed")
    happened(turn, Event.CASE_CLOSED)
    turn.change(closed_at=message.occurred_at)
