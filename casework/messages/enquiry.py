"""The messages of a section 47 enquiry, and of visits."""

from typing import Literal

from pydantic import Field, model_validator

from casework.messages.base import (
    PRACTITIONERS,
    Message,
    Reason,
)


class ChildVisited(Message):
    """A practitioner visited. A visit at which the child was not seen, or not alone, is recorded as just that."""

    seen: bool = True
    alone: bool = Field(False, description="the child was seen alone")
    unannounced: bool = Field(False, description="the visit was not announced")
    reason: Reason | None = Field(None, description="why the child was not seen, or not alone")

    @model_validator(mode="after")
    def _seen_if_alone(self) -> "ChildVisited":
        if self.alone and not self.seen:
            raise ValueError("alone: the child cannot have been seen alone and not seen; give seen or leave alone out")
        return self


class VisitRecorded(Message):
    """The visit was written up on the system of record."""


class WhereaboutsUnknown(Message):
    """The child's whereabouts are unknown and the social worker cannot ascertain them."""


class FurtherActionAgreed(Message, sent_by=PRACTITIONERS):
    """What more will be done to find and see the child was agreed."""


class ChildLocated(Message):
    """The child was found."""


class Section47Outcome(Message):
    """What the enquiry concluded. It takes effect when it is authorised, where the procedure has that."""

    outcome: Literal["substantiated", "not substantiated"]
    conference: bool = Field(True, description="where substantiated: an initial conference is called")
    child_in_need_considered: bool | None = Field(None, description="where not substantiated: was it considered")
    reason: Reason | None = Field(None, description="where substantiated and no conference: why")
    disposals: tuple[Literal["information and advice", "early help", "statutory service"], ...] = Field(
        (), max_length=3, description="where not substantiated: what is done instead"
    )
    invite_referrer: bool | None = Field(None, description="where substantiated: the referrer is invited")

    @model_validator(mode="after")
    def _reasoned(self) -> "Section47Outcome":
        if self.outcome == "substantiated" and not self.conference and not self.reason:
            raise ValueError("reason: say why no conference is called although the concerns are substantiated")
        return self
