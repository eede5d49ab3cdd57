"""Conferences: the initial one is requested, arranged, prepared and held; reviews are arranged and prepared alike."""

from datetime import datetime

from casework import requests
from casework.calendar import end_of_day, spoken_instant
from casework.case import Case, Conference, Plan
from casework.deadlines import GRACE
from casework.effects import NoticeKind
from casework.facts import happened
from casework.meetings import check_membership
from casework.messages import (
    ChairAllocated,
    ConferenceDisputed,
    ConferenceDisputeResolved,
    ConferenceRequested,
    ConferenceRequestsSent,
    ConferenceScheduled,
    ConferenceServiceInformed,
    InitialConferenceHeld,
    InvitationsRequested,
    Message,
    ReportShared,
    ReportSharingDecided,
)
from casework.requests import takes_effect
from casework.turn import Refusal, Turn
from casework.vocabulary import Event, Subject

MEETING = "initial conference"


def _awaited(case: Case) -> Conference:
    if case.conference is None:
        raise Refusal("No initial conference is called: a section 47 outcome comes first.")
    return case.conference


def _plan(case: Case) -> Plan:
    if case.plan is None:
        raise Refusal("The child is not on a child protection plan, so no review is due.")
    return case.plan


def conference_service_informed(turn: Turn, message: ConferenceServiceInformed) -> None:
    """The conference service knows the outcome and has the invitation."""
    conference = _awaited(turn.case)
    turn.change(conference=conference.model_copy(update={"service_informed": True}))
    turn.entry("The conference service was informed of the outcome")
    happened(turn, Event.CONFERENCE_SERVICE_INFORMED, scope=conference.id)


def conference_requested(turn: Turn, message: ConferenceRequested) -> None:
    """The initial conference was requested."""
    conference = _awaited(turn.case)
    turn.entry("The initial conference was requested")
    happened(turn, Event.CONFERENCE_REQUESTED, scope=conference.id)


def chair_allocated(turn: Turn, message: ChairAllocated) -> None:
    """The initial conference has a chair."""
    conference = _awaited(turn.case).model_copy(update={"chair": message.chair})
    turn.change(conference=conference)
    turn.entry(f"{message.chair} was allocated to chair the initial conference")
    happened(turn, Event.CHAIR_ALLOCATED, scope=conference.id)
    _arranged(turn, conference)


def conference_scheduled(turn: Turn, message: ConferenceScheduled) -> None:
    """A conference has a time, or another time: what counts back from it moves with it."""
    turn.refuse_if(
        message.starts_at < message.occurred_at,
        f"starts_at: {spoken_instant(message.starts_at)} is earlier than the message itself.",
    )
    if message.which == "review":
        plan = _plan(turn.case)
        set_review(turn, plan, message)
        return
    conference = _awaited(turn.case).model_copy(update={"starts_at": message.starts_at})
    turn.change(conference=conference)
    turn.entry(f"The initial conference is set for {spoken_instant(message.starts_at)}")
    _warn_if_too_late(turn, message, "initial-conference")
    happened(turn, Event.INITIAL_CONFERENCE_SCHEDULED, scope=conference.id, counts_from=message.starts_at)
    _arranged(turn, conference)


def set_review(turn: Turn, plan: Plan, message: ConferenceScheduled) -> None:
    """The next review conference has a time."""
    review = plan.review.model_copy(update={"starts_at": message.starts_at})
    turn.change(plan=plan.model_copy(update={"review": review}))
    turn.entry(f"The review conference is set for {spoken_instant(message.starts_at)}")
    _warn_if_too_late(turn, message, "first-review")
    _warn_if_too_late(turn, message, "later-review")
    happened(turn, Event.REVIEW_CONFERENCE_SCHEDULED, scope=plan.id, counts_from=message.starts_at)


def _warn_if_too_late(turn: Turn, message: ConferenceScheduled, timescale: str) -> None:
    for deadline in turn.case.running_deadlines:
        if deadline.timescale == timescale and deadline.due and message.starts_at > deadline.due:
            text = f"The conference is set for {spoken_instant(message.starts_at)}, after its limit"
            turn.entry(f"Warning: {text}", deadline.cites)
            turn.tell(NoticeKind.WARNING, deadline.owner, text, deadline=deadline.id)


def _arranged(turn: Turn, conference: Conference) -> None:
    if conference.chair and conference.starts_at:
        happened(turn, Event.CONFERENCE_ARRANGED, scope=conference.id)


def report_shared(turn: Turn, message: ReportShared) -> None:
    """The report reached the family or the conference service; two duties, each to be met (P-04, P-05)."""
    scope = _awaited(turn.case).id if message.which == "initial" else _plan(turn.case).id
    turn.refuse_if(
        message.to == "family" and turn.case.withholding,
        "Information is withheld from the family; it must be released before the report is shared.",
    )
    turn.entry(f"The report for the {message.which} conference reached the {message.to}")
    if message.which == "review":
        happened(turn, Event.REVIEW_REPORT_SHARED, scope=scope)
    else:
        happened(turn, Event.REPORT_SHARED if message.to == "family" else Event.REPORT_SENT, scope=scope)


