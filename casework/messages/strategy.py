"""The messages of a strategy discussion."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from casework.messages.base import MANAGERS, Id, Message, Reason, RoleName
from casework.model import Value
from casework.vocabulary import Ground


class StrategyRequested(Message):
    """Somebody asks for a strategy discussion. It may start in any state of the case, and more than one may run."""

    origin: (
        Literal["contact", "referral", "child in need review", "looked-after review", "asylum assessment", "assessment"]
        | None
    ) = Field(None, description="the step of work it comes from, to which a manager may have to return")
    immediate: bool = Field(False, description="an immediate response is required")
    complex: bool = Field(False, description="particularly complex concerns, such as organised abuse")


class StrategyExtensionRequested(Message):
    """Somebody asks for more time to hold the strategy discussion."""

    reason: Reason
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class StrategyScheduled(Message):
    """The strategy discussion was arranged."""

    starts_at: AwareDatetime
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class Action(Value):
    """Who will do what by when."""

    what: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    owner: RoleName
    due: date


class StrategyOutcome(Message):
    """A strategy discussion was held, and what it decided. `occurred_at`, when it was, is what starts clocks."""

    decision: Literal["section 47", "no section 47", "further discussion", "no further action"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40, description="the roles that took part")
    how: Literal["meeting", "telephone"] = "meeting"
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")
    joint_with_police: bool = Field(False, description="the enquiry is joint with the police")
    criminal_investigation: Literal["none", "reactive", "proactive"] = Field(
        "none", description="whether the police investigate a crime, and how"
    )
    investigation_timing: Reason | None = Field(None, description="the conduct and timing of that investigation")
    legal_action: bool | None = Field(None, description="legal action is required")
    share_with_family: Literal["share", "withhold"] | None = Field(None, description="what the family is told")
    ground: Ground | None = Field(None, description="where it is withheld: why")
    discharge_plan: Reason | None = Field(None, description="for a child in hospital: how discharge is made safe")
    further_action: Reason | None = Field(None, description="where an order or police powers are in force: what next")
    medical: Literal["needed", "not needed"] | None = Field(None, description="a medical assessment of the child")
    medical_by: date | None = Field(None, description="by when the medical assessment is made")
    joint_interview: bool = Field(False, description="the child is interviewed jointly with the police")
    interview_by: date | None = Field(None, description="by when the joint interview is held")
    doctor_consulted: bool | None = Field(
        None, description="the named doctor took part, or was consulted about a medical assessment"
    )
    information_needed: Reason | None = Field(None, description="what further information is needed, and how it is got")
    review_on: date | None = Field(None, description="when a further discussion is reviewed, where one is needed")
    actions: tuple[Action, ...] = Field((), max_length=40, description="who will do what by when")
    reason: Reason | None = None


class StrategyRecordCirculated(Message):
    """The authorised record of the strategy discussion was circulated to those who took part."""


class NextActionSent(Message, sent_by=MANAGERS):
    """After a strategy discussion ended without further action, the manager sent the next action of other work."""

    to: Literal["assessment", "child in need", "looked after"]
    worker: Id = Field(description="an opaque id of the worker it was sent to")
