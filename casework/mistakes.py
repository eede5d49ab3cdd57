"""What is wrong in something that was written, in plain words: where it is, what is wrong, and what to write instead.

Pydantic finds the mistakes; nobody sees its own texts. Every kind of mistake that our models can find has a sentence
here, and any other kind a general one.
"""

import re
from typing import Any

from pydantic import ValidationError

from casework.naming import cut, there_are

PROBLEMS_AT_ONCE = 20
LONGEST_VALUE = 80
"""Of a value that is wrong, so many bytes are quoted."""
LONGEST_PROBLEM = 500
DATE = "Write the date as 2026-04-07."
TIME = "Write the date and time as 2026-04-07T10:00:00+01:00."
YES_OR_NO = "Write true for yes or false for no."
NOT_A_TIME = f"{{given}} is not a date and time. {TIME}"
NOT_A_DATE = f"{{given}} is not a date. {DATE}"
NOT_A_NUMBER = "{given} is not a whole number. Write a number such as 3."
NOT_A_LIST = "{given} is not a list. Write a list, even of one thing."
NOT_A_TABLE = '{given} does not name its parts. Write each part with its name, such as {{"role": "social worker"}}.'
CANNOT_BE_USED = "{given} cannot be used here. Check it and write it again."
"""For a mistake that has no sentence of its own."""

SENTENCES = {
    "missing": "this is missing. Add it.",
    "extra_forbidden": "there is no such field. Check the spelling, or leave it out.",
    "timezone_aware": f"{{given}} has no time zone. {TIME}",
    "datetime_parsing": NOT_A_TIME,
    "datetime_from_date_parsing": NOT_A_TIME,
    "datetime_type": NOT_A_TIME,
    "datetime_object_invalid": NOT_A_TIME,
    "date_parsing": NOT_A_DATE,
    "date_from_datetime_parsing": NOT_A_DATE,
    "date_from_datetime_inexact": NOT_A_DATE,
    "date_type": NOT_A_DATE,
    "string_type": "{given} is not text. Write it as text.",
    "string_unicode": "this has characters that cannot be read. Write it again.",
    "string_too_short": "{given} is too short. Write at least {min_length} characters.",
    "string_too_long": "this is too long. Write at most {max_length} characters.",
    "too_short": "give at least one.",
    "too_long": "this is too many. Give at most {max_length}.",
    "bool_type": f"{{given}} is not yes or no. {YES_OR_NO}",
    "bool_parsing": f"{{given}} is not yes or no. {YES_OR_NO}",
    "int_type": NOT_A_NUMBER,
    "int_parsing": NOT_A_NUMBER,
    "int_parsing_size": NOT_A_NUMBER,
    "int_from_float": NOT_A_NUMBER,
    "finite_number": NOT_A_NUMBER,
    "greater_than_equal": "{given} is too small. Write {ge} or more.",
    "less_than_equal": "{given} is too large. Write {le} or less.",
    "greater_than": "{given} is too small. Write more than {gt}.",
    "less_than": "{given} is too large. Write less than {lt}.",
    "tuple_type": NOT_A_LIST,
    "list_type": NOT_A_LIST,
    "dict_type": NOT_A_TABLE,
    "model_type": NOT_A_TABLE,
    "model_attributes_type": NOT_A_TABLE,
    "invalid_key": "{given} cannot be a name. Write it as text.",
    "recursion_loop": "this is nested too deeply.",
}
"""By pydantic's name for the mistake. `{given}` is what was written; the other names are pydantic's own."""

PATTERNS = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": (
        "{given} is not an id. Use only letters, digits, dots, hyphens and underscores, and at most 64 of them."
    ),
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\.[0-9]{1,6}$": "{given} is not a case and a number. Write it as R-1001.7.",
    r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,79}$": (
        "{given} is not a name that a case gives. Use the names that s47 show lists, such as request-4."
    ),
    r"^[A-Za-z0-9][A-Za-z0-9 &'.,/-]{0,59}$": (
        "{given} is not a plain name. Use letters, digits, spaces and & ' . , / - and at most 60 of them."
    ),
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$": "this has characters that cannot be printed. Take them out.",
}
"""What a text has to look like, by the pattern it is held against."""


def problems(error: ValidationError) -> list[str]:
    """Each mistake in a line: where it is, what is wrong, and what to write instead. Of very many, the first."""
    mistakes = error.errors()
    lines = [_line(dict(item)) for item in mistakes[:PROBLEMS_AT_ONCE]]
    if len(mistakes) > PROBLEMS_AT_ONCE:
        lines.append(f"And {len(mistakes) - PROBLEMS_AT_ONCE} more. Put these right first.")
    return lines


def _line(item: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    return cut(f"{where}: {plain(item)}" if where else plain(item), LONGEST_PROBLEM)


def plain(item: dict[str, Any]) -> str:
    """One of pydantic's errors in plain words, without where it is."""
    about: dict[str, Any] = item.get("ctx") or {}
    kind, given = item["type"], item.get("input")
    if kind in ("value_error", "assertion_error"):  # a rule of our own, which has its own words
        return str(about.get("error", item["msg"]))
    if kind in ("literal_error", "enum"):
        choices = [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", str(about["expected"]))]
        return f"{quoted(given)} is not one of the choices. {there_are(quoted(given), choices)}"
    if kind == "string_pattern_mismatch":
        sentence = PATTERNS.get(str(about.get("pattern")), CANNOT_BE_USED)
    else:
        sentence = SENTENCES.get(kind, CANNOT_BE_USED)
    return sentence.format(**{**about, "given": quoted(given)})


def quoted(given: Any) -> str:
    """What was written, no longer than a line has room for."""
    try:
        return cut(repr(given), LONGEST_VALUE)
    except ValueError:  # more digits than Python writes
        return "this number"
