"""The facts of a case, and which of them are in force.

A fact is a message that the case accepted. Facts are never changed and never dropped: what was recorded in error, or
is corrected, is so by a later fact. The facts are the state of a case; the story is told from them.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationError, create_model

from casework.messages import MESSAGES, Day, Message, Number, Ref, without_narrative
from casework.model import Value


def _packed(message: Message) -> dict[str, Any]:
    return {"name": message.name, "body": message.model_dump(mode="json", exclude_unset=True, by_alias=True)}


def _unpacked(given: Any) -> Message:
    return given if isinstance(given, Message) else decoded(given["name"], given["body"])


def decoded(name: str, body: dict[str, Any]) -> Message:
    """A message that was accepted once, by whatever version: it is never undecodable.

    A field that is not known any more is left out, one that is new has its default, or none.
    """
    kind = MESSAGES[name]
    fields = {key: value for key, value in body.items() if key in kind.model_fields}
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        wrong = frozenset(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
    kept: dict[str, Any] = {key: value for key, value in fields.items() if key not in wrong}
    try:
        read = _asking_less(kind, wrong).model_validate(kept)
        values = {key: getattr(read, key) for key in read.model_fields_set}
    except ValidationError:  # the fields do not go together any more: each as it was written
        base = Message.model_validate({key: body[key] for key in ("id", "occurred_at", "by")})
        values = {**kept, "occurred_at": base.occurred_at, "by": base.by}
    needed = [key for key, field in kind.model_fields.items() if field.is_required()]
    missing: dict[str, Any] = {key: None for key in needed if key not in values}
    return kind.model_construct(set(values), **values, **missing)


@lru_cache
def _asking_less(kind: type[Message], fields: frozenset[str]) -> type[Message]:
    """The same kind of message, that takes anything and nothing for these fields."""
    less: dict[str, Any] = dict.fromkeys(fields & kind.model_fields.keys(), (Any, None))
    return create_model(kind.__name__, __base__=kind, __cls_kwargs__={"sent_by": kind.sent_by}, **less)


class Fact(Value):
    """A message that was accepted: `number` is the order in which they were recorded, `recorded_at` a UTC instant.

    `digest` tells the same message from another one of the same id. `asks`: it is a correction that takes effect
    only once it is authorised.
    """

    number: int
    recorded_at: datetime
    digest: str
    asks: bool = False
    message: Annotated[Message, PlainSerializer(_packed), PlainValidator(_unpacked)]

    @property
    def request(self) -> str:
        """What the request is called that this fact makes, where it makes one."""
        return f"request-{self.number}"


class Opening(Message):
    """A message that a case can begin with."""


class Withdrawal(Message):
    """A message that says that some facts do not count."""

    facts: tuple[Number, ...] = Field(
        min_length=1, max_length=40, description="The number of an entry that was recorded in error"
    )


class Replacement(Message):
    """A message that puts another message into the place of a fact: the same, with some changes."""

    fact: Number = Field(description="The number of the entry that is wrong")
    changes: dict[str, Any] = Field(description="Each field that is wrong, with what is right; null leaves it out")

    def instead_of(self, message: Message) -> Message:
        """The message as it is right."""
        return decoded(message.name, self.body_instead_of(message))

    def body_instead_of(self, message: Message) -> dict[str, Any]:
        """The fields of the right message, as JSON has them."""
        body = message.model_dump(mode="json", exclude_unset=True, by_alias=True)
        return {key: value for key, value in {**body, **self.changes}.items() if value is not None}


class Granting(Message):
    """A message that may authorise a request."""

    request: Ref = Field(description="The request, such as request-4, or what it is about if only one waits")
    decision: Literal["authorise", "return"]

    @property
    def grants(self) -> str | None:
        """The request that it authorises; none where it does not."""
        return self.request if self.decision == "authorise" else None


class CalendarChange(Message):
    """A bank holiday was proclaimed, or is withdrawn again."""

    proclaimed: ClassVar[bool] = True

    day: Day


def changes_what_counts(message: Message, facts: Sequence[Fact]) -> bool:
    """Whether a message may change which other facts count, or by which calendar: then all are looked at again."""
    if isinstance(message, Granting):
        return any(fact.asks and fact.request == message.grants for fact in facts)
    return isinstance(message, Withdrawal | Replacement | CalendarChange)


def in_force(facts: Sequence[Fact]) -> list[Fact]:
    """The facts that count, in the order in which they happened (ties: in which they were recorded).

    Whatever withdraws or replaces a fact, or authorises that, was recorded later: so the last fact is judged first. A
    fact that is replaced keeps its number, and so everything that is named after it keeps its name.
    """
    gone: set[int] = set()
    instead: dict[int, list[Replacement]] = {}
    granted: set[str] = set()
    kept: list[Fact] = []
    for fact in reversed(facts):
        if fact.number in gone:
            continue
        message = fact.message
        if fact.number in instead:
            for replacement in reversed(instead[fact.number]):  # in the order in which they were recorded
                message = replacement.instead_of(message)
            fact = fact.changed(message=without_narrative(message))  # noqa: PLW2901
        if isinstance(message, Granting) and (request := message.grants):
            granted.add(request)
        if not fact.asks or fact.request in granted:
            if isinstance(message, Withdrawal):
                gone.update(message.facts)
            elif isinstance(message, Replacement):
                instead.setdefault(message.fact, []).append(message)
        kept.append(fact)
    kept.reverse()
    return sorted(kept, key=lambda fact: fact.message.occurred_at)
