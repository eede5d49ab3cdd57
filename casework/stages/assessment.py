"""The assessment: one per case at a time, whatever the authority calls it (C-15)."""

from datetime import datetime
from typing import Literal

from casework import requests
from casework.calendar import last_second_of, spoken_date
from casework.happening import happened
from casework.messages import Day, Message, Reason, RoleName, means
from casework.requests import takes_effect
from casework.story import DeadlineState
from casework.telling import Telling, needed
from casework.vocabulary import Event, Stage, Subject

ASSESSMENT_ESTIMATE_AGREED = Event("assessment estimate agreed", Stage.ASSESSMENT)
ASSESSMENT_COMPLETED = Event("assessment completed", Stage.ASSESSMENT, completes="assessment")
ASSESSMENT_ENDED = Event("assessment ended", Stage.ASSESSMENT, completes="assessment")
ASSESSMENT_LIMIT_PASSED = Event("assessment limit passed", Stage.ASSESSMENT)
ASSESSMENT_OVERRUN_EXPLAINED = Event("assessment overrun explained", Stage.ASSESSMENT)
REASSESSMENT_ARRANGED = Event("re-assessment arranged", Stage.CLOSING)


class AssessmentCompleted(Message, stage=Stage.ASSESSMENT):
    """The social worker completed the assessment. If it needs authorisation, it ends when it is authorised."""


class AssessmentEstimateProposed(Message, stage=Stage.ASSESSMENT):
    """An estimate of when the assessment will be complete. A manager agrees it, if the procedure says so."""

    complete_by: Day


class DisposalCompleted(Message, stage=Stage.CLOSING):
    """What was chosen instead of a conference was done."""

    disposal: Literal["information and advice", "early help", "statutory service"]


class AssessmentOverrunExplained(Message, stage=Stage.ASSESSMENT):
    """The reason why the assessment takes longer than its limit. The limit stays missed."""

    reason: Reason


class ReassessmentArranged(Message, stage=Stage.CLOSING):
    """The child's health and development will be assessed again on a set day, by somebody named."""

    next_on: Day
    responsible: RoleName


@means(AssessmentCompleted)
def assessment_completed(telling: Telling, message: AssessmentCompleted) -> None:
    name = telling.story.procedure.assessment.name
    assessment = needed(telling.story.assessment, f"No {name} is open, so none can be completed.")
    telling.change(assessment=assessment.changed(completed_at=message.occurred_at))
    telling.line(f"The {name} was completed")
    happened(telling, ASSESSMENT_COMPLETED)
    requests.submit(telling, Subject.ASSESSMENT, message, "assessment")


@takes_effect(Subject.ASSESSMENT)
def assessment_ended(telling: Telling, message: AssessmentCompleted, at: datetime) -> None:
    """It has ended: when it was authorised, or completed where nobody authorises it (Q-24)."""
    telling.close("assessment")
    happened(telling, ASSESSMENT_ENDED, at)


@means(AssessmentOverrunExplained)
def assessment_overrun_explained(telling: Telling, message: AssessmentOverrunExplained) -> None:
    missed = [
        d for d in telling.story.deadlines.values() if d.timescale == "assessment" and d.state is DeadlineState.OVERDUE
    ]
    telling.insist(not missed, "No time limit for the assessment was missed, so there is nothing to explain.")
    telling.line(f"The reason why the {telling.story.procedure.assessment.name} takes longer was recorded", ("B-03",))
    happened(telling, ASSESSMENT_OVERRUN_EXPLAINED)


DISPOSALS = {
    "information and advice": Event("information and advice given", Stage.CLOSING),
    "early help": Event("family transferred to early help", Stage.CLOSING),
    "statutory service": Event("family transferred to a statutory service", Stage.CLOSING),
}


@means(DisposalCompleted)
def disposal_completed(telling: Telling, message: DisposalCompleted) -> None:
    telling.line(f"Done instead of a conference: {message.disposal}")
    happened(telling, DISPOSALS[message.disposal])


@means(AssessmentEstimateProposed)
def assessment_estimate_proposed(telling: Telling, message: AssessmentEstimateProposed) -> None:
    """The estimated end of the assessment; it counts once it is agreed (U-W-02, U-B-12)."""
    name = telling.story.procedure.assessment.name
    needed(telling.story.assessment, f"No {name} is open, so none can be estimated.")
    telling.line(f"The {name} is estimated to be complete by {spoken_date(message.complete_by)}")
    requests.submit(telling, Subject.ASSESSMENT_ESTIMATE, message, "assessment estimate")


@takes_effect(Subject.ASSESSMENT_ESTIMATE)
def assessment_estimate_agreed(telling: Telling, message: AssessmentEstimateProposed, at: datetime) -> None:
    """The case has a limit of its own for the assessment."""
    happened(telling, ASSESSMENT_ESTIMATE_AGREED, at, counts_from=last_second_of(message.complete_by))


@means(ReassessmentArranged)
def reassessment_arranged(telling: Telling, message: ReassessmentArranged) -> None:
    telling.line(f"Re-assessment on {spoken_date(message.next_on)}. Responsible: {message.responsible}", ("U-B-23",))
    happened(telling, REASSESSMENT_ARRANGED, counts_from=last_second_of(message.next_on))
