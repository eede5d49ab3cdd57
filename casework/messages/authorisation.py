"""The messages about a request."""

from typing import Literal

from pydantic import Field, model_validator

from casework.messages.base import (
    CASEWORKERS,
    Id,
    Message,
    Reason,
)


class Authorisation(Message):
    """A decision on a request: authorise it, or return it with a reason. Nobody authorises their own."""

    request: Id
    decision: Literal["authorise", "return"]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _returned_with_reason(self) -> "Authorisation":
        if self.decision == "return" and not self.reason:
            raise ValueError("reason: say why it is returned, so that it can be put right")
        return self


class RequestReassigned(Message):
    """A request was given to another person who may decide it."""

    request: Id
    to: Id = Field(description="an opaque id of the person")


class RequestFinished(Message, sent_by=CASEWORKERS):
    """The step was finished, after its request was authorised; only then does it take effect."""

    request: Id
