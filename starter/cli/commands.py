"""`s47`: the command line. It reads and sends; it never decides anything about a case."""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from temporalio.client import Client

from activities import reading
from activities.database import Database, DatabaseFailed
from casework import possible
from casework.batch import Front, front_of
from casework.calendar import spoken_instant
from casework.case import Case
from casework.effects import Refused
from casework.incoming import read as read_message
from casework.procedure_files import WrongProcedure
from casework.procedure_files import load as load_procedure
from casework.stages import MESSAGES
from casework.text_files import WrongFile
from connection.settings import WrongSettings, settings
from connection.temporal import SETTLE
from starter import drawings
from starter.cases import chronology, reach, recorded, referral_file
from starter.cli import procedures as procedure_commands
from starter.cli import sending, words
from starter.cli.up import up as run_up
from starter.cli.words import Force, Json
from starter.embedded import EmbeddedError, run_until_stopped
from starter.rehearsal.outcome import Rehearsed
from starter.rehearsal.plot import plot as draw
from starter.rehearsal.run import rehearse as live_through
from starter.rehearsal.scenario import Scenario
from starter.rehearsal.scenario import load as load_scenario
from workflows.case import Receipt

Returned = TypeVar("Returned")
Answer: TypeAlias = "Receipt | possible.Preview | reach.Failed | None"
"""What came of a message to one case; none: nobody waited for it."""

EPILOG = (
    "Exit status: 0 done · 1 refused, or not as expected · 2 wrongly called · 3 no such case · "
    "4 Temporal, the worker or the records do not answer."
)

UNKNOWN = (reading.NoSuchRole, reading.NoSuchStage, reading.NoSuchTeam)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="S47 runs child-protection casework as durable workflows, and never forgets a deadline.",
    epilog=EPILOG,
)
app.add_typer(procedure_commands.app, name="procedure")


