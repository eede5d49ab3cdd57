"""The messages of the child protection plan."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from casework.messages.base import (
    Message,
    Reason,
    RoleName,
)


class CoreGroupHeld(Message):
    """The core group met."""

    attended_by: tuple[RoleName, ...] = Field((), max_length=40)


class CoreGroupRecordDistributed(Message):
    """The record of a core group was distributed to its members."""


class CoreGroupMinutesSent(Message):
    """The minutes of the last core groups went out before a review."""

    to: Literal["family", "conference service"]
    minutes: Annotated[int, Field(ge=0, le=2)] = Field(2, description="of how many core groups")
    reason: Reason | None = Field(None, description="why of fewer than two")

    @model_validator(mode="after")
    def _two_or_reason(self) -> "CoreGroupMinutesSent":
        if self.minutes < 2 and not self.reason:
            raise ValueError("reason: the minutes of two core groups are sent; say why of fewer")
        return self


class ReviewReportCompleted(Message):
    """The report for the review conference was completed."""


class ReviewConferenceHeld(Message):
    """A review conference was held, and whether the plan goes on."""

    decision: Literal["continue", "change", "end"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    wishes_sought: bool | None = Field(None, description="the child's wishes and feelings were sought")
    support: Reason | None = Field(None, description="where the plan ends: the support that is in place afterwards")


class StepDownConsidered(Message):
    """Stepping down from the plan is considered: the discussion with the manager is asked for."""

    reason: Reason | None = None


class StepDownAgreed(Message):
    """The plan ends: the child steps down from child protection."""

    support: Reason = Field(description="the support that is in place afterwards")
