"""The child protection plan: core groups, reviews, and stepping down from it. Visits are in `enquiry`."""

from datetime import datetime

from casework import requests
from casework.case import Case, Conference, Plan
from casework.facts import happened
from casework.meetings import check_membership
from casework.messages import (
    CoreGroupHeld,
    CoreGroupMinutesSent,
    CoreGroupRecordDistributed,
    Message,
    ReviewConferenceHeld,
    ReviewReportCompleted,
    StepDownAgreed,
    StepDownConsidered,
)
from casework.requests import takes_effect
from casework.stages.conference import minutes_asked
from casework.turn import Refusal, Turn
from casework.vocabulary import Event, Subject

CORE_GROUPS_KEPT = 3


def _plan(case: Case) -> Plan:
    if case.plan is None:
        raise Refusal("The child is not on a child protection plan.")
    return case.plan


def core_group_held(turn: Turn, message: CoreGroupHeld) -> None:
    """The core group met."""
    plan = _plan(turn.case)
    turn.refuse_if(message.occurred_at < plan.started_at, "A core group cannot have met before the plan was made.")
    check_membership(turn, "core group", message.attended_by, message)
    held = tuple(sorted((*plan.core_groups_held, message.occurred_at)))[-CORE_GROUPS_KEPT:]
    turn.change(plan=plan.model_copy(update={"core_groups_held": held}))
    turn.entry("Core group held")
    if not plan.core_groups_held:
        happened(turn, Event.FIRST_CORE_GROUP_HELD, scope=plan.id)
    happened(turn, Event.CORE_GROUP_HELD, scope=plan.id)


def core_group_record_distributed(turn: Turn, message: CoreGroupRecordDistributed) -> None:
    """The record of a core group went to its members."""
    plan = _plan(turn.case)
    turn.refuse_if(not plan.core_groups_held, "No core group was held yet.")
    turn.entry("The record of the core group was distributed")
    happened(turn, Event.CORE_GROUP_RECORD_DISTRIBUTED, scope=plan.id)


def core_group_minutes_sent(turn: Turn, message: CoreGroupMinutesSent) -> None:
    """The minutes of the last two core groups went out; of fewer, with the reason (Q-29)."""
    plan = _plan(turn.case)
    turn.refuse_if(
        message.minutes > len(plan.core_groups_held),
        f"minutes: only {len(plan.core_groups_held)} core groups were held; send those there are and say why.",
    )
    turn.refuse_if(
        message.to == "family" and turn.case.withholding,
        "Information is withheld from the family; it must be released before minutes are shared.",
    )
    turn.entry(f"The minutes of {message.minutes} core groups reached the {message.to}")
    event = Event.MINUTES_SHARED if message.to == "family" else Event.MINUTES_SENT
    happened(turn, event, scope=plan.id)


def review_report_completed(turn: Turn, message: ReviewReportCompleted) -> None:
    """The report for the review is ready."""
    plan = _plan(turn.case)
    turn.entry("The report for the review conference was completed")
    happened(turn, Event.REVIEW_REPORT_COMPLETED, scope=plan.id)
    requests.put_to(turn, Subject.REVIEW_REPORT, message, plan.review.id)


@takes_effect(Subject.REVIEW_REPORT)
def review_report_authorised(turn: Turn, message: ReviewReportCompleted, at: datetime) -> None:
    """The report may be used."""
    turn.change(plan=_plan(turn.case).model_copy(update={"review_report_authorised": True}))


def review_conference_held(turn: Turn, message: ReviewConferenceHeld) -> None:
    """The review decided whether the plan goes on; the next review counts from this one (Q-08)."""
    plan = _plan(turn.case)
    turn.refuse_if(message.occurred_at < plan.started_at, "A review cannot have been held before the plan was made.")
    check_membership(turn, "review conference", message.attended_by, message)
    turn.change(
        plan=plan.model_copy(
            update={
                "review": Conference(id=f"review-{turn.number('review')}"),
                "review_report_authorised": False,
            }
        )
    )
    turn.entry(f"Review conference held: {message.decision} the plan")
    happened(turn, Event.REVIEW_CONFERENCE_HELD, scope=plan.id)
    minutes_asked(turn, message, plan.review.id)
    if message.decision == "change":
        happened(turn, Event.PLAN_CHANGED, scope=plan.id)
    if message.decision == "end" and not plan.step_down_authorised:
        requests.put_to(turn, Subject.STEP_DOWN, message, plan.id)
    elif message.decision == "end":
        _end(turn, message.occurred_at)


def step_down_considered(turn: Turn, message: StepDownConsidered) -> None:
    """Ask for the manager's agreement to step down."""
    plan = _plan(turn.case)
    turn.entry("Stepping down from the plan is considered")
    happened(turn, Event.STEP_DOWN_CONSIDERED, scope=plan.id)
    requests.put_to(turn, Subject.STEP_DOWN, message, plan.id)


@takes_effect(Subject.STEP_DOWN)
def step_down_authorised(turn: Turn, message: Message, at: datetime) -> None:
    """The manager agrees. Where a review had decided it, the plan ends with that; else it may now be ended."""
    turn.change(plan=_plan(turn.case).model_copy(update={"step_down_authorised": True}))
    if isinstance(message, ReviewConferenceHeld):
        _end(turn, at)


def step_down_agreed(turn: Turn, message: StepDownAgreed) -> None:
    """The plan ends, with support in place (D-B-32). A procedure may gate this on the manager's decision."""
    _plan(turn.case)
    turn.entry("Stepped down from the child protection plan")
    _end(turn, message.occurred_at)


def _end(turn: Turn, at: datetime) -> None:
    plan = _plan(turn.case)
    turn.change(plan=None)
    turn.entry("The child protection plan ended")
    happened(turn, Event.PLAN_ENDED, at, scope=plan.id)
