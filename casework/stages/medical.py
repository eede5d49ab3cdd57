"""Medical matters: urgent need, the six sources of consent to an assessment, treatment in an emergency.

The sources are those of B (D-B-17, SP-B-10 to SP-B-14); the law behind them is the same everywhere.
"""

from datetime import date

from casework.calendar import months_from
from casework.facts import happened
from casework.messages import EmergencyTreatmentGiven, MedicalConsentRecorded, UrgentMedicalNeedFound
from casework.turn import Turn
from casework.vocabulary import Event


def urgent_medical_need_found(turn: Turn, message: UrgentMedicalNeedFound) -> None:
    """To the nearest emergency department, and no meeting first (U-W-04)."""
    turn.entry("The child appears to be in urgent need of medical attention", ("U-W-04",))
    happened(turn, Event.URGENT_MEDICAL_NEED)


def medical_consent_recorded(turn: Turn, message: MedicalConsentRecorded) -> None:
    """Who consented. Whether they can is checked: by the child's age on the day, and by the doctor's view."""
    child = turn.case.child
    assert child is not None
    turn.refuse_if(child.born is None, "The child is not born yet.")
    assert child.born is not None
    age = _age(child.born, message.examined_on)
    if message.source == "young person aged 16 or 17":
        turn.refuse_if(age < 16, f"The child is {age} on the day of the examination, not 16 or 17 (SP-B-10).")
        turn.refuse_if(
            message.mental_health_doubt and message.given,
            "Their mental health casts doubt on the consent; another source is needed (SP-B-10).",
        )
    if message.source == "competent child":
        turn.refuse_if(
            not message.understanding_assessed,
            "A doctor assesses whether the child has sufficient understanding; say that one did (SP-B-12).",
        )
    if age < 16 and message.source in ("competent child", "parental responsibility"):
        turn.refuse_if(
            message.parent_permission_sought is None,
            "parent_permission_sought: under 16, say whether a parent's permission was sought (SP-B-11).",
        )
    if message.source == "local authority under section 20":
        turn.refuse_if(
            not message.reason,
            "reason: under section 20, say that the child was abandoned or the parents lack capacity (SP-B-13).",
        )
    turn.entry(
        f"Consent to a medical assessment {'given' if message.given else 'refused'} ({message.source})", ("D-B-17",)
    )
    if not message.given:
        happened(turn, Event.CONSENT_REFUSED)
        return
    happened(turn, Event.CONSENT_GIVEN)
    if message.source == "local authority under a care order":
        happened(turn, Event.CONSENT_BY_AUTHORITY)


def _age(born: date, on: date) -> int:
    """Whole years; somebody born on 29 February comes of age on the last day of February in other years."""
    years = on.year - born.year
    return years if on >= months_from(born, 12 * years) else years - 1


def emergency_treatment_given(turn: Turn, message: EmergencyTreatmentGiven) -> None:
    """Treated without a parent's permission: the parents are told by the doctor, and a full record is made."""
    turn.entry("Emergency treatment was given without a parent's permission", ("D-B-19",))
    happened(turn, Event.EMERGENCY_TREATMENT)
