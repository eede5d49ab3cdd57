"""Checking the record: `s47 verify`."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from starter.cases import reach, recorded
from starter.cli import reaching, words
from starter.cli.words import Json


def verify(
    case: Annotated[str | None, typer.Argument(help="The case's reference (default: every case)")] = None,
    json_: Json = False,
) -> None:
    """Check that the record is as it was written, that it matches the running cases, and that no case is lost."""

    async def doing() -> list[recorded.Verified]:
        to = await reach.client()
        async with reaching.records() as records:
            if case is None:
                return await recorded.verify_all(to, records)
            checked = await recorded.verify(to, records, case)
            if checked is None:
                raise reach.there_is_none(case)
            return [checked]

    found = reaching.run(doing())
    wrong = [checked for checked in found if checked.problems]
    if json_:
        words.print_json([checked.model_dump(mode="json") for checked in found])
    else:
        for checked in found:
            _print_checked(checked)
        if case is None:
            words.out.print(
                f"{words.many(len(found), 'case')} checked: {len(found) - len(wrong)} in order, {len(wrong)} not."
            )
    if wrong:
        sys.exit(1)


def _print_checked(checked: recorded.Verified) -> None:
    for problem in checked.problems:
        words.err.print(f"[bold red]✗[/] {checked.reference}: {escape(problem)}")
    if not checked.problems:
        size = f"{words.many(checked.facts, 'message')} and {words.many(checked.entries, 'chronology line')}"
        agree = "The case is closed." if checked.closed else "The record matches the running case."
        words.out.print(f"[green]✓[/] {checked.reference}: {size}, all seals intact. {agree}")