def conference_requests_sent(turn: Turn, message: ConferenceRequestsSent) -> None:
    """The remaining requests went out."""
    if message.which == "initial":
        event, scope = Event.CONFERENCE_REQUESTS_SENT, _awaited(turn.case).id
    else:
        event, scope = Event.REVIEW_REQUESTS_SENT, _plan(turn.case).id
    turn.entry(f"The remaining requests for the {message.which} conference were sent")
    happened(turn, event, scope=scope)


def initial_conference_held(turn: Turn, message: InitialConferenceHeld) -> None:
    """The conference decided, for this child, whether there is a plan."""
    conference = _awaited(turn.case)
    check_membership(turn, MEETING, message.attended_by, message)
    turn.refuse_if(message.plan and turn.case.plan, "The child is on a child protection plan already.")
    turn.change(conference=None)
    turn.entry(f"Initial conference held: {'a child protection plan was made' if message.plan else 'no plan'}")
    happened(turn, Event.INITIAL_CONFERENCE_HELD, scope=conference.id)
    minutes_asked(turn, message, conference.id)
    if not message.plan:
        happened(turn, Event.NO_PLAN_MADE, scope=conference.id)
        return
    plan = Plan(
        id=f"plan-{turn.number('plan')}",
        started_at=message.occurred_at,
        categories=message.categories,
        review=Conference(id=f"review-{turn.number('review')}", starts_at=message.first_review_at),
    )
    turn.change(plan=plan)
    happened(turn, Event.PLAN_STARTED, scope=plan.id)
    if message.first_core_group_at:
        turn.entry(f"The first core group is set for {spoken_instant(message.first_core_group_at)}")
        happened(turn, Event.CORE_GROUP_SCHEDULED, scope=plan.id, counts_from=message.first_core_group_at)
    if message.first_review_at:
        turn.entry(f"The first review is set for {spoken_instant(message.first_review_at)}")
        happened(turn, Event.REVIEW_CONFERENCE_SCHEDULED, scope=plan.id, counts_from=message.first_review_at)


def invitations_requested(turn: Turn, message: InvitationsRequested) -> None:
    """All attendees are entered; whoever sends the invitations is asked to (U-M-03)."""
    conference = _awaited(turn.case).model_copy(update={"attendees": message.attendees})
    turn.change(conference=conference)
    turn.entry(f"Invitations to {len(message.attendees)} attendees were asked for")
    happened(turn, Event.INVITATIONS_REQUESTED, scope=conference.id)
    requests.put_to(turn, Subject.INVITATIONS, message, conference.id)


@takes_effect(Subject.INVITATIONS)
def invitations_sent(turn: Turn, message: InvitationsRequested, at: datetime) -> None:
    """The invitations went out."""
    turn.entry("The invitations were sent")


def minutes_asked(turn: Turn, message: Message, conference: str) -> None:
    """After a conference the minute taker has their part, then the chair (U-M-04), where the procedure has that."""
    if Subject.MINUTES in turn.case.procedure.authorisation:
        requests.put_to(turn, Subject.MINUTES, message, conference)


@takes_effect(Subject.MINUTES)
def minutes_finished(turn: Turn, message: Message, at: datetime) -> None:
    """The minutes are finished: the chair is told, whose authorisation is next."""
    if Subject.CONFERENCE_RECORD in turn.case.procedure.authorisation:
        requests.put_to(turn, Subject.CONFERENCE_RECORD, message)


@takes_effect(Subject.CONFERENCE_RECORD)
def conference_record_authorised(turn: Turn, message: Message, at: datetime) -> None:
    """The chair has authorised the record of the conference."""
    turn.entry("The record of the conference is complete")


def report_sharing_decided(turn: Turn, message: ReportSharingDecided) -> None:
    """Whether the parents get the report, decided with the police and the chair (D-B-24)."""
    conference = _awaited(turn.case).model_copy(update={"report_may_be_shared": message.share})
    turn.change(conference=conference)
    turn.entry(f"The report {'is' if message.share else 'is not'} shared with the parents", ("D-B-24",))
    happened(turn, Event.REPORT_SHARING_DECIDED, scope=conference.id)
    if message.share and message.share_by:
        happened(
            turn,
            Event.REPORT_TO_BE_SHARED,
            scope=conference.id,
            counts_from=end_of_day(message.share_by) - GRACE,
        )


def conference_disputed(turn: Turn, message: ConferenceDisputed) -> None:
    """Another agency asks for a conference; it is always taken up, and answered by a day that is set (U-B-10)."""
    turn.entry("The decision on a conference is disputed by another agency", ("D-B-25", "D-B-26"))
    happened(turn, Event.CONFERENCE_DISPUTED, counts_from=end_of_day(message.answer_by) - GRACE)


def conference_dispute_resolved(turn: Turn, message: ConferenceDisputeResolved) -> None:
    """The decision stays, or a conference is called after all."""
    turn.refuse_if(Event.CONFERENCE_DISPUTED not in turn.case.clock, "No decision on a conference is disputed.")
    turn.entry(f"Dispute on a conference: {message.outcome}", ("D-B-25",))
    happened(turn, Event.CONFERENCE_DISPUTE_RESOLVED)
    if message.outcome == "conference called" and turn.case.conference is None:
        conference = Conference(id=f"conference-{turn.number('conference')}")
        turn.change(conference=conference)
        happened(turn, Event.CONFERENCE_CALLED_ON_DISPUTE, scope=conference.id)
