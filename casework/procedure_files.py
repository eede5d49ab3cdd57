"""Reading procedure files: finding one by name, and saying what is wrong in a wrong one, where, and what is right."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from casework.procedure import Answer, Gate, Procedure
from casework.stages import MESSAGES
from casework.vocabulary import MEETINGS, Circumstance, Condition, Event, Kind, Stage, Subject

VOCABULARIES: tuple[type[StrEnum], ...] = (Condition, Circumstance, Subject, Stage, Kind)
Location = tuple[int | str, ...]


class WrongProcedure(Exception):
    """A procedure that cannot be used; the message is for the person who wrote it."""


def shipped() -> list[Path]:
    """The procedure files that come with S47."""
    return sorted(Path(str(files("casework"))).joinpath("procedures").glob("*.toml"))


def load(name: str, more: Sequence[Path] = ()) -> Procedure:
    """The procedure called `name`: its key (`process-map`), its letter (`P`), or two with a plus (`B+WT`).

    `more` names folders of an authority's own files, which win over those shipped. Raises `WrongProcedure`. Only the
    files asked for are read whole: a draft with mistakes beside them is no obstacle.
    """
    first, _, second = name.partition("+")
    texts = [(path.name, _text(path)) for path in paths(more)]

    def find(wanted: str) -> Procedure:
        for file_name, text in texts:
            if wanted.strip().casefold() in [called.casefold() for called in _called(text)]:
                return parse(text, file_name)
        there_are = ", ".join(f"{key} ({letter})" for key, letter in (_called(text) for _, text in texts))
        raise WrongProcedure(f"There is no procedure {wanted.strip()!r}. There are: {there_are}.")

    procedure = find(first)
    base = second or procedure.about.completes_with
    if not base:
        return procedure
    try:
        return procedure.completed_with(find(base))
    except ValidationError as error:
        said = "; ".join(what for _, what in _problems(error))
        raise WrongProcedure(f"{first} cannot be completed with {base}: {said}") from None


def paths(more: Sequence[Path] = ()) -> list[Path]:
    """Every procedure file there is, an authority's own before those shipped."""
    return [path for folder in more for path in sorted(folder.glob("*.toml"))] + shipped()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongProcedure(f"{path.name}: this is not text in UTF-8") from None


def _called(text: str) -> tuple[str, str]:
    """The key and the letter a file gives itself, whatever else is wrong in it."""
    found = dict(re.findall(r'^\s*(key|letter)\s*=\s*"([^"]+)"', text, re.MULTILINE)[:2])
    return found.get("key", "?"), found.get("letter", "?")


def parse(text: str, file_name: str) -> Procedure:
    """The procedure written in `text`. Raises `WrongProcedure`, a line for each thing that is wrong."""
    try:
        procedure = Procedure.model_validate(tomllib.loads(text))
        problems = list(_unknown_to_the_code(procedure))
    except tomllib.TOMLDecodeError as error:
        raise WrongProcedure(f"{file_name}: this is not TOML: {error}") from None
    except ValidationError as error:
        problems = list(_problems(error))
    if problems:
        lines = [
            f"{file_name}{_line(text, where)}: {'.'.join(map(str, where)) or 'whole file'}: {said}"
            for where, said in problems
        ]
        raise WrongProcedure("\n".join(dict.fromkeys(lines)))
    return procedure


def _unknown_to_the_code(procedure: Procedure) -> Iterator[tuple[Location, str]]:
    """A gate on a message that there is not, or on a field that it has not, would never hold anything back."""
    for message in procedure.recorded_by:
        if message not in MESSAGES:
            yield ("recorded_by", message), f"there is no message {message!r}.{_hint(message, MESSAGES)}"
    tables: dict[str, tuple[Gate | Answer, ...]] = {"gate": procedure.gate, "answer": procedure.answer}
    for table, rules in tables.items():
        for number, rule in enumerate(rules):
            kind = MESSAGES.get(rule.message)
            if kind is None:
                yield (
                    (table, number, "message"),
                    f"there is no message {rule.message!r}.{_hint(rule.message, MESSAGES)}",
                )
                continue
            fields = [("when", name) for name in rule.when]
            fields += [("field", rule.field)] if isinstance(rule, Answer) else []
            for setting, name in fields:
                if name not in kind.model_fields:
                    said = f"{rule.message} has no field {name!r}.{_hint(name, kind.model_fields)}"
                    yield (table, number, setting), said
    for name in procedure.meeting:
        if name not in MEETINGS:
            yield ("meeting", name), f"there is no such meeting; there are {', '.join(MEETINGS)}"


def _problems(error: ValidationError) -> Iterator[tuple[Location, str]]:
    """Each thing that is wrong, and where."""
    for item in error.errors():
        said = _said(dict(item))
        if item["loc"]:
            # A word that may be of either of two vocabularies is refused by both: that is one mistake.
            yield tuple(part for part in item["loc"] if not str(part).startswith("str-enum[")), said
            continue
        for line in said.splitlines():  # what does not fit together says itself where: `gate.0.while_owed: …`
            where, _, what = line.partition(": ")
            yield tuple(int(part) if part.isdigit() else part for part in where.split(".")), what


def _hint(given: object, known: Iterable[str]) -> str:
    near = get_close_matches(given, list(dict.fromkeys(known)), n=3, cutoff=0.6) if isinstance(given, str) else []
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _said(item: dict[str, Any]) -> str:
    """What pydantic found, in words an author can act on."""
    given = item.get("input")
    match item["type"]:
        case "enum":
            words = [*Event.every, *(value.value for vocabulary in VOCABULARIES for value in vocabulary)]
            return f"{given!r} is not a word of the vocabulary here.{_hint(given, words)}"
        case "missing":
            return "this is missing and is needed."
        case "extra_forbidden":
            return "there is no such setting; is it misspelt?"
        case "too_short":
            return "give at least one."
        case _:
            return str(item["msg"]).removeprefix("Value error, ")


def _line(text: str, location: Sequence[int | str]) -> str:
    """`:123` for the place in the text that a location names, as near as it can be found."""
    header, rest = _header(location)
    lines = text.splitlines()
    start = 0
    nth = rest[0] if rest and isinstance(rest[0], int) else 0
    for number, line in enumerate(lines, 1):
        if re.fullmatch(rf"\s*\[\[?\s*{header}\s*\]?\]\s*(#.*)?", line):
            if nth:
                nth -= 1
                continue
            start = number
            break
    if not start:
        return ""
    field = next((str(part) for part in rest if isinstance(part, str)), None)
    for number in range(start, len(lines)):
        if lines[number].lstrip().startswith("["):
            break
        if field and re.match(rf"\s*\"?{re.escape(field)}\"?\s*=", lines[number]):
            return f":{number + 1}"
    return f":{start}"


def _header(location: Sequence[int | str]) -> tuple[str, Sequence[int | str]]:
    """The table header a location stands under, as a pattern, and the rest of the location."""
    if not location:
        return r"procedure", ()
    table = str(location[0])
    if table in ("timescale", "authorisation", "meeting", "role", "form", "prompt") and len(location) > 1:
        return rf"{table}\.\"?{re.escape(str(location[1]))}\"?", location[2:]
    return re.escape(table), location[1:]
