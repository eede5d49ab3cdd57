"""How each condition a rule may name is judged on a case."""

from collections.abc import Callable, Iterable

from casework.case import Case
from casework.vocabulary import Condition

JUDGED: dict[Condition, Callable[[Case], object]] = {
    Condition.BORN: lambda case: case.child and case.child.born,
    Condition.UNBORN: lambda case: case.child and not case.child.born,
    Condition.LOOKED_AFTER: lambda case: case.child and case.child.looked_after,
    Condition.IN_HOSPITAL: lambda case: case.child and case.child.in_hospital,
    Condition.CONFERENCE_SERVICE_INFORMED: lambda case: case.conference and case.conference.service_informed,
    Condition.CHAIR_ALLOCATED: lambda case: case.conference and case.conference.chair,
    Condition.CONFERENCE_SCHEDULED: lambda case: case.conference and case.conference.starts_at,
    Condition.ASSESSMENT_OPEN: lambda case: case.assessment,
    Condition.ASSESSMENT_COMPLETED: lambda case: case.assessment is None or case.assessment.completed_at,
    Condition.ASSESSMENT_AUTHORISED: lambda case: case.assessment is None or case.assessment.authorised_at,
    Condition.REVIEW_REPORT_AUTHORISED: lambda case: case.plan and case.plan.review_report_authorised,
    Condition.STEP_DOWN_AUTHORISED: lambda case: case.plan and case.plan.step_down_authorised,
    Condition.CRIMINAL_INVESTIGATION: lambda case: case.criminal_investigation,
    Condition.INFORMATION_NOT_WITHHELD: lambda case: case.withholding is None,
    Condition.ON_A_PLAN: lambda case: case.plan,
    Condition.COMPLEX: lambda case: any(strategy.complex for strategy in case.strategies),
}


def holds(condition: Condition, case: Case) -> bool:
    """Whether the condition is true of the case as it stands."""
    return bool(JUDGED[condition](case))


def all_hold(conditions: Iterable[Condition], case: Case) -> bool:
    """Whether every one of them is."""
    return all(holds(condition, case) for condition in conditions)
