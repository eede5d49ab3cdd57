"""How each condition a rule may name is judged on a case."""

from collections.abc import Callable, Iterable

from casework.case import Case
from casework.vocabulary import Circumstance, Condition, Event, Subject

JUDGED: dict[Condition, Callable[[Case], object]] = {
    Condition.BORN: lambda case: case.child and case.child.born and Event.CHILD_DIED not in case.clock,
    Condition.UNBORN: lambda case: case.child and not case.child.born,
    Condition.CONFERENCE_SERVICE_INFORMED: lambda case: case.conference and case.conference.service_informed,
    Condition.CHAIR_ALLOCATED: lambda case: case.conference and case.conference.chair,
    Condition.CONFERENCE_SCHEDULED: lambda case: case.conference and case.conference.starts_at,
    Condition.ASSESSMENT_OPEN: lambda case: case.assessment,
    Condition.ASSESSMENT_COMPLETED: lambda case: case.assessment is None or case.assessment.completed_at,
    Condition.ASSESSMENT_AUTHORISED: lambda case: case.assessment is None or case.assessment.authorised_at,
    Condition.REVIEW_REPORT_AUTHORISED: lambda case: case.plan and case.plan.review_report_authorised,
    Condition.STEP_DOWN_AUTHORISED: lambda case: case.plan and case.plan.step_down_authorised,
    Condition.INFORMATION_NOT_WITHHELD: lambda case: case.withholding is None,
    Condition.ON_A_PLAN: lambda case: case.plan,
    Condition.COMPLEX: lambda case: any(strategy.complex for strategy in case.strategies),
    Condition.IMMEDIATE_RESPONSE: lambda case: any(strategy.immediate for strategy in case.strategies),
    Condition.NO_IMMEDIATE_RESPONSE: lambda case: not any(strategy.immediate for strategy in case.strategies),
    Condition.NEW_INFORMATION: lambda case: Event.NEW_INFORMATION_RECEIVED in case.clock,
    Condition.NEW_REFERRAL: lambda case: Event.NEW_INFORMATION_RECEIVED not in case.clock,
    Condition.JOINT_WITH_POLICE: lambda case: case.enquiry and case.enquiry.joint_with_police,
    Condition.POWERS_IN_FORCE: lambda case: case.power_in_force,
    Condition.HOUSEHOLD_SPOKEN_TO: lambda case: all(
        child.spoken_to for child in case.household if child.same_household
    ),
    Condition.HOUSEHOLD_CONSIDERED: lambda case: all(child.considered for child in case.household),
    Condition.REPORT_MAY_BE_SHARED: lambda case: case.conference and case.conference.report_may_be_shared,
    Condition.ATTENDEES_KNOWN: lambda case: case.conference and case.conference.attendees,
    Condition.ENQUIRY_OPEN: lambda case: case.enquiry,
    Condition.MISSING: lambda case: case.missing,
    Condition.LINKED: lambda case: case.linked,
    Condition.LAY_REFERRER: lambda case: case.referred_by == "individual",
    Condition.PROFESSIONAL_REFERRER: lambda case: case.referred_by not in (None, "individual", "anonymous"),
    Condition.STRATEGY_RECORD_AUTHORISED: lambda case: not _asked(case, Subject.STRATEGY_RECORD),
    Condition.SECTION_47_OUTCOME_AUTHORISED: lambda case: not _asked(case, Subject.SECTION_47_OUTCOME),
}


def _asked(case: Case, subject: Subject) -> bool:
    """Whether a request about the subject still waits."""
    return any(request.subject is subject for request in case.waiting_requests)


def holds(condition: Condition | Circumstance, case: Case) -> bool:
    """Whether the condition is true of the case as it stands."""
    if isinstance(condition, Circumstance):
        return condition in case.circumstances
    return bool(JUDGED[condition](case))


def all_hold(conditions: Iterable[Condition | Circumstance], case: Case) -> bool:
    """Whether every one of them is."""
    return all(holds(condition, case) for condition in conditions)
