"""Reading procedure files: finding one by name, and saying what is wrong in a wrong one, where, and what is right."""

import re
import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from casework.procedure import Procedure
from casework.vocabulary import Circumstance, Condition, Event, Kind, Stage, Subject

VOCABULARIES: tuple[type[StrEnum], ...] = (Event, Condition, Circumstance, Subject, Stage, Kind)


class WrongProcedure(Exception):
    """A procedure that cannot be used; the message is for the person who wrote it."""


def shipped() -> list[Path]:
    """The procedure files that come with S47."""
    return sorted(Path(str(files("casework"))).joinpath("procedures").glob("*.toml"))


def load(name: str, more: Sequence[Path] = ()) -> Procedure:
    """The procedure called `name`: its key (`process-map`), its letter (`P`), or two with a plus (`B+WT`).

    `more` names folders of an authority's own files, which win over those shipped. Raises `WrongProcedure`.
    """
    first, _, second = name.partition("+")
    known = [parse(path.read_text(encoding="utf-8"), path.name) for path in paths(more)]

    def find(wanted: str) -> Procedure:
        for procedure in known:
            if wanted.strip().casefold() in (procedure.about.key, procedure.about.letter.casefold()):
                return procedure
        there_are = ", ".join(f"{p.about.key} ({p.about.letter})" for p in known)
        raise WrongProcedure(f"There is no procedure {wanted.strip()!r}. There are: {there_are}.")

    procedure = find(first)
    base = second or procedure.about.completes_with
    return procedure.completed_with(find(base)) if base else procedure


def paths(more: Sequence[Path] = ()) -> list[Path]:
    """Every procedure file there is, an authority's own before those shipped."""
    return [path for folder in more for path in sorted(folder.glob("*.toml"))] + shipped()


def parse(text: str, file_name: str) -> Procedure:
    """The procedure written in `text`. Raises `WrongProcedure`, a line for each thing that is wrong."""
    try:
        return Procedure.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise WrongProcedure(f"{file_name}: this is not TOML: {error}") from None
    except ValidationError as error:
        lines = [
            f"{file_name}{_line(text, item['loc'])}: {'.'.join(map(str, item['loc'])) or 'whole file'}: {said}"
            for item in error.errors()
            for said in _said(dict(item)).splitlines()
        ]
        raise WrongProcedure("\n".join(lines)) from None


def _said(item: dict[str, Any]) -> str:
    """What pydantic found, in words an author can act on."""
    given = item.get("input")
    match item["type"]:
        case "enum":
            near = [
                value.value
                for vocabulary in VOCABULARIES
                for value in vocabulary
                if isinstance(given, str) and get_close_matches(given, [value.value], cutoff=0.6)
            ]
            hint = f" Did you mean {' or '.join(map(repr, near[:3]))}?" if near else ""
            return f"{given!r} is not a word of the vocabulary here.{hint}"
        case "missing":
            return "this is missing and is needed."
        case "extra_forbidden":
            return "there is no such setting; is it misspelt?"
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