def main() -> None:
    """Run the command line; what a person did wrong is said plainly, without a traceback."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    reach.LOG.setLevel(logging.INFO)
    reach.LOG.addHandler(logging.StreamHandler())
    try:
        app()
    except (reach.Failed, EmbeddedError, WrongFile, WrongProcedure, WrongSettings, *UNKNOWN) as failed:
        words.err.print(f"[bold red]✗[/] {escape(str(failed))}")
        sys.exit(getattr(failed, "code", 1))
    except KeyboardInterrupt:
        sys.exit(130)


def _run(doing: Coroutine[Any, Any, Returned]) -> Returned:
    async def settled() -> Returned:
        try:
            return await doing
        finally:
            await asyncio.sleep(SETTLE)

    return asyncio.run(settled())


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _now() -> datetime:
    return datetime.now(UTC)


def _say_version(wanted: bool) -> None:
    if wanted:
        words.out.print(f"s47 {version('s47')}, temporalio {version('temporalio')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def up(
    demo: Annotated[bool, typer.Option("--demo", help="Load a few fictional cases")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where the state is kept [default: .s47, or S47_FOLDER]")] = None,
    temporal_port: Annotated[int, typer.Option(help="Port of the Temporal server")] = 7233,
    ui_port: Annotated[int, typer.Option(help="Port of the Temporal Web UI")] = 8233,
) -> None:
    """Run everything on this machine: Temporal, Postgres and the worker, until Ctrl-C."""
    where = folder or settings().folder
    run_until_stopped(
        run_up(where, with_demo=demo, temporal_port=temporal_port, ui_port=ui_port),
        lambda line: words.out.print(line, markup=False),
    )


@app.command()
def refer(
    file: Annotated[Path, typer.Argument(help="A referral, JSON or TOML; - reads standard input")],
    json_: Json = False,
) -> None:
    """Open a case with a referral. On a case that runs it is new information, not a second case."""
    opening, body = referral_file.read(sys.stdin.buffer if str(file) == "-" else file)

    async def doing() -> tuple[Receipt, list[str]]:
        to = await reach.client()
        warnings = []
        try:
            async with _records() as records:
                if await recorded.is_lost(to, records, opening.reference):
                    raise reach.Lost(opening.reference)
                other = await recorded.elsewhere(records, opening.reference, body["person"])
            if other:
                listed = ", ".join(f"{one.reference} ({one.stage.value})" for one in other)
                warnings.append(f"The same child has another running case: {listed}. Should this go there?")
        except (reach.NotReached, WrongSettings) as failed:  # a referral is never put off because of that
            warnings.append(f"Whether this child has another case was not looked up. {failed}")
        return await reach.refer(to, opening, body), warnings

    receipt, warnings = _run(doing())
    if receipt.fact is None and receipt.duplicate:
        warnings.append("The case is closed. To open it again, send a new referral, with an id of its own.")
    _answer({opening.reference: receipt.model_copy(update={"warnings": (*receipt.warnings, *warnings)})}, json_)


def _send(cases: list[str], message: str, body: dict[str, Any], wanted: sending.Wanted) -> None:
    async def one(to: Client, case: str) -> Answer:
        try:
            if wanted.preview:
                return await _previewed(to, case, message, body)
            if wanted.by_signal:
                await reach.signal(to, case, message, body)
                return None
            return await reach.send(to, case, message, body)
        except reach.NotFound as failed:
            return await _look_closer(to, case, failed)
        except reach.NotReached as failed:
            same = f"--id {body['id']} --at {body['occurred_at']}"
            return (
                failed if wanted.preview else reach.NotReached(f"{failed} Send it again with {same}: it counts once.")
            )
        except reach.Failed as failed:
            return failed

    async def doing() -> dict[str, Answer]:
        to = await reach.client()
        return {case: await one(to, case) for case in cases}

    _answer(_run(doing()), wanted.as_json)


async def _previewed(to: Client, case: str, message: str, body: dict[str, Any]) -> Answer:
    """What a message would do, were it sent now."""
    found = read_message(message, body)
    tried = found if isinstance(found, Refused) else possible.preview(await _read(to, case), found, _now())
    return reach.NotAccepted(tried.reason) if isinstance(tried, Refused) else tried


async def _look_closer(to: Client, case: str, failed: reach.NotFound) -> reach.NotFound:
    """Why a case is not found: a lost one, one that is closed and one that never was look alike to Temporal."""
    try:
        async with _records() as records:
            if await recorded.is_lost(to, records, case):
                return reach.Lost(case)
            front = await reading.front(records, case)
            if front is None and isinstance(failed, reach.Lost):
                return reach.there_is_none(case)
            if front is not None and front.closed_at is not None:
                return reach.is_closed(case)
    except (reach.NotReached, WrongSettings):
        pass
    return failed


def _ask(cases: list[str], by: dict[str, str], everything: bool, as_json: bool) -> None:
    """Say what a person can record on each case now."""

    async def doing() -> dict[str, Case]:
        to = await reach.client()
        return {case: await _read(to, case) for case in cases}

    said: dict[str, list[dict[str, Any]]] = {}
    for reference, case in _run(doing()).items():
        role = case.story.procedure.role_named(by["role"])
        if role is None:
            raise reach.Failed(f"{reference}: {case.story.procedure.no_role(by['role'])}")
        if case.story.closed_at is not None:
            raise reach.is_closed(reference)
        found = possible.possible(case, role, _now())
        shown = [one for one in found if everything or one.why_not is None]
        said[reference] = [one.model_dump(mode="json") for one in shown]
        if not as_json:
            words.out.print(words.possible(reference, role, found, everything=everything))
    if as_json:
        words.print_json(said)


app.add_typer(sending.commands(_send, _ask), name="send")


def _answer(answers: dict[str, Answer], as_json: bool) -> None:
    """Say for each case whether the message was accepted, and what followed. Refused: exit status of the first."""
    failed = [answer for answer in answers.values() if isinstance(answer, reach.Failed)]
    if as_json:
        words.print_json({case: _answer_as_json(answer) for case, answer in answers.items()})
    else:
        for case, answer in answers.items():
            match answer:
                case reach.Failed():
                    words.err.print(f"[bold red]✗[/] {case}: {escape(str(answer))}")
                case None:
                    words.out.print(f"[green]→[/] {case}: sent, without waiting for the answer")
                case possible.Preview():
                    words.out.print(*words.preview(case, answer), sep="\n")
                case _:
                    words.out.print(*words.receipt(case, answer), sep="\n")
    if failed:
        sys.exit(failed[0].code)


def _answer_as_json(answer: Answer) -> dict[str, Any]:
    match answer:
        case reach.Failed():
            return {"accepted": False, "reason": str(answer)}
        case None:
            return {"accepted": None}
        case possible.Preview():
            return {"accepted": None, "preview": answer.model_dump(mode="json")}
        case _:
            return {"accepted": True, **answer.model_dump(mode="json")}


@app.command()
def correct(
    case: Annotated[str, typer.Argument(help="The case's reference")],
    numbers: Annotated[list[int], typer.Argument(metavar="NUMBER...", help="What is wrong, by its number in s47 show")],
    as_: sending.As,
    reason: Annotated[str, typer.Option("--reason", help="Why it was wrong; it stays in the record")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="How it is right, such as seen=false; may be repeated"),
    ] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="It did not happen, or to another child")] = False,
    belongs_to: Annotated[
        str | None, typer.Option("--belongs-to", metavar="CASE", help="Whose it is: it is recorded on that case")
    ] = None,
    ask: Annotated[str | None, typer.Option("--ask", help="Whom to ask, where a manager authorises it first")] = None,
    message_id: Annotated[
        str | None, typer.Option("--id", help="The message's own id; the same id twice counts once")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what it would do, and do nothing")] = False,
    json_: Json = False,
) -> None:
    """Put right what was recorded: withdraw it, or say how it was. The record keeps both, and who put it right.

    Where a clock or a decision hangs on it, a manager authorises it first.
    """
    body = {**sending.opened(as_, message_id=message_id), "reason": reason, **({"ask": ask} if ask else {})}
    if withdraw or belongs_to:
        if changes:
            raise reach.WronglyCalled("Withdraw it, or say how it is right with --set; not both.")
        body |= {"facts": numbers, **({"belongs_to": belongs_to} if belongs_to else {})}
        _send([case], "recorded_in_error", body, sending.Wanted(preview=preview, as_json=json_))
        return
    if len(numbers) > 1:
        raise reach.WronglyCalled("Put one right at a time; with --withdraw several can be named.")

    async def doing() -> Case:
        return await _read(await reach.client(), case)

    found = _run(doing())
    wrong = next((fact for fact in found.facts if fact.number == numbers[0]), None)
    if wrong is None:
        raise reach.NotAccepted(
            f"No. {numbers[0]} is not in the record of case {case}; s47 show {case} lists the numbers."
        )
    name = wrong.message.name
    if not changes:
        fields = ", ".join(field for field in MESSAGES[name].model_fields if field not in ("id", "by", "moved_from"))
        raise reach.WronglyCalled(
            f"No. {wrong.number} is {name}. Say how it is right: --set FIELD=VALUE. Its fields: {fields}. "
            "Or say --withdraw, if it did not happen."
        )
    body |= {"fact": wrong.number, "changes": sending.as_typed(name, changes)}
    _send([case], "corrected", body, sending.Wanted(preview=preview, as_json=json_))


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="The case's reference")],
    entries: Annotated[bool, typer.Option("--chronology/--no-chronology", help="With the chronology")] = True,
    refused: Annotated[bool, typer.Option("--refused", help="With what was refused, and why")] = False,
    json_: Json = False,
) -> None:
    """Show a case: stage, who must act next, deadlines, open requests, chronology.

    The number before a line is what s47 correct puts right. A case that Temporal has lost, or that is closed, is shown
    as the record has it.
    """

    async def doing() -> recorded.Shown:
        to = await reach.client()
        found, is_lost = await _known(to, case)
        if not (entries or refused):
            return recorded.Shown(found, is_lost)
        async with _records() as records:
            return recorded.Shown(
                found,
                is_lost,
                await reading.chronology(records, case, found.episode) if entries else [],
                await reading.refused(records, case, found.episode) if refused else [],
            )

    found = _run(doing())
    if json_:
        words.print_json(_case_as_json(found) | ({"refused": _refused_as_json(found)} if refused else {}))
        return
    if found.is_lost:
        words.out.print(f"[bold red]Temporal has lost this case. Rebuild it: s47 rebuild {case}[/]")
        words.out.print("Nobody is reminded of anything until then. This is what the record has:", "", sep="\n")
    words.out.print(words.front(found.case.story))
    if found.lines:
        words.out.print("", "[bold]Chronology[/]", chronology.shown(found.lines, found.case), sep="\n")
    if refused:
        none = "Nothing that was sent to this case was refused."
        words.out.print("", "[bold]Refused[/]", words.refused(found.refused) if found.refused else none, sep="\n")


def _refused_as_json(found: recorded.Shown) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", exclude={"fact", "state"}) for one in found.refused]


def _case_as_json(found: recorded.Shown) -> dict[str, Any]:
    case, became = found.case, chronology.marks(found.case)
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
        "lost": found.is_lost,
        "facts": facts,
        "chronology": [line.model_dump(mode="json") for line in found.lines],
    }


async def _known(to: Client, case: str) -> tuple[Case, bool]:
    """The case as the record has it, and whether Temporal has lost it. Raises `NotFound`, `NotReached`."""
    async with _records() as records:
        return await recorded.known(to, records, case, _now())


async def _read(to: Client, case: str) -> Case:
    """The case as the record has it. Raises `NotFound`, `Lost` for one that does not run, `NotReached`."""
    found, is_lost = await _known(to, case)
    if is_lost:
        raise reach.Lost(case)
    return found


@app.command()
def rebuild(
    case: Annotated[list[str] | None, typer.Argument(help="The cases' references")] = None,
    lost: Annotated[
        bool, typer.Option("--lost", help="Every case that the record has open and that does not run")
    ] = False,
) -> None:
    """Start a case again from the record alone, where Temporal has lost it."""
    if bool(case) == lost:
        raise reach.WronglyCalled("Name the case to rebuild, or say --lost for all that Temporal has lost.")

    async def one(to: Client, records: Database, reference: str) -> Case | reach.Failed:
        try:
            if await reach.runs(to, reference):
                raise reach.Failed(f"It runs; there is nothing to rebuild. Look at it: s47 show {reference}")
            front = await reading.front(records, reference)
            if front is None:
                raise reach.NotFound("The record has nothing of it.")
            if front.closed_at is not None:
                raise reach.Failed("It is closed. A new referral opens it again: s47 refer")
            await reach.rebuild(to, reference)
            return (await recorded.known(to, records, reference, _now()))[0]
        except reach.Failed as failed:
            return failed

    async def doing() -> dict[str, Case | reach.Failed]:
        to = await reach.client()
        async with _records() as records:
            wanted = await recorded.lost(to, records) if lost else list(dict.fromkeys(case or ()))
            return {reference: await one(to, records, reference) for reference in wanted}

    answers = _run(doing())
    for reference, answer in answers.items():
        if isinstance(answer, reach.Failed):
            words.err.print(f"[bold red]✗[/] {reference}: {escape(str(answer))}")
        else:
            waiting = ", ".join(answer.story.waiting_for)
            count = _many(len(answer.facts), "message")
            words.out.print(f"[green]✓[/] {reference}: rebuilt from {count}. Stage: {answer.story.stage.value}")
            words.out.print(f"  Who must act next: [bold]{escape(waiting)}[/]")
    if not answers:
        words.out.print("No case is lost.")
    failed = [answer for answer in answers.values() if isinstance(answer, reach.Failed)]
    if failed:
        sys.exit(failed[0].code)


@app.command()
def tray(
    role: Annotated[str, typer.Argument(help="A role as its procedure names it, such as 'team manager'")],
    person: Annotated[str | None, typer.Option(help="Only what is this person's, or anybody's in the role")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's cases")] = None,
    json_: Json = False,
) -> None:
    """Show what a role has to do, soonest first: deadlines, requests to decide, notices to acknowledge by their ids."""

    async def doing() -> list[reading.TrayItem]:
        async with _records() as records:
            return await reading.tray(records, role, person, team)

    items = _run(doing())
    if json_:
        words.print_json([item.model_dump(mode="json") for item in items])
    elif items:
        words.out.print(words.tray(items))
        notice = next((item.id for item in items if item.kind == "notice"), None)
        if notice:
            words.out.print(
                "", f"Read a notice? s47 acknowledge {notice} --as PERSON takes it out of the tray.", sep="\n"
            )
    else:
        words.out.print(f"Nothing is in the tray of the {escape(role)}.")


@app.command()
def cases(
    stage: Annotated[str | None, typer.Option(help="Only in this stage")] = None,
    procedure: Annotated[str | None, typer.Option(help="Only on this procedure")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's")] = None,
    allocated_to: Annotated[str | None, typer.Option(help="Only this social worker's")] = None,
    waiting_for: Annotated[str | None, typer.Option(help="Only those waiting for this role")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those with something overdue")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Closed ones too")] = False,
    json_: Json = False,
) -> None:
    """List the cases as the record has them, soonest due first. One that Temporal has lost is marked."""

    async def doing() -> list[dict[str, Any]]:
        to = await reach.client()
        async with _records() as records:
            found = await reading.cases(
                records,
                stage=stage,
                procedure=_key(procedure),
                team=team,
                allocated_to=allocated_to,
                waiting_for=waiting_for,
                overdue=overdue,
                closed=closed,
            )
            missing = await recorded.lost(to, records)
        return [_row(front, front.closed_at is None and front.reference in missing) for front in found]

    rows = _run(doing())
    if json_:
        words.print_json(rows)
        return
    again = Counter(row["reference"] for row in rows)
    made = words.table("case", "stage", "next due", "overdue", "waiting for", "team", "allocated to")
    for row in rows:
        is_lost = row["status"] == "lost"
        made.add_row(
            f"{row['reference']} (episode {row['episode']})" if again[row["reference"]] > 1 else row["reference"],
            "[bold red]LOST[/]" if is_lost else row["stage"],
            spoken_instant(row["next_due"]) if row["next_due"] else "",
            f"[bold red]{', '.join(row['overdue'])}[/]",
            ", ".join(row["waiting_for"]),
            row["team"],
            row["allocated_to"],
        )
    words.out.print(made if rows else "There is no such case.")
    lost = [row["reference"] for row in rows if row["status"] == "lost"]
    if lost:
        words.err.print(f"[bold red]✗[/] Temporal has lost {', '.join(lost)}. Rebuild what is lost: s47 rebuild --lost")


def _key(procedure: str | None) -> str | None:
    """The key of a procedure that is named by its letter; any other name as it is."""
    if procedure is None:
        return None
    try:
        return load_procedure(procedure, settings().procedures).about.key
    except WrongProcedure:
        return procedure  # a case may still run on one that is no longer there


def _row(front: Front, is_lost: bool) -> dict[str, Any]:
    return {
        "reference": front.reference,
        "episode": front.episode,
        "status": "lost" if is_lost else "running" if front.closed_at is None else "closed",
        "stage": front.stage.value,
        "procedure": front.procedure,
        "next_due": front.next_due,
        "overdue": list(front.overdue),
        "waiting_for": list(front.waiting_for),
        "team": front.team,
        "allocated_to": front.allocated_to,
    }


@app.command()
def verify(
    case: Annotated[str | None, typer.Argument(help="The case's reference [default: every case]")] = None,
    json_: Json = False,
) -> None:
    """Check that the record is as it was written, that it and the cases that run agree, and that none is lost."""

    async def doing() -> list[recorded.Verified]:
        to = await reach.client()
        async with _records() as records:
            if case is None:
                return await recorded.verify_all(to, records)
            one = await recorded.verify(to, records, case)
            if one is None:
                raise reach.NotFound(f"There are no records of a case {case}.")
            return [one]

    found = _run(doing())
    if json_:
        words.print_json([one.model_dump(mode="json") for one in found])
    else:
        for one in found:
            for problem in one.problems:
                words.err.print(f"[bold red]✗[/] {one.reference}: {escape(problem)}")
            if not one.problems:
                there_are = f"{_many(one.facts, 'message')}, {_many(one.entries, 'line')}, every seal whole"
                agree = "the case is closed" if one.closed else "record and case agree"
                words.out.print(f"[green]✓[/] {one.reference}: {there_are}; {agree}")
        wrong = [one for one in found if one.problems]
        if case is None:
            words.out.print(f"{_many(len(found), 'case')}: {len(found) - len(wrong)} in order, {len(wrong)} not.")
    if any(one.problems for one in found):
        sys.exit(1)


@app.command()
def acknowledge(
    notice: Annotated[str, typer.Argument(help="The notice's id, as the tray shows it")],
    as_: Annotated[str, typer.Option("--as", metavar="PERSON", help="Who has read it")],
) -> None:
    """Say that a notice was read; it leaves the tray."""

    async def doing() -> None:
        async with _records() as records:
            await reading.acknowledge(records, notice, as_)

    try:
        _run(doing())
    except reading.NoSuchNotice:
        raise reach.NotFound(f"There is no notice {notice}.") from None
    words.out.print(f"[green]✓[/] {notice}: read by {as_}")


@app.command()
def rehearse(
    scenario: Annotated[list[Path], typer.Argument(help="Scenario files; docs/rehearsing.md describes them")],
    procedure: Annotated[str | None, typer.Option(help="Another procedure than the one the file names")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the timeline to this file (.svg, .png, .pdf)")] = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Live through a scenario on the real workflow, on a server that skips time: years take seconds."""
    read = [load_scenario(path) for path in scenario]
    came_of = [_rehearsed(one, procedure) for one in read]
    if plot is not None:
        draw(came_of[0], plot, force=force)
    if json_:
        said = [one.model_dump(mode="json") for one in came_of]
        words.print_json(said[0] if len(said) == 1 else said)
    else:
        for one in came_of:
            words.out.print(f"[bold]{escape(one.title)}[/] ({one.procedure})", "", words.timeline(one), sep="\n")
            words.out.print("", "[bold]Deadlines[/]", words.lives(one), "", "[bold]Expected[/]", sep="\n")
            words.out.print(words.checks(one), "")
    if not all(one.as_expected for one in came_of):
        sys.exit(1)


