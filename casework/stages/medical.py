"""Medical matters: urgent need, the six sources of consent to an assessment, treatment in an emergency.

The sources are those of B (D-B-17, SP-B-10 to SP-B-14); the law behind them is the same everywhere.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from casework.calendar import months_from
from casework.happening import happened
from casework.messages import ANYONE, Day, Message, Reason, means
from casework.telling import Telling, needed
from casework.vocabulary import Event

URGENT_MEDICAL_NEED = Event("urgent medical need found")
CONSENT_BY_AUTHORITY = Event("local authority consented to a medical assessment")
CONSENT_REFUSED = Event("consent to a medical assessment not obtained")
EMERGENCY_TREATMENT = Event("emergency treatment given without parental consent")
CONSENT_GIVEN = Event("consent to a medical assessment given")


class UrgentMedicalNeedFound(Message, sent_by=ANYONE):
    """The child appears to need urgent medical attention. This waits for no meeting."""


class MedicalConsentRecorded(Message, sent_by=ANYONE):
    """Consent to a medical assessment was given or refused: by whom, and how."""

    source: Literal[
        "young person aged 16 or 17",
        "competent child",
        "parental responsibility",
        "local authority under a care order",
        "local authority under section 20",
        "high court",
        "family court",
    ]
    given: bool
    examined_on: Day = Field(description="The day of the examination. The child's age on that day counts")
    how: Literal["written", "verbal"] = "written"
    understanding_assessed: bool = Field(False, description="Whether a doctor assessed the child's understanding")
    mental_health_doubt: bool = Field(
        False, description="Whether the young person's mental health casts doubt on the consent"
    )
    parent_permission_sought: bool | None = Field(None, description="Under 16: if a parent's permission was sought")
    reason: Reason | None = Field(
        None, description="Under section 20: that the child was abandoned, or the parents lack capacity"
    )


class EmergencyTreatmentGiven(Message, sent_by=ANYONE):
    """A doctor treated the child in an emergency without a parent's permission."""

    child_consented: bool


@means(UrgentMedicalNeedFound)
def urgent_medical_need_found(telling: Telling, message: UrgentMedicalNeedFound) -> None:
    """To the nearest emergency department, and no meeting first (U-W-04)."""
    telling.line("The child appears to be in urgent need of medical attention", ("U-W-04",))
    happened(telling, URGENT_MEDICAL_NEED)


@means(MedicalConsentRecorded)
def medical_consent_recorded(telling: Telling, message: MedicalConsentRecorded) -> None:
    """Who consented. Whether they can is checked: by the child's age on the day, and by the doctor's view."""
    child = telling.story.child
    born = needed(child.born if child else None, "The child is not born yet, so no consent can be recorded.")
    _check_source(telling, message, _age(born, message.examined_on))
    telling.line(
        f"Consent to a medical assessment was {'given' if message.given else 'refused'} ({message.source})", ("D-B-17",)
    )
    if not message.given:
        happened(telling, CONSENT_REFUSED)
        return
    happened(telling, CONSENT_GIVEN)
    if message.source == "local authority under a care order":
        happened(telling, CONSENT_BY_AUTHORITY)


def _check_source(telling: Telling, message: MedicalConsentRecorded, age: int) -> None:
    """Refuse a source that cannot consent: `age` is the child's in whole years on the day of the examination."""
    if message.source == "young person aged 16 or 17":
        telling.refuse_if(
            age < 16, f"source: the child is {age} on the day of the examination, not 16 or 17 (source: SP-B-10)."
        )
        telling.refuse_if(
            message.mental_health_doubt and message.given,
            "The young person's mental health casts doubt on the consent. "
            "Give another source of consent (source: SP-B-10).",
        )
    if message.source == "competent child":
        telling.refuse_if(
            not message.understanding_assessed,
            "understanding_assessed: a doctor must assess whether the child understands enough. "
            "Say that one did (source: SP-B-12).",
        )
    if age < 16 and message.source in ("competent child", "parental responsibility"):
        telling.refuse_if(
            message.parent_permission_sought is None,
            "parent_permission_sought: the child is under 16. "
            "Say whether a parent's permission was sought (source: SP-B-11).",
        )
    if message.source == "local authority under section 20":
        telling.refuse_if(
            not message.reason,
            "reason: under section 20, say that the child was abandoned or "
            "that the parents lack capacity (source: SP-B-13).",
        )


def _age(born: date, on: date) -> int:
    """Whole years; somebody born on 29 February comes of age on the last day of February in other years."""
    years = on.year - born.year
    return years if on >= months_from(born, 12 * years) else years - 1


@means(EmergencyTreatmentGiven)
def emergency_treatment_given(telling: Telling, message: EmergencyTreatmentGiven) -> None:
    telling.line("Emergency treatment was given without a parent's permission", ("D-B-19",))
    happened(telling, EMERGENCY_TREATMENT)
