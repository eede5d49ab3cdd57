"""The section 47 enquiry: the child is seen, searched for if missing, and the outcome is decided."""

from datetime import datetime

from casework import requests
from casework.case import Conference, Missing
from casework.facts import happened
from casework.messages import (
    ChildLocated,
    ChildVisited,
    FurtherActionAgreed,
    Section47Outcome,
    VisitRecorded,
    WhereaboutsUnknown,
)
from casework.requests import takes_effect
from casework.turn import Refusal, Turn
from casework.vocabulary import Event, Kind, Subject

DISPOSALS = {
    "information and advice": Event.ADVICE_CHOSEN,
    "early help": Event.EARLY_HELP_CHOSEN,
    "statutory service": Event.STATUTORY_SERVICE_CHOSEN,
}


def child_visited(turn: Turn, message: ChildVisited) -> None:
    """A visit: what it was says which clocks it meets. A visit without seeing the child meets none of them."""
    turn.refuse_if(turn.case.child and not turn.case.child.born, "The child is not born yet and cannot be seen (Q-17).")
    turn.refuse_if(Event.CHILD_DIED in turn.case.clock, "The child died and cannot be seen (Q-18).")
    how = "seen alone" if message.alone else "seen" if message.seen else "NOT seen"
    turn.entry(f"Child visited{', unannounced' if message.unannounced else ''}: {how}")
    happened(turn, Event.CHILD_VISITED)
    if message.seen:
        happened(turn, Event.CHILD_SEEN)
    if message.alone:
        happened(turn, Event.CHILD_SEEN_ALONE)
        if message.unannounced:
            happened(turn, Event.CHILD_SEEN_ALONE_UNANNOUNCED)


def visit_recorded(turn: Turn, message: VisitRecorded) -> None:
    """A visit was written up."""
    turn.refuse_if(Event.CHILD_VISITED not in turn.case.clock, "No visit was made yet.")
    turn.entry("The visit was recorded")
    happened(turn, Event.VISIT_RECORDED)


def whereabouts_unknown(turn: Turn, message: WhereaboutsUnknown) -> None:
    """The child cannot be found (SP-B-07)."""
    turn.refuse_if(turn.case.missing, "The child's whereabouts are recorded as unknown already.")
    turn.change(missing=Missing(since=message.occurred_at))
    turn.entry("The child's whereabouts are unknown", ("SP-B-07",))
    happened(turn, Event.WHEREABOUTS_UNKNOWN)


def further_action_agreed(turn: Turn, message: FurtherActionAgreed) -> None:
    """It is agreed what more is done to find the child."""
    turn.refuse_if(turn.case.missing is None, "The child is not recorded as missing.")
    turn.entry("Further action to find and see the child was agreed", ("B-09",))
    happened(turn, Event.FURTHER_ACTION_AGREED)


def child_located(turn: Turn, message: ChildLocated) -> None:
    """The child was found."""
    turn.refuse_if(turn.case.missing is None, "The child is not recorded as missing.")
    turn.change(missing=None)
    turn.entry("The child was found", ("SP-B-07",))
    happened(turn, Event.CHILD_LOCATED)


def section47_outcome(turn: Turn, message: Section47Outcome) -> None:
    """What the enquiry concluded."""
    enquiry = turn.case.enquiry
    turn.refuse_if(enquiry is None, "No section 47 enquiry is open.")
    assert enquiry is not None
    turn.refuse_if(message.occurred_at < enquiry.initiated_at, "The outcome cannot be earlier than the enquiry.")
    rule = turn.case.procedure.authorisation.get(Subject.SECTION_47_OUTCOME)
    if message.outcome == "substantiated" and not message.conference and rule is None:
        role = requests.role_of(turn, message)
        if turn.case.procedure.role[role].kind is not Kind.MANAGER:
            raise Refusal("Substantiated and no conference: a manager decides this (Q-15).")
    turn.entry(f"Outcome of the section 47 enquiry: {message.outcome}")
    turn.change(enquiry=enquiry.model_copy(update={"outcome_recorded_at": message.occurred_at}))
    happened(turn, Event.SECTION_47_OUTCOME_RECORDED, scope=enquiry.id)
    requests.put_to(turn, Subject.SECTION_47_OUTCOME, message, enquiry.id)


@takes_effect(Subject.SECTION_47_OUTCOME)
def outcome_takes_effect(turn: Turn, message: Section47Outcome, at: datetime) -> None:
    """The enquiry ends: towards a conference, or without one."""
    enquiry = turn.case.enquiry
    if enquiry is None:
        raise Refusal("The section 47 enquiry has ended already.")
    turn.change(enquiry=None)
    happened(turn, Event.SECTION_47_CONCLUDED, at, scope=enquiry.id)
    if message.outcome == "not substantiated":
        happened(turn, Event.SECTION_47_NOT_SUBSTANTIATED, at, scope=enquiry.id)
        for disposal in message.disposals:
            turn.entry(f"To be done instead of a conference: {disposal}")
            happened(turn, DISPOSALS[disposal], at, scope=enquiry.id)
    elif not message.conference:
        happened(turn, Event.CONFERENCE_NOT_REQUIRED, at, scope=enquiry.id)
    else:
        if turn.case.conference is None:  # one that is awaited already, and maybe arranged, serves both enquiries
            turn.change(conference=Conference(id=f"conference-{turn.number('conference')}", enquiry=enquiry.id))
        happened(turn, Event.SECTION_47_SUBSTANTIATED, at, scope=enquiry.id)
