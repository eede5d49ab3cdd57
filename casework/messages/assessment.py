"""The messages of the assessment, and of what is done instead of a conference."""

from datetime import date
from typing import Literal

from casework.messages.base import (
    Message,
    Reason,
    RoleName,
)


class AssessmentCompleted(Message):
    """The social worker completed the assessment. It has ended once it is authorised, where the procedure has that."""


class AssessmentEstimateProposed(Message):
    """How long the assessment may take is estimated; a manager agrees, where the procedure has that."""

    complete_by: date


class DisposalCompleted(Message):
    """What was chosen instead of a conference was done."""

    disposal: Literal["information and advice", "early help", "statutory service"]


class AssessmentOverrunExplained(Message):
    """Why the assessment exceeds its limit. It is not an extension: the limit stays missed."""

    reason: Reason


class ReassessmentArranged(Message):
    """The child's health and development are assessed again regularly, by somebody named."""

    next_on: date
    responsible: RoleName
