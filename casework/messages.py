"""What every message has: its own id, when it happened, who recorded it. And the table of all messages.

A message stands in the module of its stage, beside the function that says what it means; `means` puts both into the
table. From that table come the workflow's doors (an Update and a Signal each), the command line's verbs and the
documents.

What the sender wrote in their own words is narrative: it goes to the record, and the state of the case keeps only
that it was given.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    Strict,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from casework.mistakes import NOT_A_DATE, NOT_A_TIME, YES_OR_NO, quoted
from casework.model import Value
from casework.vocabulary import Kind, Stage


class Narrative:
    """Marks a text as somebody's own words."""


IN_THE_RECORD = "(in the record)"
"""What the state keeps in the place of a narrative that was given."""

NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


def _at_most(size: int) -> AfterValidator:
    """A text is bounded in bytes: what reaches Temporal is."""

    def check(text: str) -> str:
        if len(text.encode()) > size:
            raise ValueError(f"this is too long. Write at most {size} bytes, and put the rest in your own system.")
        return text

    return AfterValidator(check)


INSTANT_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
DAY_PATTERN = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _as_written(shape: re.Pattern[str], kind: type[date], sentence: str) -> BeforeValidator:
    """Dates and instants are taken only as they are written: never made from numbers, nor from other spellings."""

    def check(value: Any) -> Any:
        if type(value) is not kind and not (isinstance(value, str) and shape.fullmatch(value)):
            raise ValueError(sentence.format(given=quoted(value)))
        return value

    return BeforeValidator(check)


Instant = Annotated[AwareDatetime, _as_written(INSTANT_PATTERN, datetime, NOT_A_TIME)]
Day = Annotated[date, _as_written(DAY_PATTERN, date, NOT_A_DATE)]
Number = Annotated[int, Strict(), Field(ge=0, le=1_000_000)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", strip_whitespace=True)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,79}$", strip_whitespace=True)]
"""A name that the case gave: `strategy-4`, `initial-conference@4`; of a request also what it is about."""
Origin = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.[0-9]{1,6}$")]
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=2000, strip_whitespace=True, pattern=NO_CONTROLS),
    _at_most(4000),
    Narrative(),
]
Note = Annotated[str, StringConstraints(max_length=4000, pattern=NO_CONTROLS), _at_most(8000), Narrative()]
Line = Annotated[
    str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True, pattern=NO_CONTROLS), Narrative()
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True, pattern=NO_CONTROLS)]
"""A short word of a list, such as a kind of harm or the name of a team."""
TeamName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 &'.,/-]{0,59}$", strip_whitespace=True)]
"""A team's plain name: it is seen on lists."""
RoleName = Annotated[str, StringConstraints(min_length=2, max_length=80, strip_whitespace=True)]

PRACTITIONERS = frozenset({Kind.WORKER, Kind.MANAGER})
"""Who records visits and outcomes."""
DECIDERS = PRACTITIONERS | {Kind.CHAIR}
"""Who records what a meeting decided."""
CASEWORKERS = DECIDERS | {Kind.ADMINISTRATOR}
"""The authority's own staff."""
MANAGERS = frozenset({Kind.MANAGER})
ANYONE = frozenset(Kind) - {Kind.FAMILY}


class By(Value):
    """Who sends a message: the role they act in, as the procedure names it, and an opaque id of the person."""

    role: RoleName
    person: Id

    def __str__(self) -> str:
        return f"{self.role} {self.person}"


def same_person(person: str | None, other: str | None) -> bool:
    """Whether two ids are of one person: in capitals or not."""
    return person is not None and other is not None and person.strip().casefold() == other.strip().casefold()


