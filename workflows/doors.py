"""The doors of a case: an Update and a Signal for every message, with one body.

They take the raw payload, so that a malformed message gets our answer and never stops a case.
"""

from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from casework.effects import Refused
from casework.incoming import read
from casework.messages import Message

Answer = TypeVar("Answer")


def takes_one_message(door: Callable[..., Any], returns: type | None) -> None:
    """Declare that a door takes one raw payload. It takes whatever comes: Python's own complaint about a signal
    without a payload, or with two, would stop the case."""
    door.__annotations__ = {"raw": RawValue, "return": returns}
    raw = Parameter("raw", Parameter.POSITIONAL_OR_KEYWORD, annotation=RawValue)
    door.__signature__ = Signature([raw])  # type: ignore[attr-defined]


def body_of(given: Sequence[Any]) -> Any:
    """The message as it was sent; None where that is no JSON, or not one thing."""
    try:
        [raw] = given
        return workflow.payload_converter().from_payload(raw.payload)
    except Exception:  # whatever a converter makes of bytes that are no JSON, it is a malformed message
        return None


def message_in(name: str, given: Sequence[Any]) -> Message:
    """The message a door was given. A malformed one is refused, with what would be right."""
    return or_refuse(read(name, body_of(given)))


def sender_of(given: Sequence[Any]) -> tuple[str | None, str | None]:
    """The person and the role a message names as its sender, as far as they can be read."""
    body = body_of(given)
    by = body.get("by") if isinstance(body, dict) else None
    person, role = (by.get("person"), by.get("role")) if isinstance(by, dict) else (None, None)
    return person if isinstance(person, str) else None, role if isinstance(role, str) else None


def or_refuse(answer: Answer | Refused) -> Answer:
    """The answer, or its refusal as the error that an Update's sender gets. A plain exception would stop the case."""
    if isinstance(answer, Refused):
        raise refusal(answer.reason)
    return answer


def refusal(reason: str) -> ApplicationError:
    """The error that says no, and why."""
    return ApplicationError(reason, type="Refused", non_retryable=True)
