"""What is wrong in a procedure file, in words that its author can act on, and on which line it stands."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from enum import StrEnum
from itertools import count
from typing import Any

from pydantic import TypeAdapter, ValidationError

from casework.messages import Message
from casework.mistakes import plain
from casework.naming import there_are
from casework.procedure import Answer, DoesNotFit, Gate, Procedure
from casework.procedure_format import Place
from casework.stages import MESSAGES
from casework.vocabulary import MEETINGS, SET_BY_THE_CASE, Circumstance, Condition, Event, Ground, Kind, Stage, Subject

Problem = tuple[Place, str]
VOCABULARIES: tuple[type[StrEnum], ...] = (Condition, Circumstance, Ground, Subject, Stage, Kind)

MOST_BYTES = 200_000
"""Of the rules with each written out: they go with every case as its snapshot."""
MOST_OF_A_TEXT = 300
MOST_OF_A_NAME = 60
MOST_OF_ALL_NAMES = 2_000
"""Of all timescales, and of all roles: Temporal's list of cases shows those of a case together, in 2,048 bytes."""
MOST_QUOTED = 80
PATTERNS = {"key": "use small letters, digits and hyphens only.", "letter": "use one to three capital letters."}
NAME = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
HEADER = re.compile(rf"\s*(\[\[?)\s*({NAME}(?:\s*\.\s*{NAME})*)\s*\]")
SETTING = re.compile(rf"\s*({NAME}(?:\s*\.\s*{NAME})*)\s*=")


def out_of_bounds(file: dict[str, Any]) -> Iterator[Problem]:
    """What is too long, or no text. Of a file that has any nothing more is read."""
    left: list[tuple[Place, object]] = [((), file)]
    for place, value in left:
        if isinstance(value, str):
            yield from ((place, what) for what in _wrong_text(value, MOST_OF_A_TEXT))
        elif isinstance(value, bool):
            continue
        elif not isinstance(value, dict | list):
            yield place, 'write this as text, in quotes, such as "24 hours"'
        elif isinstance(value, list):
            left += [((*place, number), within) for number, within in enumerate(value)]
        else:
            wrong = {key: [*_wrong_text(key, MOST_OF_A_NAME)] for key in value}
            yield from ((place, f"the name {_short(key)}: {what}") for key in value for what in wrong[key])
            left += [((*place, key), within) for key, within in value.items() if not wrong[key]]


def _wrong_text(text: str, most: int) -> Iterator[str]:
    if (size := len(text.encode())) > most:
        yield f"this is too long: {size:,} bytes; it has {most} at most"
    if odd := next((character for character in text if not character.isprintable()), None):
        which = unicodedata.name(odd, "a control character")
        yield f"the character U+{ord(odd):04X} ({which}) cannot stand here; delete it, or type the text again"


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MOST_QUOTED else f"{shown[:MOST_QUOTED]}…"


def without_effect(procedure: Procedure) -> Iterator[Problem]:
    """What the code does not know: a gate on a message that there is not would never hold anything back."""
    for message in procedure.recorded_by:
        if message not in MESSAGES:
            yield ("recorded_by", message), f"there is no message {message!r}.{_hint(message, MESSAGES)}"
    for meeting in procedure.meeting:
        if meeting not in MEETINGS:
            yield ("meeting", meeting), f"there is no such meeting; there are {', '.join(MEETINGS)}"
    rules: list[tuple[Place, Gate | Answer]] = [*procedure.rules_of("gate"), *procedure.rules_of("answer")]
    for place, rule in rules:
        kind = MESSAGES.get(rule.message)
        if kind is None:
            yield (*place, "message"), f"there is no message {rule.message!r}.{_hint(rule.message, MESSAGES)}"
            continue
        settings: list[tuple[str, str, object]] = [("when", field, value) for field, value in rule.when.items()]
        if isinstance(rule, Answer):
            settings += [("field", rule.field, None)]
            settings += [("must_be", rule.field, rule.must_be)]
        for setting, field, value in settings:
            if field not in kind.model_fields:
                yield (*place, setting), f"{rule.message} has no field {field!r}.{_hint(field, kind.model_fields)}"
            elif value is not None and (wrong := _never(procedure, kind, field, value)):
                yield (*place, setting), f"{field} is never {value!r}: {wrong}"