class Message(Value):
    """What every message has."""

    name: ClassVar[str] = ""
    longest: ClassVar[int] = 32_000  # bytes, as JSON
    sent_by: ClassVar[frozenset[Kind]] = CASEWORKERS
    stage: ClassVar[Stage | None] = None

    id: Id = Field(description="This record's own id; sent twice with the same id, it counts once")
    occurred_at: Instant = Field(description="When it happened, with its time zone")
    by: By
    ask: Id | None = Field(None, description="Who to ask if this needs an authorisation; anybody entitled if left out")
    note: Note | None = Field(None, description="Anything else, in your own words; it is kept in the record")
    moved_from: Origin | None = Field(
        None, description="If it was first recorded on the wrong child: that case and number, such as R-1001.7"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _booleans_as_written(cls, given: Any, info: ValidationInfo) -> Any:
        if info.field_name in _booleans(cls) and not isinstance(given, bool | None):
            raise ValueError(f"{quoted(given)} is not yes or no. {YES_OR_NO}")
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for mistake in self.mistakes():
            raise ValueError(mistake)
        return self

    def mistakes(self) -> Iterator[str]:
        """What in the message does not fit together: which field, and what to write instead. The first is reported."""
        yield from ()

    def __init_subclass__(cls, stage: Stage | None = None, sent_by: frozenset[Kind] = CASEWORKERS) -> None:
        """`stage`: where on the map it stands; none: it may come at any time. `sent_by`: who records it, usually."""
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.sent_by = sent_by
        cls.stage = stage


@lru_cache
def _booleans(kind: type[Message]) -> tuple[str, ...]:
    fields = kind.model_fields.items()
    return tuple(name for name, field in fields if field.annotation is bool or bool in get_args(field.annotation))


Kind_ = TypeVar("Kind_", bound=Message)
MESSAGES: dict[str, type[Message]] = {}
"""Every message by its name. Filled by the stages, each for what is its own: import it from `casework.stages`."""
MEANINGS: dict[type[Message], Callable[[Any, Any], None]] = {}
"""The function that says what each message means, given the story so far (a `Telling`) and the message."""


def means(kind: type[Kind_]) -> Callable[[Callable[[Any, Kind_], None]], Callable[[Any, Kind_], None]]:
    """Mark a stage's function as what a message of this kind means; both enter the tables.

    The message says what happened; where there is more to say, such as the rows it answers, the function does.
    """

    def register(function: Callable[[Any, Kind_], None]) -> Callable[[Any, Kind_], None]:
        MESSAGES[kind.name] = kind
        MEANINGS[kind] = function
        return function

    return register


def in_words(name: str) -> str:
    """A message's name as people say it: `child visited`."""
    return name.replace("_", " ").replace("section47", "section 47")


# --- Narrative ----------------------------------------------------------------------------------------------------


@lru_cache
def narratives(kind: type[Value]) -> tuple[str, ...]:
    """The fields of a value that hold somebody's own words."""

    def marks(field: FieldInfo) -> Iterator[Any]:
        yield from field.metadata
        for part in get_args(field.annotation):
            yield from getattr(part, "__metadata__", ())

    fields = kind.model_fields.items()
    return tuple(name for name, field in fields if any(isinstance(mark, Narrative) for mark in marks(field)))


Thing = TypeVar("Thing", bound=Value)


def without_narrative(value: Thing) -> Thing:
    """The same value as the state keeps it: that words were given, not which."""
    update: dict[str, Any] = {name: IN_THE_RECORD for name in narratives(type(value)) if getattr(value, name)}
    for name in type(value).model_fields:
        part = getattr(value, name)
        if isinstance(part, tuple) and part and isinstance(part[0], Value):
            update[name] = tuple(without_narrative(item) for item in part)
    return value.model_copy(update=update) if update else value


# --- Telling messages apart ---------------------------------------------------------------------------------------


def as_sent(message: Message) -> str:
    """The message as JSON, without the fields that were left out."""
    return message.model_dump_json(exclude_unset=True, by_alias=True)


def digest(message: Message) -> str:
    """Tells whether two messages of one id say the same."""
    body = message.model_dump(mode="json", exclude_unset=True, exclude={"id"})
    body["occurred_at"] = message.occurred_at.timestamp()
    body["by"] = {"role": message.by.role.casefold(), "person": message.by.person.casefold()}
    return sha256(f"{message.name} {json.dumps(body, sort_keys=True)}".encode()).hexdigest()[:24]


def times_in(value: object) -> Iterator[date]:
    """Every day and instant in a part of a message."""
    if isinstance(value, date):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from times_in(item)
    elif isinstance(value, Value):
        for _, part in value:
            yield from times_in(part)
