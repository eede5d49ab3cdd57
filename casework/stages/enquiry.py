"""The section 47 enquiry: the child is seen, searched for if missing, and the outcome is decided."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from casework import requests
from casework.happening import happened
from casework.messages import PRACTITIONERS, Message, Reason, means
from casework.requests import takes_effect
from casework.story import Conference
from casework.telling import Telling, needed
from casework.vocabulary import Event, Kind, Stage, Subject

CHILD_VISITED = Event("child visited", Stage.ENQUIRY)
CHILD_SEEN = Event("child seen", Stage.ENQUIRY)
CHILD_SEEN_ALONE = Event("child seen alone", Stage.ENQUIRY)
CHILD_SEEN_ALONE_UNANNOUNCED = Event("child seen alone on an unannounced visit", Stage.ENQUIRY)
VISIT_RECORDED = Event("visit recorded", Stage.ENQUIRY)
WHEREABOUTS_UNKNOWN = Event("whereabouts unknown", Stage.ENQUIRY)
FURTHER_ACTION_AGREED = Event("further action to find the child agreed", Stage.ENQUIRY)
CHILD_LOCATED = Event("child located", Stage.ENQUIRY, completes="search")
SECTION_47_OUTCOME_RECORDED = Event("section 47 outcome recorded", Stage.ENQUIRY)
SECTION_47_SUBSTANTIATED = Event("section 47 substantiated", Stage.CONFERENCE)
SECTION_47_NOT_SUBSTANTIATED = Event("section 47 not substantiated", Stage.CLOSING, completes="enquiry")
CONFERENCE_NOT_REQUIRED = Event("conference not required", Stage.CLOSING, completes="enquiry")
SECTION_47_CONCLUDED = Event("section 47 concluded", Stage.ENQUIRY, completes="enquiry")


class ChildVisited(Message, stage=Stage.ENQUIRY, sent_by=PRACTITIONERS):
    """Somebody visited the child. Record the visit even if the child was not seen, or was not seen alone."""

    seen: bool = Field(description="Whether the child was seen")
    alone: bool = Field(False, description="Whether the child was seen alone")
    unannounced: bool = Field(False, description="Whether the visit was unannounced")
    reason: Reason | None = Field(None, description="Why the child was not seen, or not alone")

    def mistakes(self) -> Iterator[str]:
        if self.alone and not self.seen:
            yield "alone: a child who was not seen cannot have been seen alone. Change one of the two"


class VisitRecorded(Message, stage=Stage.ENQUIRY, sent_by=PRACTITIONERS):
    """The visit was written up on your own system."""


class WhereaboutsUnknown(Message, stage=Stage.ENQUIRY):
    """Nobody knows where the child is, and the social worker cannot find out."""


class FurtherActionAgreed(Message, stage=Stage.ENQUIRY, sent_by=PRACTITIONERS):
    """It was agreed what else to do to find and see the child."""


class ChildLocated(Message, stage=Stage.ENQUIRY):
    """The child was found."""


class Section47Outcome(Message, stage=Stage.ENQUIRY, sent_by=PRACTITIONERS):
    """The outcome of the section 47 enquiry. If it needs authorisation, it takes effect when it is authorised."""

    outcome: Literal["substantiated", "not substantiated"]
    conference: bool = Field(True, description="If substantiated: whether an initial conference is called")
    child_in_need_considered: bool | None = Field(
        None, description="If not substantiated: whether support as a child in need was considered"
    )
    reason: Reason | None = Field(None, description="If substantiated but no conference is called: why")
    disposals: tuple[Literal["information and advice", "early help", "statutory service"], ...] = Field(
        (), max_length=3, description="If not substantiated: what is done instead"
    )
    invite_referrer: bool | None = Field(None, description="If substantiated: whether the referrer is invited")

    def mistakes(self) -> Iterator[str]:
        if self.outcome == "substantiated" and not self.conference and not self.reason:
            yield "reason: say why no conference is called although the concerns are substantiated"


NOT_MISSING = "The child's whereabouts are not recorded as unknown. First record: whereabouts_unknown"

DISPOSALS = {
    "information and advice": Event("disposal chosen: information and advice", Stage.CLOSING),
    "early help": Event("disposal chosen: early help", Stage.CLOSING),
    "statutory service": Event("disposal chosen: statutory service", Stage.CLOSING),
}


@means(ChildVisited)
def child_visited(telling: Telling, message: ChildVisited) -> None:
    """Which clocks a visit meets depends on whether the child was seen, alone, unannounced."""
    telling.refuse_if(
        telling.story.child and not telling.story.child.born,
        "The child is not born yet, so no visit to the child can be recorded (source: Q-17).",
    )
    telling.refuse_if(
        telling.story.died,
        "The death of the child is recorded, so no later visit can be. If that is wrong, correct it (source: Q-18).",
    )
    how = "seen alone" if message.alone else "seen" if message.seen else "NOT seen"
    telling.line(f"Child visited{', unannounced' if message.unannounced else ''}: {how}")
    happened(telling, CHILD_VISITED)
    if message.seen:
        happened(telling, CHILD_SEEN)
    if message.alone:
        happened(telling, CHILD_SEEN_ALONE)
        if message.unannounced:
            happened(telling, CHILD_SEEN_ALONE_UNANNOUNCED)


@means(VisitRecorded)
def visit_recorded(telling: Telling, message: VisitRecorded) -> None:
    telling.refuse_if(CHILD_VISITED not in telling.story.clock, "No visit is recorded yet. First record: child_visited")
    telling.line("The visit was written up")
    happened(telling, VISIT_RECORDED)


@means(WhereaboutsUnknown)
def whereabouts_unknown(telling: Telling, message: WhereaboutsUnknown) -> None:
    telling.insist(telling.story.missing, "The child's whereabouts are already recorded as unknown.")
    telling.change(missing=message.occurred_at)
    telling.line("The child's whereabouts are unknown", ("SP-B-07",))
    happened(telling, WHEREABOUTS_UNKNOWN)


@means(FurtherActionAgreed)
def further_action_agreed(telling: Telling, message: FurtherActionAgreed) -> None:
    needed(telling.story.missing, NOT_MISSING)
    telling.line("It was agreed what else to do to find and see the child", ("B-09",))
    happened(telling, FURTHER_ACTION_AGREED)


@means(ChildLocated)
def child_located(telling: Telling, message: ChildLocated) -> None:
    needed(telling.story.missing, NOT_MISSING)
    telling.close("search")
    telling.line("The child was found", ("SP-B-07",))
    happened(telling, CHILD_LOCATED)


@means(Section47Outcome)
def section47_outcome(telling: Telling, message: Section47Outcome) -> None:
    enquiry = needed(
        telling.story.enquiry,
        "No section 47 enquiry is open. It opens when a strategy discussion decides on one: strategy_outcome",
    )
    rule = telling.story.procedure.authorisation.get(Subject.SECTION_47_OUTCOME)
    if message.outcome == "substantiated" and not message.conference and rule is None:
        role = requests.role_of(telling, message)
        telling.insist(
            requests.kind_of(telling, role) is not Kind.MANAGER,
            "Only a manager can decide that there is no conference although "
            "the concerns are substantiated (source: Q-15).",
            "by",
        )
    telling.line(f"Outcome of the section 47 enquiry: {message.outcome}")
    telling.change(enquiry=enquiry.changed(outcome_recorded_at=message.occurred_at))
    happened(telling, SECTION_47_OUTCOME_RECORDED, scope=enquiry.id)
    requests.submit(telling, Subject.SECTION_47_OUTCOME, message, enquiry.id)


@takes_effect(Subject.SECTION_47_OUTCOME)
def outcome_takes_effect(telling: Telling, message: Section47Outcome, at: datetime) -> None:
    """The enquiry ends: towards a conference, or without one."""
    enquiry = needed(telling.story.enquiry, "The section 47 enquiry has already ended.")
    telling.close(enquiry.id)
    telling.change(last_enquiry=enquiry.id)
    happened(telling, SECTION_47_CONCLUDED, at, scope=enquiry.id)
    if message.outcome == "not substantiated":
        happened(telling, SECTION_47_NOT_SUBSTANTIATED, at, scope=enquiry.id)
        for disposal in message.disposals:
            telling.line(f"Chosen instead of a conference: {disposal}")
            happened(telling, DISPOSALS[disposal], at, scope=enquiry.id)
    elif not message.conference:
        happened(telling, CONFERENCE_NOT_REQUIRED, at, scope=enquiry.id)
    else:
        # One that is awaited already, and maybe arranged, serves both enquiries.
        conference = telling.story.conference or Conference(id=telling.named("conference-"))
        telling.change(conference=conference)
        telling.descend(conference.id, enquiry.id)
        happened(telling, SECTION_47_SUBSTANTIATED, at, scope=enquiry.id)
