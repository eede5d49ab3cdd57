"""The messages about the child and the other children."""

from datetime import date
from typing import Literal

from pydantic import Field

from casework.messages.base import (
    ANYONE,
    PRACTITIONERS,
    Id,
    Message,
)


class ChildBorn(Message):
    """The child was born: the rules for a child who can be seen begin."""

    date_of_birth: date


class ChildDied(Message, sent_by=PRACTITIONERS):
    """The child died: what was to be done for this child ends, and other children are considered."""

    abuse_or_neglect_suspected: bool
    other_children: bool = Field(description="there are other children in the household")


class HouseholdChildIdentified(Message):
    """Another child of the household, of an alleged perpetrator's household, or elsewhere."""

    person: Id = Field(description="that child's own id in the system of record")
    lives: Literal["same household", "household of an alleged perpetrator", "elsewhere"] = "same household"
    action_needed: bool = Field(description="whether that child needs protection too; it was considered")


class HouseholdChildSpokenTo(Message, sent_by=ANYONE):
    """The police or Children's Social Care communicated directly with another child of the household."""

    person: Id


class CaseLinked(Message):
    """This case belongs together with another child's."""

    reference: Id = Field(description="the other case's reference")
