"""Opening cases: `s47 refer`, and `s47 rebuild` where Temporal has lost one."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from temporalio.client import Client

from activities import reading
from activities.database import Database
from casework.case import Case
from connection.settings import WrongSettings
from starter.cases import reach, recorded, referral_file
from starter.cli import reaching, words
from starter.cli.words import Json
from workflows.case import Receipt


def refer(
    file: Annotated[Path, typer.Argument(help="The referral, a JSON or TOML file; - reads it from standard input")],
    json_: Json = False,
) -> None:
    """Open a case with a referral. If the case is open already, the referral is added as new information."""
    opening, body = referral_file.read(sys.stdin.buffer if str(file) == "-" else file)

    async def doing() -> tuple[Receipt, list[str]]:
        to = await reach.client()
        warnings = []
        try:
            async with reaching.records() as records:
                if await recorded.is_lost(to, records, opening.reference):
                    raise reach.Lost(opening.reference)
                other = await recorded.elsewhere(records, opening.reference, body["person"])
            if other:
                listed = ", ".join(f"{front.reference} ({front.stage.value})" for front in other)
                warnings.append(f"This child already has an open case: {listed}. Should this referral go there?")
        except (reach.NotReached, WrongSettings) as failed:  # a referral is never put off because of that
            warnings.append(f"S47 could not check whether this child has another open case. {failed}")
        return await reach.refer(to, opening, body), warnings

    receipt, warnings = reaching.run(doing())
    if receipt.fact is None and receipt.duplicate:
        warnings.append("The case is closed. To open it again, send a new referral with its own id.")
    receipt = receipt.model_copy(update={"warnings": (*receipt.warnings, *warnings)})
    words.print_answers({opening.reference: receipt}, as_json=json_)


def rebuild(
    case: Annotated[list[str] | None, typer.Argument(help="The cases' references")] = None,
    lost: Annotated[bool, words.flag("--lost", "Rebuild every case that Temporal has lost")] = False,
) -> None:
    """Restart a case that Temporal has lost, from the record."""
    if bool(case) == lost:
        raise reach.WronglyCalled("Name the case to rebuild, or use --lost to rebuild every case Temporal has lost.")

    async def rebuilt(to: Client, records: Database, reference: str) -> Case | reach.Failed:
        try:
            if await reach.runs(to, reference):
                raise reach.runs_already(reference)
            front = await reading.front(records, reference)
            if front is None:
                raise reach.NotFound("There is no such case in the record. List the cases with: s47 cases --closed")
            if front.closed_at is not None:
                raise reach.Failed("This case is closed. To open it again, send a new referral: s47 refer FILE")
            await reach.rebuild(to, reference)
            return (await recorded.current(to, records, reference, reaching.now()))[0]
        except reach.Failed as failed:
            return failed

    async def doing() -> dict[str, Case | reach.Failed]:
        to = await reach.client()
        async with reaching.records() as records:
            wanted = await recorded.lost(to, records) if lost else list(dict.fromkeys(case or ()))
            return {reference: await rebuilt(to, records, reference) for reference in wanted}

    answers = reaching.run(doing())
    for reference, answer in answers.items():
        if isinstance(answer, reach.Failed):
            words.err.print(f"[bold red]✗[/] {reference}: {escape(str(answer))}")
        else:
            waiting = ", ".join(answer.story.waiting_for)
            count = words.many(len(answer.facts), "message")
            words.out.print(f"[green]✓[/] {reference}: rebuilt from {count}. Stage: {answer.story.stage.value}")
            words.out.print(f"  Who must act next: [bold]{escape(waiting)}[/]")
    if not answers:
        words.out.print("No case is lost.")
    failed = [answer for answer in answers.values() if isinstance(answer, reach.Failed)]
    if failed:
        sys.exit(failed[0].code)
