"""The messages of the referral, and of the closing."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from casework.messages.base import ANYONE, MANAGERS, Id, Message, Reason
from casework.vocabulary import Circumstance


class ReferralReceived(Message, sent_by=ANYONE):
    """A referral: it opens the case. On a running case it is new information, not a second case."""

    person: Id = Field(description="the child's id in the authority's system of record, never a name")
    date_of_birth: date | None = Field(None, description="of a child who is born")
    expected_date_of_birth: date | None = Field(None, description="of a child who is not born yet")
    source: Literal[
        "individual",
        "education",
        "health",
        "housing",
        "local authority",
        "police",
        "court",
        "agency",
        "anonymous",
    ] = Field(description="who referred")
    concern: tuple[str, ...] = Field((), max_length=12, description="the kinds of harm feared")
    circumstances: tuple[Circumstance, ...] = Field((), max_length=16, description="what is so about child and family")
    team: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = Field(
        None, description="the team that takes it"
    )

    @model_validator(mode="after")
    def _born_or_expected(self) -> "ReferralReceived":
        if (self.date_of_birth is None) == (self.expected_date_of_birth is None):
            raise ValueError("give date_of_birth, or expected_date_of_birth for a child not born yet; one of the two")
        received = self.occurred_at.date()
        if self.date_of_birth and self.date_of_birth > received:
            raise ValueError(
                f"date_of_birth {self.date_of_birth} is after the referral ({received}); "
                "for a child not born yet give expected_date_of_birth"
            )
        if self.date_of_birth and (received - self.date_of_birth).days > 18 * 366:
            raise ValueError(f"date_of_birth {self.date_of_birth} is of an adult; a child is under 18")
        if self.expected_date_of_birth and abs((self.expected_date_of_birth - received).days) > 300:
            raise ValueError(
                f"expected_date_of_birth {self.expected_date_of_birth} is not within ten months of the referral"
            )
        return self


class NewInformationReceived(Message, sent_by=ANYONE):
    """New information on an open case that the child is suffering or likely to suffer significant harm."""

    concern: tuple[str, ...] = Field((), max_length=12, description="the kinds of harm feared")


class ScreeningDecided(Message):
    """Whether the front door suspects that the child is suffering or likely to suffer significant harm."""

    harm_suspected: bool


class SocialWorkerAllocated(Message):
    """A social worker was allocated to the child."""

    social_worker: Id = Field(description="an opaque id of the social worker")
    team: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None


class CaseClosed(Message, sent_by=MANAGERS):
    """The case was closed: nothing of it runs any more."""

    reason: Reason
