"""What every message is: its own id, when it happened, who says so."""

import re
from functools import lru_cache
from typing import Annotated, ClassVar, get_args

from pydantic import AwareDatetime, Field, StringConstraints

from casework.model import Value
from casework.vocabulary import Kind

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


Reason = Annotated[str, StringConstraints(min_length=3, max_length=2000, strip_whitespace=True, pattern=NO_CONTROLS)]


Note = Annotated[str, StringConstraints(max_length=4000, pattern=NO_CONTROLS)]


RoleName = Annotated[str, StringConstraints(min_length=2, max_length=80, strip_whitespace=True)]


PRACTITIONERS = frozenset({Kind.WORKER, Kind.MANAGER})


CASEWORKERS = PRACTITIONERS | {Kind.CHAIR, Kind.ADMINISTRATOR}


MANAGERS = frozenset({Kind.MANAGER})


ANYONE = frozenset(Kind) - {Kind.FAMILY}


MESSAGES: dict[str, type["Message"]] = {}


class By(Value):
    """Who sends a message: the role they act in, as the procedure names it, and an opaque id of the person."""

    role: RoleName
    person: Id

    def __str__(self) -> str:
        return f"{self.role} {self.person}"


class Message(Value):
    """What every message says."""

    name: ClassVar[str] = ""
    sent_by: ClassVar[frozenset[Kind]] = CASEWORKERS

    id: Id = Field(description="this message's own id; the same id twice counts once")
    occurred_at: AwareDatetime = Field(description="when it happened, with its time zone")
    by: By
    ask: Id | None = Field(
        None, description="whom to ask, where it needs an authorisation; anybody entitled, if left out"
    )
    note: Note | None = Field(None, description="free text for the record")

    @property
    def words(self) -> str | None:
        """The sender's own words, for the record and nowhere else: the note, and each reason that was given."""
        said = [self.note] if self.note else []
        for name in _reasons(type(self)):
            if value := getattr(self, name):
                said.append(f"{name.replace('_', ' ')}: {value}")
        return "\n".join(said) or None

    def __init_subclass__(cls, sent_by: frozenset[Kind] = CASEWORKERS) -> None:
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.sent_by = sent_by
        MESSAGES[cls.name] = cls


@lru_cache
def _reasons(kind: type[Message]) -> tuple[str, ...]:
    """The fields of a message that are for a reason in the sender's own words."""
    return tuple(
        name
        for name, field in kind.model_fields.items()
        if Reason in (field.rebuild_annotation(), *get_args(field.annotation))
    )
