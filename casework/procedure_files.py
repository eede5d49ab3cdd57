"""Reading procedure files: finding one by name, and saying what is wrong in a wrong one, where, and what is right."""

import re
from collections.abc import Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from casework.procedure import Procedure
from casework.procedure_format import WrittenOut
from casework.procedure_problems import in_lines, out_of_bounds, problems_in, too_large, without_effect
from casework.text_files import WrongFile, text_of, values_in

MOST_OF_A_LINE = 2_000
MOST_PROBLEMS = 30


class WrongProcedure(Exception):
    """A procedure that cannot be used; the message is for the person who wrote it, a line for each thing wrong."""


def shipped() -> list[Path]:
    """The procedure files that come with S47."""
    return sorted(Path(str(files("casework"))).joinpath("procedures").glob("*.toml"))


def paths(more: Sequence[Path] = ()) -> list[Path]:
    """Every procedure file there is, an authority's own before those shipped."""
    return [path for folder in more for path in sorted(folder.glob("*.toml"))] + shipped()


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
        whole = procedure.completed_with(find(base))
        problems = [*too_large(whole)]
    except ValidationError as error:
        problems = [*problems_in(error)]
    if problems:
        raise WrongProcedure(f"{first} cannot be completed with {base}: {'; '.join(what for _, what in problems)}")
    return whole


def read(path: Path) -> Procedure:
    """The procedure in this file. Raises `WrongProcedure`."""
    return parse(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return text_of(path)
    except WrongFile as wrong:
        raise WrongProcedure(str(wrong)) from None


def _called(text: str) -> tuple[str, str]:
    """The key and the letter a file gives itself, whatever else is wrong in it."""
    names = dict(re.findall(r'^\s*(key|letter)\s*=\s*"([^"\n]+)"', text, re.MULTILINE)[:2])
    return names.get("key", "?"), names.get("letter", "?")


def parse(text: str, file_name: str) -> Procedure:
    """The procedure written in `text`. Raises `WrongProcedure`, a line for each thing that is wrong."""
    file = _values(text, file_name)
    problems = [*islice(out_of_bounds(file), 2 * MOST_PROBLEMS)]
    if not problems:
        written = WrittenOut(file)
        try:
            procedure = Procedure.model_validate(written.rules)
            wrong = [*without_effect(procedure), *too_large(procedure)]
        except ValidationError as error:
            wrong = [*islice(problems_in(error), 2 * MOST_PROBLEMS)]
        problems = written.problems + [(written.place(at), what) for at, what in wrong]
    if problems:
        lines = in_lines(problems, text, file_name)
        more = [f"{file_name}: and there is more"] if len(lines) > MOST_PROBLEMS else []
        raise WrongProcedure("\n".join(lines[:MOST_PROBLEMS] + more))
    return procedure


def _values(text: str, file_name: str) -> dict[str, Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MOST_OF_A_LINE:
            raise WrongProcedure(f"{file_name}:{number}: this line is longer than {MOST_OF_A_LINE:,} characters")
    try:
        return values_in(text, file_name)
    except WrongFile as wrong:
        raise WrongProcedure(str(wrong)) from None
