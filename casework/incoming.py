"""Reading a message from outside: a malformed one gets an answer that says what was wrong, where, and what is right."""

import json
from typing import Any

from pydantic import ValidationError

from casework.effects import Refused
from casework.messages import By, Message
from casework.naming import cut, there_are
from casework.stages import MESSAGES

PROBLEMS_AT_ONCE = 20
LONGEST_VALUE = 80
"""Of a value that is wrong, so many bytes are quoted."""
LONGEST_PROBLEM = 500


def read(name: str, body: Any) -> Message | Refused:
    """The message called `name` with this body (a mapping, as JSON gives it), or why it cannot be read."""
    kind = MESSAGES.get(name)
    if kind is None:
        return Refused(reason=f"There is no message {_quoted(name)}. {there_are(name, MESSAGES)}")
    if not isinstance(body, dict):
        return Refused(reason=f"{name}: a message is one JSON object, with a name and a value for each of its fields.")
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]["loc"]
        return Refused(reason="\n".join(problems(error)), field=str(first[0]) if first else None)


def too_long(name: str, size: int) -> Refused | None:
    """Why a message of so many bytes is not taken; none where it is not too long."""
    kind = MESSAGES.get(name)
    most = kind.longest if kind else Message.longest
    if size <= most:
        return None
    return Refused(
        reason=f"This message is too long: {size:,} bytes, and at most {most:,} can be recorded. "
        "Shorten it. Put long documents into your system of record, and say here where they are."
    )


def sender(body: str) -> By | None:
    """Who sent what is no message (JSON), where at least that can be read."""
    try:
        return By.model_validate(json.loads(body)["by"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def read_again(name: str, body: str) -> Message:
    """A message from the record. Raises `ValidationError` or `KeyError` where this version cannot read it."""
    return MESSAGES[name].model_validate(json.loads(body))


def problems(error: ValidationError) -> list[str]:
    """Each thing that is wrong, a line each: where, what, and what would be right. Of very many, the first."""
    found = error.errors()
    lines = [_said(dict(item)) for item in found[:PROBLEMS_AT_ONCE]]
    if len(found) > PROBLEMS_AT_ONCE:
        lines.append(f"And {len(found) - PROBLEMS_AT_ONCE} more. Put these right first.")
    return lines


def _said(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    given = _quoted(item.get("input"))
    about: dict[str, Any] = item.get("ctx") or {}
    match item["type"]:
        case "missing":
            said = "this is missing and is needed."
        case "extra_forbidden":
            said = "there is no such field."
        case "timezone_aware":
            said = f"{given} has no time zone; write it like 2026-04-08T10:00:00+01:00."
        case "datetime_parsing" | "datetime_from_date_parsing" | "datetime_type":
            said = f"{given} is not a date and time; write it like 2026-04-08T10:00:00+01:00."
        case "date_parsing" | "date_from_datetime_parsing" | "date_type" | "date_from_datetime_inexact":
            said = f"{given} is not a date; write it like 2026-04-08."
        case "literal_error" | "enum":
            said = f"{given} is not one of {about['expected']}."
        case "string_pattern_mismatch":
            said = f"{given} is not an id: letters, digits, dots, hyphens and underscores, 64 at most."
        case "string_too_short":
            said = f"this is too short; write at least {about['min_length']} characters."
        case "string_too_long":
            said = f"this is too long; write at most {about['max_length']} characters."
        case "too_short":
            said = "give at least one."
        case "too_long":
            said = f"this is too many; give at most {about['max_length']}."
        case "string_type":
            said = f"{given} is not text."
        case "bool_type" | "bool_parsing":
            said = f"{given} is not yes or no; write true or false."
        case "int_type" | "int_parsing" | "int_from_float":
            said = f"{given} is not a whole number."
        case _:
            said = str(item["msg"]).removeprefix("Value error, ")
    return cut(f"{where}: {said}" if where else said, LONGEST_PROBLEM)


def _quoted(given: Any) -> str:
    """What was given, no longer than a line has room for."""
    return cut(repr(given), LONGEST_VALUE)
