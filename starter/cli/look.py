"""Looking at cases: `s47 cases`, `s47 show`, `s47 tray`, `s47 acknowledge`."""

from collections import Counter
from typing import Annotated, Any

import typer
from rich.markup import escape

from activities import reading
from activities.database import Database
from casework.batch import Front, front_of
from casework.calendar import spoken_instant
from casework.procedure_files import WrongProcedure
from casework.procedure_files import load as load_procedure
from connection.settings import settings
from starter.cases import chronology, reach, recorded
from starter.cases.ended import Ended, ended
from starter.cli import reaching, words
from starter.cli.words import Json


def cases(
    stage: Annotated[str | None, typer.Option(help="Only cases at this stage")] = None,
    procedure: Annotated[str | None, typer.Option(help="Only cases on this procedure, by key or letter")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's cases")] = None,
    allocated_to: Annotated[str | None, typer.Option(help="Only this social worker's cases")] = None,
    waiting_for: Annotated[str | None, typer.Option(help="Only cases waiting for this role")] = None,
    overdue: Annotated[bool, words.flag("--overdue", "Only cases with something overdue")] = False,
    closed: Annotated[bool, words.flag("--closed", "Include closed cases")] = False,
    json_: Json = False,
) -> None:
    """List cases, soonest due first. Cases that Temporal has lost are marked."""

    async def doing() -> list[dict[str, Any]]:
        to = await reach.client()
        async with reaching.records() as records:
            fronts = await reading.cases(
                records,
                stage=stage,
                procedure=await _key(records, procedure),
                team=team,
                allocated_to=allocated_to,
                waiting_for=waiting_for,
                overdue=overdue,
                closed=closed,
            )
            missing = {reference: await ended(to, reference) for reference in await recorded.lost(to, records)}
        return [
            _row(front, front.closed_at is None and front.reference in missing, missing.get(front.reference))
            for front in fronts
        ]

    rows = reaching.run(doing())
    if json_:
        words.print_json(rows)
    elif rows:
        _print_cases(rows)
    elif stage or procedure or team or allocated_to or waiting_for or overdue:
        words.out.print("No case matches.")
    else:
        words.out.print("There are no open cases. Open one with: s47 refer FILE")


def _print_cases(rows: list[dict[str, Any]]) -> None:
    times = Counter(row["reference"] for row in rows)
    made = words.table("case", "stage", "next due", "overdue", "waiting for", "team", "allocated to")
    for row in rows:
        reference = row["reference"]
        made.add_row(
            f"{reference} (episode {row['episode']})" if times[reference] > 1 else reference,
            f"[bold red]{row['ended'].how.upper() if row['ended'] else 'LOST'}[/]"
            if row["status"] == "lost"
            else row["stage"],
            spoken_instant(row["next_due"]) if row["next_due"] else "",
            f"[bold red]{', '.join(row['overdue'])}[/]",
            ", ".join(row["waiting_for"]),
            row["team"],
            row["allocated_to"],
        )
    words.out.print(made)
    lost = [row["reference"] for row in rows if row["status"] == "lost"]
    for row in rows:
        if row["status"] == "lost" and row["ended"]:
            words.err.print(f"[bold red]✗[/] {row['reference']} was {escape(str(row['ended']))}")
    if lost:
        words.err.print(
            f"[bold red]✗[/] Temporal has lost {', '.join(lost)}. Nobody is reminded of anything until you rebuild "
            "what is lost: s47 rebuild --lost"
        )


async def _key(records: Database, procedure: str | None) -> str | None:
    """The key of a procedure named by key or letter. Raises `WrongProcedure` where there is none and no case has it."""
    if procedure is None:
        return None
    try:
        return load_procedure(procedure, settings().procedures).about.key
    except WrongProcedure:
        if await reading.cases(records, procedure=procedure, closed=True):
            return procedure  # a case may still run on one that is no longer there
        raise


def _row(front: Front, is_lost: bool, how: Ended | None) -> dict[str, Any]:
    return {
        "reference": front.reference,
        "episode": front.episode,
        "status": "lost" if is_lost else "running" if front.closed_at is None else "closed",
        "ended": how if is_lost else None,
        "stage": front.stage.value,
        "procedure": front.procedure,
        "next_due": front.next_due,
        "overdue": list(front.overdue),
        "waiting_for": list(front.waiting_for),
        "team": front.team,
        "allocated_to": front.allocated_to,
    }


def show(
    case: Annotated[str, typer.Argument(help="The case's reference")],
    entries: Annotated[bool, words.flag("--chronology/--no-chronology", "Show the chronology")] = True,
    refused: Annotated[bool, words.flag("--refused", "Show what was refused, and why")] = False,
    json_: Json = False,
) -> None:
    """Show a case: its stage, who must act next, what is due, what waits for a decision, and the chronology.

    To correct a line of the chronology, give the number in front of it to s47 correct. A closed case, or one that
    Temporal has lost, is shown as it is in the record.
    """

    async def doing() -> recorded.Shown:
        to = await reach.client()
        state, is_lost = await reaching.current(to, case)
        how = await ended(to, case) if is_lost else None
        if not (entries or refused):
            return recorded.Shown(state, is_lost, how)
        async with reaching.records() as records:
            return recorded.Shown(
                state,
                is_lost,
                how,
                await reading.chronology(records, case, state.episode) if entries else [],
                await reading.refused(records, case, state.episode) if refused else [],
            )

    shown = reaching.run(doing())
    if json_:
        without = [message.model_dump(mode="json", exclude={"fact", "state"}) for message in shown.refused]
        words.print_json(_case_as_json(shown) | ({"refused": without} if refused else {}))
        return
    if shown.is_lost:
        lost = f"This case was {escape(str(shown.ended))}." if shown.ended else "Temporal has lost this case."
        words.out.print(f"[bold red]{lost} Rebuild it: s47 rebuild {case}[/]", soft_wrap=True)
        words.out.print("Nobody is reminded of anything until you do. This is what the record has:", "", sep="\n")
    words.out.print(words.front(shown.case.story))
    if shown.lines:
        words.out.print("", "[bold]Chronology[/]", chronology.shown(shown.lines, shown.case), sep="\n")
    if refused:
        none = "Nothing that was sent to this case was refused."
        words.out.print("", "[bold]Refused[/]", words.refused(shown.refused) if shown.refused else none, sep="\n")


def _case_as_json(shown: recorded.Shown) -> dict[str, Any]:
    case, became = shown.case, chronology.marks(shown.case)
    facts = [
        {
            "number": fact.number,
            "name": fact.message.name,
            "occurred_at": fact.message.occurred_at.isoformat(),
            "recorded_at": fact.recorded_at.isoformat(),
            "by": str(fact.message.by),
            **became.get(fact.number, chronology.Mark()).model_dump(mode="json"),
        }
        for fact in case.facts
    ]
    return {
        **case.story.model_dump(mode="json", exclude={"procedure", "bank_holidays", "clock"}),
        **front_of(case).model_dump(mode="json"),
        "lost": shown.is_lost,
        "ended": shown.ended and str(shown.ended),
        "facts": facts,
        "chronology": [line.model_dump(mode="json") for line in shown.lines],
    }


def tray(
    role: Annotated[str, typer.Argument(help="A role of the procedure, such as 'team manager'")],
    person: Annotated[str | None, typer.Option(help="Only what is for this person, or for anybody in the role")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's cases")] = None,
    json_: Json = False,
) -> None:
    """Show what a role has to do, soonest first: deadlines, requests to decide and notices to read."""

    async def doing() -> tuple[list[reading.TrayItem], set[str]]:
        async with reaching.records() as records:
            items = await reading.tray(records, role, person, team)
            try:
                return items, set(await recorded.lost(await reach.client(), records))
            except reach.NotReached as failed:  # what the record has is shown all the same
                words.err.print(f"S47 could not check whether these cases run. {escape(str(failed))}")
                return items, set()

    items, lost = reaching.run(doing())
    if json_:
        words.print_json([{**item.model_dump(mode="json"), "lost": item.reference in lost} for item in items])
    elif items:
        words.out.print(words.tray(items, lost), "", *words.what_to_do_with(items), sep="\n")
        if any(item.reference in lost for item in items):
            words.out.print("“Not running”: nobody is reminded of it. To see why: s47 doctor")
    else:
        words.out.print(f"The tray for '{escape(role)}' is empty.")


def acknowledge(
    notice: Annotated[str, typer.Argument(help="The notice's id, as s47 tray shows it")],
    as_: Annotated[str, typer.Option("--as", metavar="PERSON", help="Who has read it")],
) -> None:
    """Mark a notice as read. It leaves the tray."""

    async def doing() -> None:
        async with reaching.records() as records:
            await reading.acknowledge(records, notice, as_)

    try:
        reaching.run(doing())
    except reading.NoSuchNotice:
        raise reach.NotFound(f"There is no notice {notice}. s47 tray ROLE shows the notices and their ids.") from None
    words.out.print(f"[green]✓[/] {notice}: read by {as_}")
