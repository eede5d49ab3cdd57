"""The messages about medical matters."""

from datetime import date
from typing import Literal

from pydantic import Field

from casework.messages.base import (
    ANYONE,
    Message,
    Reason,
)


class UrgentMedicalNeedFound(Message, sent_by=ANYONE):
    """The child appears to be in urgent need of medical attention. It waits for no meeting."""


class MedicalConsentRecorded(Message, sent_by=ANYONE):
    """Who gave or refused consent to a medical assessment, and how."""

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
    examined_on: date = Field(description="the day of the examination: the child's age then counts")
    how: Literal["written", "verbal"] = "written"
    understanding_assessed: bool = Field(False, description="a doctor assessed the child's understanding")
    mental_health_doubt: bool = Field(False, description="the young person's mental health casts doubt on it")
    parent_permission_sought: bool | None = Field(None, description="under 16: a parent's permission was sought")
    reason: Reason | None = Field(None, description="section 20: abandoned, or the parents lack capacity")


class EmergencyTreatmentGiven(Message, sent_by=ANYONE):
    """A doctor treated the child in an emergency without a parent's permission."""

    child_consented: bool
