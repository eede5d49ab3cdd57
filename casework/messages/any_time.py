"""The messages that can come at any time."""

from datetime import date
from typing import Literal

from pydantic import Field, model_validator

from casework.messages.base import ANYONE, MANAGERS, PRACTITIONERS, Id, Message, Reason
from casework.procedure import Procedure
from casework.vocabulary import Circumstance, Ground


class ImmediateProtectionTaken(Message, sent_by=ANYONE):
    """Somebody acted at once to make the child safe. It waits for nobody's authorisation."""

    power: Literal["none", "emergency protection order", "police powers of protection"] = "none"
    others_considered: bool | None = Field(None, description="whether other children need protection was considered")
    reason: Reason | None = Field(None, description="why police powers rather than an order")

    @model_validator(mode="after")
    def _justified(self) -> "ImmediateProtectionTaken":
        if self.power == "police powers of protection" and not self.reason:
            raise ValueError("reason: say why police powers were used rather than an order of the court")
        return self


class ProtectionPowerEnded(Message, sent_by=ANYONE):
    """The order, or the police powers, that protected the child are no longer in force."""


class InformationWithheld(Message, sent_by=PRACTITIONERS):
    """Something is kept from the family, on a ground; what must be shared with them is suspended meanwhile."""

    ground: Ground


class InformationReleased(Message, sent_by=PRACTITIONERS):
    """The ground for keeping something from the family is gone."""


class CircumstanceRecorded(Message, sent_by=ANYONE):
    """Something about the child or the family began, or is no longer so."""

    what: Circumstance
    holds: bool = Field(True, description="false: it is no longer so")


class ComplaintMade(Message, sent_by=ANYONE):
    """A parent objected or complained during the enquiry. Complaint and response are both recorded."""


class DutyDateSet(Message):
    """A day was set on this case for a duty that the procedure gives no amount for, or another day."""

    duty: Id
    due: date


class BankHolidayProclaimed(Message, sent_by=ANYONE):
    """A new bank holiday was proclaimed: what is running is counted again."""

    day: date


class ProcedureAdopted(Message, sent_by=MANAGERS):
    """The case moves to another version of its procedure, or to another procedure, from now on."""

    procedure: Procedure


class ReasonRecorded(Message):
    """Why something that should have been done was not, or was done late."""

    deadline: Id
    reason: Reason
