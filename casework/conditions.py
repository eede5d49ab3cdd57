"""How each condition a rule may name is judged on a case."""

from collections.abc import Callable, Iterable

from casework.story import Story
from casework.vocabulary import NEW_INFORMATION_RECEIVED, Circumstance, Condition, Subject

JUDGED: dict[Condition, Callable[[Story], object]] = {
    Condition.BORN: lambda story: story.child and story.child.born and not story.died,
    Condition.UNBORN: lambda story: story.child and not story.child.born,
    Condition.CONFERENCE_SERVICE_INFORMED: lambda story: story.conference and story.conference.service_informed,
    Condition.CHAIR_ALLOCATED: lambda story: story.conference and story.conference.chair,
    Condition.CONFERENCE_SCHEDULED: lambda story: story.conference and story.conference.starts_at,
    Condition.ASSESSMENT_OPEN: lambda story: story.assessment,
    Condition.ASSESSMENT_COMPLETED: lambda story: story.assessment is None or story.assessment.completed_at,
    Condition.ASSESSMENT_AUTHORISED: lambda story: story.assessment is None,
    Condition.REVIEW_REPORT_AUTHORISED: lambda story: story.plan and story.plan.review_report_authorised,
    Condition.STEP_DOWN_AUTHORISED: lambda story: story.plan and story.plan.step_down_authorised,
    Condition.INFORMATION_NOT_WITHHELD: lambda story: story.withholding is None,
    Condition.ON_A_PLAN: lambda story: story.plan,
    Condition.COMPLEX: lambda story: any(strategy.complex for strategy in story.strategies),
    Condition.IMMEDIATE_RESPONSE: lambda story: any(strategy.immediate for strategy in story.strategies),
    Condition.NO_IMMEDIATE_RESPONSE: lambda story: not any(strategy.immediate for strategy in story.strategies),
    Condition.NEW_INFORMATION: lambda story: NEW_INFORMATION_RECEIVED in story.clock,
    Condition.NEW_REFERRAL: lambda story: NEW_INFORMATION_RECEIVED not in story.clock,
    Condition.JOINT_WITH_POLICE: lambda story: story.enquiry and story.enquiry.joint_with_police,
    Condition.POWERS_IN_FORCE: lambda story: story.power_in_force,
    Condition.HOUSEHOLD_SPOKEN_TO: lambda story: all(
        child.spoken_to for child in story.household if child.same_household
    ),
    Condition.HOUSEHOLD_CONSIDERED: lambda story: all(child.considered for child in story.household),
    Condition.REPORT_MAY_BE_SHARED: lambda story: story.conference and story.conference.report_may_be_shared,
    Condition.ATTENDEES_KNOWN: lambda story: story.conference and story.conference.attendees,
    Condition.ENQUIRY_OPEN: lambda story: story.enquiry,
    Condition.MISSING: lambda story: story.missing,
    Condition.LINKED: lambda story: story.linked,
    Condition.LAY_REFERRER: lambda story: story.referred_by == "individual",
    Condition.PROFESSIONAL_REFERRER: lambda story: story.referred_by not in (None, "individual", "anonymous"),
    Condition.STRATEGY_RECORD_AUTHORISED: lambda story: not _waits(story, Subject.STRATEGY_RECORD),
    Condition.SECTION_47_OUTCOME_AUTHORISED: lambda story: not _waits(story, Subject.SECTION_47_OUTCOME),
}


def _waits(story: Story, subject: Subject) -> bool:
    """Whether a request about the subject still waits."""
    return any(request.subject is subject for request in story.waiting_requests)


def holds(condition: Condition | Circumstance, story: Story) -> bool:
    """Whether the condition is true of the case as it stands."""
    if isinstance(condition, Circumstance):
        return condition in story.circumstances
    return bool(JUDGED[condition](story))


def all_hold(conditions: Iterable[Condition | Circumstance], story: Story) -> bool:
    """Whether every one of them is."""
    return all(holds(condition, story) for condition in conditions)
