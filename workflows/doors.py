"""The doors of a case: an Update and a Signal for every message, with one body each, made once for the class.

They take the raw payload, so that a malformed message gets our answer and never stops a case.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from inspect import Parameter, Signature
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from casework.effects import Refused
from casework.facts import decoded
from casework.incoming import read, too_long
from casework.messages import Message
from casework.naming import cut
from casework.stages import MESSAGES

REFUSED, CLOSED = "Refused", "Closed"
"""Why a message was not accepted, as the type of the error: a case that is closed is opened again by a referral."""
LONGEST_REFUSAL = 8000
"""Bytes. A refusal quotes what was sent, and goes into the history."""
Answer = TypeVar("Answer")
Meant = TypeVar("Meant")
Workflow = TypeVar("Workflow", bound=type[Any])


def with_doors(receipt: type) -> Callable[[Workflow], Workflow]:
    """Give a workflow two doors for every message. It has to have `look_at`, `answer` and `take`."""

    def add(workflow_class: Workflow) -> Workflow:
        for name in MESSAGES:
            _add_doors(workflow_class, name, receipt)
        return workflow_class

    return add


def _add_doors(workflow_class: type[Any], name: str, receipt: type) -> None:
    def look(self: Any, *given: Any) -> None:
        self.look_at(name, given)

    async def update(self: Any, *given: Any) -> Any:
        return await self.answer(name, given)

    async def signal(self: Any, *given: Any) -> None:
        await self.take(name, given)

    for door, what, returns in ((look, "look", None), (update, "update", receipt), (signal, "signal", None)):
        door.__name__ = f"{what}_{name}"
        door.__qualname__ = f"{workflow_class.__qualname__}.{door.__name__}"
        door.__doc__ = MESSAGES[name].__doc__
        door.__annotations__["return"] = returns
        takes_whatever_comes(MESSAGES[name])(door)
    opened = workflow.update(name=name)(update)
    opened.validator(look)
    setattr(workflow_class, update.__name__, opened)
    setattr(workflow_class, signal.__name__, workflow.signal(name=name)(signal))


def takes_whatever_comes(meant: type[Meant]) -> Callable[[Callable[..., Answer]], Callable[[Any, Meant], Answer]]:
    """Declare that a method takes one raw payload, which is `meant` to be something, and let it take what comes.

    What the SDK cannot decode, and Python's own complaint about no payload or two, would fail the task for ever.
    """

    def declare(method: Any) -> Any:
        method.__annotations__ = {"raw": RawValue, "return": method.__annotations__["return"]}
        itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
        raw = Parameter("raw", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue)
        method.__signature__ = Signature([itself, raw])
        return method

    return declare


def body_of(given: Sequence[Any]) -> Any:
    """The message as it was sent; None where that is no JSON, or not one thing."""
    try:
        [raw] = given
        return workflow.payload_converter().from_payload(raw.payload)
    except Exception:  # whatever a converter makes of bytes that are no JSON, it is a malformed message
        return None


def _size(given: Sequence[Any]) -> int:
    """The bytes of what was sent."""
    return sum(len(part.payload.data) for part in given if isinstance(part, RawValue))


def written(given: Sequence[Any]) -> str:
    """What was sent, as JSON, for the record. What JSON does not have, bytes say, is written as Python shows it."""
    try:
        return json.dumps(body_of(given), default=str)
    except (ValueError, TypeError, RecursionError):
        return "null"


def message_in(name: str, given: Sequence[Any]) -> Message:
    """The message a door was given. A malformed one is refused, with what would be right."""
    return or_refuse(_read(name, given))


def _read(name: str, given: Sequence[Any]) -> Message | Refused:
    return too_long(name, _size(given)) or read(name, body_of(given))


def admitted(name: str, given: Sequence[Any]) -> Message:
    """The message of an Update that was let in: maybe by an earlier version, which asked for fewer fields."""
    body = body_of(given)
    answer = read(name, body)
    return decoded(name, body) if isinstance(answer, Refused) else answer


def taken(name: str, given: Sequence[Any]) -> Message:
    """The message of a Signal. A malformed one is refused, and the refusal leaves a mark in the history: what has none
    was taken, by a version that asked for other fields, and stays so."""
    body = body_of(given)
    answer = _read(name, given)
    if isinstance(answer, Refused) and not workflow.patched(f"refused {name} {_digest(given)}"):
        with suppress(KeyError, TypeError, AttributeError, ValueError):
            return decoded(name, body)
    return or_refuse(answer)


def _digest(given: Sequence[Any]) -> str:
    # Two things instead of one come as what they are, and not raw.
    sent = (part.payload.data if isinstance(part, RawValue) else repr(part).encode() for part in given)
    return blake2b(b"|".join(sent), digest_size=6).hexdigest()


def or_refuse(answer: Answer | Refused) -> Answer:
    """The answer, or its refusal as the error that an Update's sender gets. A plain exception would stop the case."""
    if isinstance(answer, Refused):
        raise refusal(answer.reason, answer.field, kind=CLOSED if answer.closed else REFUSED)
    return answer


def refusal(reason: str, field: str | None = None, *, kind: str = REFUSED) -> ApplicationError:
    """The error that says no, and why, and which field of the message is at fault."""
    return ApplicationError(cut(reason, LONGEST_REFUSAL), *([field] if field else []), type=kind, non_retryable=True)
