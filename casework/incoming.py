"""Reading a message from outside: a malformed one gets an answer that says what was wrong, where, and what is right."""

from typing import Any

from pydantic import ValidationError

from casework.effects import Refused
from casework.messages import MESSAGES, Message


def read(name: str, body: Any) -> Message | Refused:
    """The message called `name` with this body (a mapping, as JSON gives it), or why it cannot be read."""
    kind = MESSAGES.get(name)
    if kind is None:
        return Refused(reason=f"There is no message {name!r}. There are: {', '.join(sorted(MESSAGES))}.")
    if not isinstance(body, dict):
        return Refused(reason=f"{name}: a message is one JSON object, with a name and a value for each of its fields.")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        return Refused(reason="\n".join(problems(error)))


def problems(error: ValidationError) -> list[str]:
    """Each thing that is wrong, a line each: where, what, and what would be right."""
    return [_said(dict(item)) for item in error.errors()]


def _said(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    given = item.get("input")
    match item["type"]:
        case "missing":
            said = "this is missing and is needed."
        case "extra_forbidden":
            said = "there is no such field."
        case "timezone_aware":
            said = f"{given!r} has no time zone; write it like 2026-04-08T10:00:00+01:00."
        case "datetime_parsing" | "datetime_from_date_parsing" | "datetime_type":
            said = f"{given!r} is not a date and time; write it like 2026-04-08T10:00:00+01:00."
        case "date_parsing" | "date_from_datetime_parsing" | "date_type" | "date_from_datetime_inexact":
            said = f"{given!r} is not a date; write it like 2026-04-08."
        case "literal_error" | "enum":
            said = f"{given!r} is not one of {item['ctx']['expected']}."
        case "string_pattern_mismatch":
            said = f"{given!r} is not an id: letters, digits, dots, hyphens and underscores, 64 at most."
        case _:
            said = str(item["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
