"""The messages of a conference."""

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field, model_validator

from casework.messages.base import (
    ANYONE,
    PRACTITIONERS,
    Id,
    Message,
    Reason,
    RoleName,
)

Which = Literal["initial", "review"]


class ConferenceServiceInformed(Message):
    """The conference service was told the outcome, with the invitation and the social worker's availability."""


class ConferenceRequested(Message):
    """The initial conference was requested."""


class ChairAllocated(Message):
    """A chair was allocated to the initial conference."""

    chair: Id = Field(description="an opaque id of the chair")


class ConferenceScheduled(Message):
    """A conference was arranged, or moved: the same message again with the new time."""

    starts_at: AwareDatetime
    which: Which = "initial"


class InvitationsRequested(Message):
    """All attendees are entered, and the invitations are asked for."""

    attendees: tuple[RoleName, ...] = Field(min_length=1, max_length=40, description="the roles that are invited")


class ReportSharingDecided(Message):
    """Whether the conference report is shared with the parents, decided with the police and the chair."""

    share: bool
    with_police: bool = Field(False, description="the police were consulted")
    with_chair: bool = Field(False, description="the chair was consulted")
    share_by: date | None = Field(None, description="where it is shared: by when")
    reason: Reason | None = Field(None, description="where it is not shared: why")

    @model_validator(mode="after")
    def _consulted(self) -> "ReportSharingDecided":
        if not (self.with_police and self.with_chair):
            raise ValueError("with_police, with_chair: this is decided with the police and the chair; say both were")
        if not self.share and not self.reason:
            raise ValueError("reason: say why the report is not shared")
        return self


class ConferenceDisputed(Message, sent_by=ANYONE):
    """Another agency is seriously concerned that no conference is held, and asks for one."""

    answer_by: date = Field(description="when it is to be answered: as soon as the child's safety needs")


class ConferenceDisputeResolved(Message, sent_by=PRACTITIONERS):
    """The dispute was answered: the decision stays, or a conference is called."""

    outcome: Literal["maintained", "conference called"]
    reason: Reason


class ReportShared(Message):
    """The report for a conference was shared with the family, or sent to the conference service."""

    to: Literal["family", "conference service"]
    which: Which = "initial"


class ConferenceRequestsSent(Message):
    """The remaining requests for a conference were sent."""

    which: Which = "initial"


class InitialConferenceHeld(Message):
    """The initial child protection conference was held, and what it decided for this child."""

    plan: bool = Field(description="the child is the subject of a child protection plan")
    categories: tuple[Literal["neglect", "physical", "sexual", "emotional"], ...] = Field(
        (), max_length=4, description="the categories of abuse of the plan"
    )
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    first_core_group_at: AwareDatetime | None = Field(None, description="as set at the conference")
    first_review_at: AwareDatetime | None = Field(None, description="as set at the conference")
    services_considered: bool | None = Field(None, description="where no plan is made: were services considered")

    @model_validator(mode="after")
    def _categorised(self) -> "InitialConferenceHeld":
        if self.plan and not self.categories:
            raise ValueError("categories: a plan has at least one of neglect, physical, sexual, emotional")
        return self
