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
            verified = await recorded.verify(to, records, case)
            if verified is None:
                raise reach.there_is_none(case)
            return [verified]

    every = reaching.run(doing())
    wrong = [verified for verified in every if verified.problems]
    if json_:
        words.print_json([verified.model_dump(mode="json") for verified in every])
    else:
        for verified in every:
            _print(verified)
        if case is None:
            words.out.print(
                f"{words.many(len(every), 'case')} checked: {len(every) - len(wrong)} in order, {len(wrong)} not."
            )
    if wrong:
        sys.exit(1)


def _print(verified: recorded.Verified) -> None:
    for problem in verified.problems:
        words.err.print(f"[bold red]✗[/] {verified.reference}: {escape(problem)}")
    if not verified.problems:
        size = f"{words.many(verified.facts, 'message')} and {words.many(verified.entries, 'chronology line')}"
        agree = "The case is closed." if verified.closed else "The record matches the running case."
        words.out.print(f"[green]✓[/] {verified.reference}: {size}, all seals intact. {agree}")