def _rehearsed(scenario: Scenario, procedure: str | None) -> Rehearsed:
    rules = load_procedure(procedure or scenario.procedure, settings().procedures)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} messages"))
    with Progress(*columns, console=words.err, transient=True, disable=not words.err.is_terminal) as progress:
        task = progress.add_task(scenario.title, total=len(scenario.message))
        return _run(live_through(scenario, rules, lambda done, of: progress.update(task, completed=done)))


@app.command("map")
def process_map(
    procedure: Annotated[str | None, typer.Argument(help="Its key, letter or file; B+WT completes B")] = None,
    out: Annotated[Path | None, typer.Option(help="The file to draw to [default: the procedure's key, .svg]")] = None,
    case: Annotated[str | None, typer.Option(help="Mark where this case stands, on its own procedure")] = None,
    paper: Annotated[str | None, typer.Option(help="A3, A2 or A1 [default: the smallest that holds it]")] = None,
    force: Force = False,
) -> None:
    """Draw a procedure's process map from its running rules, to hang on a wall; or where a case stands on it."""
    # Imported here: no other command needs it, and every command would wait for it.
    from starter.procedures.map.sheet import draw as draw_map  # noqa: PLC0415

    async def read(reference: str) -> Case:
        found, _ = await _known(await reach.client(), reference)
        return found

    found = _run(read(case)) if case else None
    named = procedure_commands.rules_called(procedure) if procedure else None
    drawn = found.story.procedure if found else named
    if drawn is None:
        raise typer.BadParameter("Name a procedure, or a case with --case.")
    if named and named.about.key != drawn.about.key:
        raise reach.Failed(f"Case {case} runs on {drawn.about.key}, not on {procedure}; leave the procedure out.")
    file = out or Path(f"{drawn.about.key}{f'-{found.reference}' if found else ''}.svg")
    drawings.format_of(file, ("svg",))
    picture = draw_map(drawn, found.story if found else None, paper, datetime.now(UTC))
    drawings.write(file, picture.svg().encode(), force=force)
    size = f"{picture.box.width:g} × {picture.box.height:g} mm"
    words.out.print(f"[green]✓[/] {escape(str(file))}: {escape(drawn.about.title)}, {size}")


@asynccontextmanager
async def _records() -> AsyncIterator[Database]:
    database = Database(reach.records_dsn())
    try:
        await database.prepare()
        yield database
    except (DatabaseFailed, OSError) as error:
        raise reach.NotReached(f"The records' database does not answer: {error}") from None
    finally:
        await database.close()
