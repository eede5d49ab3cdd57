"""The child protection plan: core groups, reviews, and stepping down from it. Visits are in `enquiry`."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from casework import requests
from casework.happening import happened
from casework.meetings import check_membership
from casework.messages import DECIDERS, Message, Number, Reason, RoleName, means
from casework.requests import takes_effect
from casework.stages.conference import INITIAL_CONFERENCE_HELD, minutes_asked, plan_of
from casework.story import Conference
from casework.telling import Telling
from casework.vocabulary import Event, Stage, Subject

PLAN_CHANGED = Event("plan changed", Stage.PLAN)
FIRST_CORE_GROUP_HELD = Event("first core group held", Stage.PLAN)
CORE_GROUP_HELD = Event("core group held", Stage.PLAN)
CORE_GROUP_RECORD_DISTRIBUTED = Event("core group record distributed", Stage.PLAN)
REVIEW_CONFERENCE_HELD = Event("review conference held", Stage.PLAN)
REVIEW_REPORT_COMPLETED = Event("review report completed", Stage.PLAN)
MINUTES_SENT = Event("core group minutes sent to the conference service", Stage.PLAN)
MINUTES_SHARED = Event("core group minutes shared with the family", Stage.PLAN)
STEP_DOWN_CONSIDERED = Event("step-down considered", Stage.CLOSING)
PLAN_ENDED = Event("plan ended", Stage.CLOSING, completes="plan")
REVIEW_REPORT_AUTHORISED = Event("review report authorised", Stage.PLAN)
STEP_DOWN_AUTHORISED = Event("step-down authorised", Stage.CLOSING)


class CoreGroupHeld(Message, stage=Stage.PLAN, sent_by=DECIDERS):
    """The core group met."""

    attended_by: tuple[RoleName, ...] = Field((), max_length=40)


class CoreGroupRecordDistributed(Message, stage=Stage.PLAN):
    """The record of a core group meeting was sent to its members."""


class CoreGroupMinutesSent(Message, stage=Stage.PLAN):
    """The minutes of the last core groups were sent out before a review."""

    to: Literal["family", "conference service"]
    minutes: Annotated[Number, Field(ge=0, le=2)] = Field(
        description="How many core groups the minutes are of: 2, or fewer with a reason"
    )
    reason: Reason | None = Field(None, description="If fewer than 2: why")

    def mistakes(self) -> Iterator[str]:
        if self.minutes < 2 and not self.reason:
            yield "reason: the minutes of two core groups are due. Say why you are sending fewer"


class ReviewReportCompleted(Message, stage=Stage.PLAN, sent_by=DECIDERS):
    """The report for the review conference was completed."""


class ReviewConferenceHeld(Message, stage=Stage.PLAN, sent_by=DECIDERS):
    """A review conference was held, with its decision whether the plan continues."""

    decision: Literal["continue", "change", "end"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    wishes_sought: bool | None = Field(None, description="Whether the child's wishes and feelings were sought")
    support: Reason | None = Field(None, description="If the plan ends: what support is in place afterwards")


class StepDownConsidered(Message, stage=Stage.CLOSING, sent_by=DECIDERS):
    """Ending the plan is being considered, and a discussion with the manager is asked for."""

    reason: Reason | None = None


class StepDownAgreed(Message, stage=Stage.CLOSING, sent_by=DECIDERS):
    """The plan ends, and the child steps down from child protection."""

    support: Reason = Field(description="What support is in place afterwards")


@means(CoreGroupHeld)
def core_group_held(telling: Telling, message: CoreGroupHeld) -> None:
    plan = plan_of(telling.story)
    check_membership(telling, "core group", message.attended_by, message)
    telling.change(plan=plan.changed(core_groups_held=(*plan.core_groups_held, message.occurred_at)))
    telling.line("Core group held")
    if not plan.core_groups_held:
        happened(telling, FIRST_CORE_GROUP_HELD, scope=plan.id)
    happened(telling, CORE_GROUP_HELD, scope=plan.id)


@means(CoreGroupRecordDistributed)
def core_group_record_distributed(telling: Telling, message: CoreGroupRecordDistributed) -> None:
    plan = plan_of(telling.story)
    telling.refuse_if(not plan.core_groups_held, "No core group is recorded yet. First record: core_group_held")
    telling.line("The record of the core group was sent out")
    happened(telling, CORE_GROUP_RECORD_DISTRIBUTED, scope=plan.id)


@means(CoreGroupMinutesSent)
def core_group_minutes_sent(telling: Telling, message: CoreGroupMinutesSent) -> None:
    """The minutes of the last two core groups went out; of fewer, with the reason (Q-29)."""
    plan = plan_of(telling.story)
    telling.insist(
        message.minutes > len(plan.core_groups_held),
        f"minutes: only {len(plan.core_groups_held)} core groups were held. "
        "Send those minutes, and say why there are fewer.",
    )
    telling.refuse_if(
        message.to == "family" and telling.story.withholding,
        "Information is withheld from the family. To share minutes, first record: information_released",
    )
    telling.line(f"The minutes of {message.minutes} core groups were given to the {message.to}")
    event = MINUTES_SHARED if message.to == "family" else MINUTES_SENT
    happened(telling, event, scope=plan.id)


@means(ReviewReportCompleted)
def review_report_completed(telling: Telling, message: ReviewReportCompleted) -> None:
    plan = plan_of(telling.story)
    telling.line("The report for the review conference was completed")
    happened(telling, REVIEW_REPORT_COMPLETED, scope=plan.id)
    requests.submit(telling, Subject.REVIEW_REPORT, message, plan.review.id)


@takes_effect(Subject.REVIEW_REPORT, REVIEW_REPORT_AUTHORISED)
def review_report_authorised(telling: Telling, message: ReviewReportCompleted, at: datetime) -> None:
    """The report may be used."""
    telling.change(plan=plan_of(telling.story).changed(review_report_authorised=True))


@means(ReviewConferenceHeld)
def review_conference_held(telling: Telling, message: ReviewConferenceHeld) -> None:
    """The review decided whether the plan goes on; the next review counts from this one (Q-08)."""
    plan = plan_of(telling.story)
    check_membership(telling, "review conference", message.attended_by, message)
    telling.change(plan=plan.changed(review=Conference(id=telling.named("review-")), review_report_authorised=False))
    telling.line(f"Review conference held. Decision: {message.decision} the plan")
    happened(telling, REVIEW_CONFERENCE_HELD, scope=plan.id)
    _serves_as_initial(telling)
    minutes_asked(telling, message, plan.review.id)
    if message.decision == "change":
        happened(telling, PLAN_CHANGED, scope=plan.id)
    if message.decision == "end" and not plan.step_down_authorised:
        requests.submit(telling, Subject.STEP_DOWN, message, plan.id)
    elif message.decision == "end":
        _end(telling, message.occurred_at)


def _serves_as_initial(telling: Telling) -> None:
    """A review that is held after the outcome of a further enquiry counts as the conference that this called for (our
    own reading: no document says how that limit ends)."""
    conference = telling.story.conference
    if conference is not None:
        telling.close(conference.id)
        telling.line("The review counts as the conference that the section 47 enquiry called for")
        happened(telling, INITIAL_CONFERENCE_HELD, scope=conference.id)


@means(StepDownConsidered)
def step_down_considered(telling: Telling, message: StepDownConsidered) -> None:
    plan = plan_of(telling.story)
    telling.line("Ending the plan is being considered")
    happened(telling, STEP_DOWN_CONSIDERED, scope=plan.id)
    requests.submit(telling, Subject.STEP_DOWN, message, plan.id)


@takes_effect(Subject.STEP_DOWN, STEP_DOWN_AUTHORISED)
def step_down_authorised(telling: Telling, message: Message, at: datetime) -> None:
    """The manager agrees. Where a review had decided it, the plan ends with that; else it may now be ended."""
    telling.change(plan=plan_of(telling.story).changed(step_down_authorised=True))
    if isinstance(message, ReviewConferenceHeld):
        _end(telling, at)


@means(StepDownAgreed)
def step_down_agreed(telling: Telling, message: StepDownAgreed) -> None:
    """The plan ends, with support in place (D-B-32). A procedure may gate this on the manager's decision."""
    plan_of(telling.story)
    telling.line("The child stepped down from the child protection plan")
    _end(telling, message.occurred_at)


def _end(telling: Telling, at: datetime) -> None:
    plan = plan_of(telling.story)
    telling.close(plan.id)
    telling.line("The child protection plan ended")
    happened(telling, PLAN_ENDED, at, scope=plan.id)