def _never(procedure: Procedure, kind: type[Message], field: str, value: object) -> str | None:
    """Why a field of a message never has this value, where it has not."""
    names: dict[str, tuple[str, ...]] = {"duty": (*procedure.timescale, *SET_BY_THE_CASE), "form": (*procedure.form,)}
    if field in names and value not in names[field]:
        return there_are(str(value), names[field])
    try:
        TypeAdapter[Any](kind.model_fields[field].annotation or str).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return " or ".join(dict.fromkeys(_sentence(dict(item)) for item in error.errors()))
    return None


def too_large(procedure: Procedure) -> Iterator[Problem]:
    """What is more than a case can carry, or can show of itself in the list of cases."""
    if (size := len(procedure.as_json.encode())) > MOST_BYTES:
        yield (), f"these rules have {size:,} bytes when each is written out; {MOST_BYTES:,} at most"
    for part, names in (("timescale", (*procedure.timescale, *SET_BY_THE_CASE)), ("role", (*procedure.role,))):
        if (size := len(json.dumps(names).encode())) > MOST_OF_ALL_NAMES:
            yield (
                (part,),
                f"the names of all {len(names)} have {size:,} bytes together and cannot be shown in one list; "
                f"shorten them to {MOST_OF_ALL_NAMES:,} at most",
            )


def problems_in(error: ValidationError) -> Iterator[Problem]:
    """Each thing that is wrong, and where."""
    for item in error.errors(include_url=False):
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, DoesNotFit):
            yield from cause.problems
        else:
            # A word that may be of either of two vocabularies is refused by both: that is one mistake.
            place = tuple(part for part in item["loc"] if part != "[key]" and not str(part).startswith("str-enum["))
            yield place[:-1] if place[-1:] in (("str",), ("bool",)) else place, _sentence(dict(item))


def _hint(given: object, names: Iterable[str]) -> str:
    near = get_close_matches(given, list(dict.fromkeys(names)), n=3, cutoff=0.6) if isinstance(given, str) else []
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


SENTENCES = {
    "missing": "this is missing and is needed.",
    "extra_forbidden": "there is no such setting; is it misspelt?",
    "too_short": "give at least one.",
    "string_too_short": "give at least one.",
    "string_type": "write a text in quotes here.",
    "tuple_type": "write a list here: [ … ].",
    "bool_type": "write true or false here.",
    "bool_parsing": "write true or false here.",
    "dict_type": "write a table here, with a setting on each line.",
    "model_type": "write a table here, with a setting on each line.",
}
"""By pydantic's name for the mistake, in the words of procedure files; others are as in messages."""


def _sentence(item: dict[str, Any]) -> str:
    """One of pydantic's errors in words that an author can act on."""
    given, kind = item.get("input"), item["type"]
    if kind == "enum":
        words = [*Event.every, *(value.value for vocabulary in VOCABULARIES for value in vocabulary)]
        return f"{_short(given)} is not a word of the vocabulary here.{_hint(given, words)}"
    if kind == "literal_error":
        return f"write {item['ctx']['expected']}, not {_short(given)}."
    if kind == "string_pattern_mismatch":
        return PATTERNS.get(str(item["loc"][-1]), "this cannot be written so.")
    return SENTENCES.get(kind) or plain(item)[:MOST_OF_A_TEXT]


# --- Where it stands ----------------------------------------------------------------------------------------------


def _lines(text: str) -> dict[Place, int]:
    """The line on which each table and setting of a file begins."""
    lines: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                table = (*table, next(place for place in count() if (*table, place) not in lines))
        setting = SETTING.match(line)
        place = (*table, *_parts(setting[1])) if setting else table
        for length in range(1, len(place) + 1):
            lines.setdefault(place[:length], number)
    return lines


def in_lines(problems: list[Problem], text: str, file_name: str) -> list[str]:
    """A line for each thing that is wrong, in the order of the file."""
    lines = _lines(text)
    numbered = dict.fromkeys((_line(lines, place), ".".join(map(str, place)), what) for place, what in problems)
    return [
        f"{file_name}{f':{line}' if line else ''}: {where or 'whole file'}: {what}"
        for line, where, what in sorted(numbered, key=lambda problem: problem[0])
    ]


def _parts(dotted: str) -> Place:
    return tuple(part.strip("\"'") for part in re.findall(NAME, dotted))


def _line(lines: dict[Place, int], place: Place) -> int:
    """The line where a place begins, or the nearest that it stands in; 0 where there is none."""
    return next((lines[place[:length]] for length in range(len(place), 0, -1) if place[:length] in lines), 0)
