"""Conferences: the initial one is requested, arranged, prepared and held; reviews are arranged and prepared alike."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from casework import requests
from casework.calendar import last_second_of, spoken_instant
from casework.effects import NoticeKind
from casework.happening import happened
from casework.meetings import check_membership, tell_chair
from casework.messages import ANYONE, DECIDERS, PRACTITIONERS, Day, Id, Instant, Message, Reason, RoleName, means
from casework.requests import takes_effect
from casework.story import Conference, Plan, Story
from casework.telling import Telling, needed
from casework.vocabulary import Event, Stage, Subject

CONFERENCE_REQUESTED = Event("initial conference requested", Stage.CONFERENCE)
CONFERENCE_SERVICE_INFORMED = Event("conference service informed", Stage.CONFERENCE)
CHAIR_ALLOCATED = Event("conference chair allocated", Stage.CONFERENCE)
CONFERENCE_ARRANGED = Event("initial conference arranged", Stage.CONFERENCE)
INITIAL_CONFERENCE_SCHEDULED = Event("initial conference scheduled", Stage.CONFERENCE)
INITIAL_CONFERENCE_HELD = Event("initial conference held", Stage.CONFERENCE, completes="conference")
NO_PLAN_MADE = Event("no plan made", Stage.CLOSING, completes="conference")
REPORT_SHARED = Event("conference report shared with the family", Stage.CONFERENCE)
REPORT_SENT = Event("conference report sent to the conference service", Stage.CONFERENCE)
CONFERENCE_REQUESTS_SENT = Event("conference requests sent", Stage.CONFERENCE)
INVITATIONS_REQUESTED = Event("invitations requested", Stage.CONFERENCE)
PLAN_STARTED = Event("plan started", Stage.PLAN)
CORE_GROUP_SCHEDULED = Event("core group scheduled", Stage.PLAN)
REVIEW_CONFERENCE_SCHEDULED = Event("review conference scheduled", Stage.PLAN)
REVIEW_REPORT_SHARED = Event("review report shared with the family", Stage.PLAN)
REVIEW_REQUESTS_SENT = Event("review requests sent", Stage.PLAN)
CONFERENCE_DISPUTED = Event("decision on a conference disputed", Stage.CONFERENCE)
CONFERENCE_DISPUTE_RESOLVED = Event("dispute on a conference resolved", Stage.CONFERENCE)
REPORT_SHARING_DECIDED = Event("sharing of the report decided", Stage.CONFERENCE)
REPORT_TO_BE_SHARED = Event("report to be shared", Stage.CONFERENCE)
CONFERENCE_CALLED_ON_DISPUTE = Event("initial conference called after a dispute", Stage.CONFERENCE)

Which = Literal["initial", "review"]
INVITATIONS_SENT = Event("invitations sent", Stage.CONFERENCE)
MINUTES_FINISHED = Event("conference minutes finished", Stage.CONFERENCE)
CONFERENCE_RECORD_AUTHORISED = Event("conference record authorised", Stage.CONFERENCE)


class ConferenceServiceInformed(Message, stage=Stage.CONFERENCE):
    """The conference service was told the outcome, with the invitation and when the social worker is free."""


class ConferenceRequested(Message, stage=Stage.CONFERENCE):
    """The initial conference was requested."""


class ChairAllocated(Message, stage=Stage.CONFERENCE):
    """A chair was allocated to the initial conference."""

    chair: Id = Field(description="The id of the chair, never a name")


class ConferenceScheduled(Message, stage=Stage.CONFERENCE):
    """A conference was arranged. If it moves, record it again with the new time."""

    starts_at: Instant
    which: Which = "initial"


class InvitationsRequested(Message, stage=Stage.CONFERENCE):
    """The list of people to invite is complete, and the invitations can be sent."""

    attendees: tuple[RoleName, ...] = Field(min_length=1, max_length=40, description="A role that is invited")


class ReportSharingDecided(Message, stage=Stage.CONFERENCE):
    """The decision whether to share the conference report with the parents, made with the police and the chair."""

    share: bool
    with_police: bool = Field(False, description="The police were consulted")
    with_chair: bool = Field(False, description="The chair was consulted")
    share_by: Day | None = Field(None, description="If it is shared: by when")
    reason: Reason | None = Field(None, description="If it is not shared: why")

    def mistakes(self) -> Iterator[str]:
        if not (self.with_police and self.with_chair):
            yield (
                "with_police, with_chair: this is decided with the police and the chair. Say that both were consulted"
            )
        if not self.share and not self.reason:
            yield "reason: say why the report is not shared"


class ConferenceDisputed(Message, stage=Stage.CONFERENCE, sent_by=ANYONE):
    """Another agency disagrees with the decision not to hold a conference, and asks for one."""

    answer_by: Day = Field(description="By when to answer: as soon as the child's safety needs it")


class ConferenceDisputeResolved(Message, stage=Stage.CONFERENCE, sent_by=PRACTITIONERS):
    """The answer to another agency that asked for a conference: the decision stays, or a conference is called."""

    outcome: Literal["maintained", "conference called"]
    reason: Reason


class ReportShared(Message, stage=Stage.CONFERENCE):
    """A conference report was shared with the family, or sent to the conference service."""

    to: Literal["family", "conference service"]
    which: Which | None = Field(None, description="Which conference, if both an initial one and a review are to come")


class ConferenceRequestsSent(Message, stage=Stage.CONFERENCE):
    """The remaining requests for a conference were sent."""

    which: Which | None = Field(None, description="Which conference, if both an initial one and a review are to come")


class InitialConferenceHeld(Message, stage=Stage.CONFERENCE, sent_by=DECIDERS):
    """The initial child protection conference was held, with its decision for this child."""

    plan: bool = Field(description="Whether the child is to be on a child protection plan")
    categories: tuple[Literal["neglect", "physical", "sexual", "emotional"], ...] = Field(
        (), max_length=4, description="A category of abuse for the plan"
    )
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    first_core_group_at: Instant | None = Field(None, description="As set at the conference")
    first_review_at: Instant | None = Field(None, description="As set at the conference")
    services_considered: bool | None = Field(None, description="If there is no plan: whether services were considered")

    def mistakes(self) -> Iterator[str]:
        if self.plan and not self.categories:
            yield "categories: give at least one for the plan: neglect, physical, sexual or emotional"


MEETING = "initial conference"


def _awaited(story: Story) -> Conference:
    return needed(
        story.conference,
        "No initial conference is called yet. First record the outcome of the section 47 enquiry: section47_outcome",
    )


def plan_of(story: Story) -> Plan:
    """The plan that the child is on. Raises `Refusal` where there is none."""
    return needed(story.plan, "The child is not on a child protection plan.")


@means(ConferenceServiceInformed)
def conference_service_informed(telling: Telling, message: ConferenceServiceInformed) -> None:
    conference = _awaited(telling.story)
    telling.change(conference=conference.changed(service_informed=True))
    telling.line("The conference service was told the outcome")
    happened(telling, CONFERENCE_SERVICE_INFORMED, scope=conference.id)


@means(ConferenceRequested)
def conference_requested(telling: Telling, message: ConferenceRequested) -> None:
    conference = _awaited(telling.story)
    telling.line("The initial conference was requested")
    happened(telling, CONFERENCE_REQUESTED, scope=conference.id)


@means(ChairAllocated)
def chair_allocated(telling: Telling, message: ChairAllocated) -> None:
    conference = _awaited(telling.story).changed(chair=message.chair)
    telling.change(conference=conference)
    telling.line(f"{message.chair} was allocated to chair the initial conference")
    happened(telling, CHAIR_ALLOCATED, scope=conference.id)
    _arranged(telling, conference)


@means(ConferenceScheduled)
def conference_scheduled(telling: Telling, message: ConferenceScheduled) -> None:
    """A conference has a time, or another time: what counts back from it moves with it."""
    telling.insist(
        message.starts_at < message.occurred_at,
        f"starts_at: {spoken_instant(message.starts_at)} is before the conference was arranged. Check both times.",
        "starts_at",
    )
    if message.which == "review":
        _set_review(telling, plan_of(telling.story), message)
        return
    conference = _awaited(telling.story).changed(starts_at=message.starts_at)
    telling.change(conference=conference)
    tell_chair(telling, MEETING)
    telling.line(f"The initial conference is set for {spoken_instant(message.starts_at)}")
    _warn_if_too_late(telling, message, "initial-conference")
    happened(telling, INITIAL_CONFERENCE_SCHEDULED, scope=conference.id, counts_from=message.starts_at)
    _arranged(telling, conference)


def _set_review(telling: Telling, plan: Plan, message: ConferenceScheduled) -> None:
    review = plan.review.changed(starts_at=message.starts_at)
    telling.change(plan=plan.changed(review=review))
    tell_chair(telling, "review conference")
    telling.line(f"The review conference is set for {spoken_instant(message.starts_at)}")
    _warn_if_too_late(telling, message, "first-review")
    _warn_if_too_late(telling, message, "later-review")
    happened(telling, REVIEW_CONFERENCE_SCHEDULED, scope=plan.id, counts_from=message.starts_at)


def _warn_if_too_late(telling: Telling, message: ConferenceScheduled, timescale: str) -> None:
    for deadline in telling.story.running_deadlines:
        if deadline.timescale == timescale and deadline.due and message.starts_at > deadline.due:
            text = f"The conference is set for {spoken_instant(message.starts_at)}, after its time limit"
            telling.line(f"Warning: {text}", deadline.cites)
            telling.notify(NoticeKind.WARNING, deadline.owner, text, about=deadline)


def _arranged(telling: Telling, conference: Conference) -> None:
    if conference.chair and conference.starts_at:
        happened(telling, CONFERENCE_ARRANGED, scope=conference.id)


@means(ReportShared)
def report_shared(telling: Telling, message: ReportShared) -> None:
    """The report reached the family or the conference service; two duties, each to be met (P-04, P-05)."""
    scope = _awaited(telling.story).id if message.which == "initial" else plan_of(telling.story).id
    telling.insist(
        message.to == "family" and telling.story.withholding,
        "Information is withheld from the family. To share the report, first record: information_released",
    )
    telling.line(f"The report for the {message.which} conference was given to the {message.to}")
    if message.which == "review":
        happened(telling, REVIEW_REPORT_SHARED, scope=scope)
    else:
        happened(telling, REPORT_SHARED if message.to == "family" else REPORT_SENT, scope=scope)


@means(ConferenceRequestsSent)
def conference_requests_sent(telling: Telling, message: ConferenceRequestsSent) -> None:
    if message.which == "initial":
        event, scope = CONFERENCE_REQUESTS_SENT, _awaited(telling.story).id
    else:
        event, scope = REVIEW_REQUESTS_SENT, plan_of(telling.story).id
    telling.line(f"The remaining requests for the {message.which} conference were sent")
    happened(telling, event, scope=scope)


@means(InitialConferenceHeld)
def initial_conference_held(telling: Telling, message: InitialConferenceHeld) -> None:
    conference = _awaited(telling.story)
    check_membership(telling, MEETING, message.attended_by, message)
    telling.close(conference.id)
    plan = telling.story.plan
    if plan is not None:
        telling.line("Conference held: the child stays on the child protection plan. Only a review can end it")
        if message.plan:
            telling.change(plan=plan.changed(categories=message.categories))
        happened(telling, INITIAL_CONFERENCE_HELD, scope=conference.id)
        minutes_asked(telling, message, conference.id)
        return
    telling.line(
        f"Initial conference held: {'a child protection plan was made' if message.plan else 'no plan was made'}"
    )
    happened(telling, INITIAL_CONFERENCE_HELD, scope=conference.id)
    minutes_asked(telling, message, conference.id)
    if message.plan:
        _start_plan(telling, conference, message)
    else:
        happened(telling, NO_PLAN_MADE, scope=conference.id)


def _start_plan(telling: Telling, conference: Conference, message: InitialConferenceHeld) -> None:
    plan = Plan(
        id=telling.named("plan-"),
        started_at=message.occurred_at,
        categories=message.categories,
        review=Conference(id=telling.named("review-"), starts_at=message.first_review_at),
    )
    telling.change(plan=plan)
    telling.descend(plan.id, conference.id)
    happened(telling, PLAN_STARTED, scope=plan.id)
    if message.first_core_group_at:
        telling.line(f"The first core group is set for {spoken_instant(message.first_core_group_at)}")
        happened(telling, CORE_GROUP_SCHEDULED, scope=plan.id, counts_from=message.first_core_group_at)
    if message.first_review_at:
        telling.line(f"The first review is set for {spoken_instant(message.first_review_at)}")
        happened(telling, REVIEW_CONFERENCE_SCHEDULED, scope=plan.id, counts_from=message.first_review_at)


@means(InvitationsRequested)
def invitations_requested(telling: Telling, message: InvitationsRequested) -> None:
    """All attendees are entered; whoever sends the invitations is asked to (U-M-03)."""
    conference = _awaited(telling.story).changed(attendees=message.attendees)
    telling.change(conference=conference)
    telling.line(f"Invitations for {len(message.attendees)} people were asked for")
    happened(telling, INVITATIONS_REQUESTED, scope=conference.id)
    requests.submit(telling, Subject.INVITATIONS, message, conference.id)


@takes_effect(Subject.INVITATIONS, INVITATIONS_SENT)
def invitations_sent(telling: Telling, message: InvitationsRequested, at: datetime) -> None:
    """The invitations went out."""
    telling.line("The invitations were sent")


def minutes_asked(telling: Telling, message: Message, conference: str) -> None:
    """After a conference the minute taker has their part, then the chair (U-M-04), where the procedure has that."""
    if Subject.MINUTES in telling.story.procedure.authorisation:
        requests.submit(telling, Subject.MINUTES, message, conference)


@takes_effect(Subject.MINUTES, MINUTES_FINISHED)
def minutes_finished(telling: Telling, message: Message, at: datetime) -> None:
    """The minutes are finished: the chair is told, whose authorisation is next."""
    if Subject.CONFERENCE_RECORD in telling.story.procedure.authorisation:
        requests.submit(telling, Subject.CONFERENCE_RECORD, message)


@takes_effect(Subject.CONFERENCE_RECORD, CONFERENCE_RECORD_AUTHORISED)
def conference_record_authorised(telling: Telling, message: Message, at: datetime) -> None:
    """The chair has authorised the record of the conference."""
    telling.line("The record of the conference is complete")


@means(ReportSharingDecided)
def report_sharing_decided(telling: Telling, message: ReportSharingDecided) -> None:
    """Whether the parents get the report, decided with the police and the chair (D-B-24)."""
    conference = _awaited(telling.story).changed(report_may_be_shared=message.share)
    telling.change(conference=conference)
    telling.line(f"Decided: the report {'is' if message.share else 'is not'} shared with the parents", ("D-B-24",))
    happened(telling, REPORT_SHARING_DECIDED, scope=conference.id)
    if message.share and message.share_by:
        happened(telling, REPORT_TO_BE_SHARED, scope=conference.id, counts_from=last_second_of(message.share_by))


@means(ConferenceDisputed)
def conference_disputed(telling: Telling, message: ConferenceDisputed) -> None:
    """Another agency asks for a conference; it is always taken up, and answered by a day that is set (U-B-10)."""
    telling.line("Another agency disputes the decision on a conference", ("D-B-25", "D-B-26"))
    happened(telling, CONFERENCE_DISPUTED, counts_from=last_second_of(message.answer_by))


@means(ConferenceDisputeResolved)
def conference_dispute_resolved(telling: Telling, message: ConferenceDisputeResolved) -> None:
    telling.refuse_if(CONFERENCE_DISPUTED not in telling.story.clock, "No dispute about a conference is recorded.")
    telling.line(f"The dispute about a conference was answered: {message.outcome}", ("D-B-25",))
    happened(telling, CONFERENCE_DISPUTE_RESOLVED)
    if message.outcome == "conference called" and telling.story.conference is None:
        conference = Conference(id=telling.named("conference-"))
        telling.change(conference=conference)
        if telling.story.last_enquiry is not None:
            telling.descend(conference.id, telling.story.last_enquiry)
        happened(telling, CONFERENCE_CALLED_ON_DISPUTE, scope=conference.id)
