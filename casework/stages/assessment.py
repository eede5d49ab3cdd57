"""The assessment: one per case at a time, whatever the authority calls it (C-15)."""

from datetime import datetime

from casework import requests
from casework.case import DeadlineState
from casework.facts import happened
from casework.messages import AssessmentCompleted, AssessmentOverrunExplained
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
