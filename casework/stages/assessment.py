"""The assessment: one per case at a time, whatever the authority calls it (C-15)."""

from datetime import datetime

from casework import deadlines, requests
from casework.calendar import end_of_day, spoken_date
from casework.case import DeadlineState
from casework.facts import happened
from casework.messages import (
    AssessmentCompleted,
    AssessmentEstimateProposed,
    AssessmentOverrunExplained,
    DisposalCompleted,
    ReassessmentArranged,
)
from casework.requests import takes_effect
from casework.turn import Turn
from casework.vocabulary import Event, Subject


def assessment_completed(turn: Turn, message: AssessmentCompleted) -> None:
    """The social worker is done with it."""
    assessment = turn.case.assessment
    turn.refuse_if(assessment is None, f"No {turn.case.procedure.assessment.name} is open.")
    assert assessment is not None
    turn.refuse_if(message.occurred_at < assessment.started_at, "It cannot be completed before it started.")
    turn.change(assessment=assessment.model_copy(update={"completed_at": message.occurred_at}))
    turn.entry(f"The {turn.case.procedure.assessment.name} was completed")
    happened(turn, Event.ASSESSMENT_COMPLETED)
    requests.put_to(turn, Subject.ASSESSMENT, message, "assessment")


@takes_effect(Subject.ASSESSMENT)
def assessment_ended(turn: Turn, message: AssessmentCompleted, at: datetime) -> None:
    """It has ended: when it was authorised, or completed where nobody authorises it (Q-24)."""
    turn.change(assessment=None)
    happened(turn, Event.ASSESSMENT_ENDED, at)


def assessment_overrun_explained(turn: Turn, message: AssessmentOverrunExplained) -> None:
    """Why it takes longer than its limit (B-03). The limit stays missed."""
    missed = [
        d for d in turn.case.deadlines.values() if d.timescale == "assessment" and d.state is DeadlineState.OVERDUE
    ]
    turn.refuse_if(not missed, "No limit of the assessment was missed.")
    turn.entry(f"Reasons recorded why the {turn.case.procedure.assessment.name} takes longer", ("B-03",))
    happened(turn, Event.ASSESSMENT_OVERRUN_EXPLAINED)


DISPOSALS = {
    "information and advice": Event.ADVICE_GIVEN,
    "early help": Event.EARLY_HELP_TRANSFERRED,
    "statutory service": Event.STATUTORY_SERVICE_TRANSFERRED,
}


def disposal_completed(turn: Turn, message: DisposalCompleted) -> None:
    """What was chosen instead of a conference was done."""
    chosen = DISPOSALS[message.disposal]
    turn.entry(f"Done instead of a conference: {message.disposal}")
    happened(turn, chosen)


def assessment_estimate_proposed(turn: Turn, message: AssessmentEstimateProposed) -> None:
    """The estimated end of the assessment; it counts once it is agreed (U-W-02, U-B-12)."""
    name = turn.case.procedure.assessment.name
    turn.refuse_if(turn.case.assessment is None, f"No {name} is open.")
    turn.entry(f"The {name} is estimated to take until {spoken_date(message.complete_by)}")
    requests.put_to(turn, Subject.ASSESSMENT_ESTIMATE, message, "assessment estimate")


@takes_effect(Subject.ASSESSMENT_ESTIMATE)
def assessment_estimate_agreed(turn: Turn, message: AssessmentEstimateProposed, at: datetime) -> None:
    """The case has a limit of its own for the assessment."""
    due = end_of_day(message.complete_by) - deadlines.GRACE
    happened(turn, Event.ASSESSMENT_ESTIMATE_AGREED, at, counts_from=due)


def reassessment_arranged(turn: Turn, message: ReassessmentArranged) -> None:
    """The child's health and development are assessed again on a day that is set (U-B-23)."""
    turn.entry(f"Re-assessment on {spoken_date(message.next_on)}, responsible: {message.responsible}", ("U-B-23",))
    due = end_of_day(message.next_on) - deadlines.GRACE
    happened(turn, Event.REASSESSMENT_ARRANGED, counts_from=due)
