"""Reading a message from outside: a malformed one gets an answer that says what was wrong, where, and what is right."""

import json
from typing import Any

from pydantic import ValidationError

from casework.effects import Refused
from casework.messages import By, Message
from casework.mistakes import problems, quoted
from casework.naming import there_are
from casework.stages import MESSAGES


def read(name: str, body: Any) -> Message | Refused:
    """The message called `name` with this body (a mapping, as JSON gives it), or why it cannot be read."""
    kind = MESSAGES.get(name)
    if kind is None:
        return no_such_message(name)
    if not isinstance(body, dict):
        return Refused(reason=f"{name}: write this as one JSON object, with a name and a value for each field.")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]["loc"]
        return Refused(reason="\n".join(problems(error)), field=str(first[0]) if first else None)


def no_such_message(name: str) -> Refused:
    """That there is nothing of this name, and what there is."""
    return Refused(reason=f"There is nothing called {quoted(name)} to record. {there_are(name, MESSAGES)}")


def too_long(name: str, size: int) -> Refused | None:
    """Why a message of so many bytes is not taken; none where it is not too long."""
    kind = MESSAGES.get(name)
    most = kind.longest if kind else Message.longest
    if size <= most:
        return None
    return Refused(
        reason=f"This message is too long: {size:,} bytes, and at most {most:,} can be recorded. "
        "Shorten it. Keep long documents in your own system, and say here where they are."
    )


def sender(body: str) -> By | None:
    """Who sent what is no message (JSON), where at least that can be read."""
    try:
        return By.model_validate(json.loads(body)["by"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
