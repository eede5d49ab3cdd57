"""`s47`: the command line. It reads and sends; it never decides anything about a case."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from activities import reading
from activities.database import Database, DatabaseFailed
from casework.batch import front_of
from casework.calendar import spoken_instant
from casework.case import Case
from casework.procedure import Procedure
from casework.procedure_files import WrongProcedure, parse
from casework.procedure_files import load as load_procedure
from casework.procedure_files import paths as procedure_paths
from connection import search_attributes as attribute
from connection.settings import WrongSettings, settings
from starter import differences, reach, referral_file, rules, sending, vocabulary, words
from starter import trace as tracing
from starter.embedded import EmbeddedError, read_addresses, run_until_stopped
from starter.rehearsal.outcome import Rehearsed
from starter.rehearsal.plot import plot as draw
from starter.rehearsal.run import rehearse as live_through
from starter.rehearsal.scenario import Scenario, WrongScenario
from starter.rehearsal.scenario import load as load_scenario
from starter.up import up as run_up
from workflows.case import Receipt

Returned = TypeVar("Returned")

EPILOG = (
    "Exit status: 0 done · 1 refused, or not as expected · 2 wrongly called · 3 no such case · "
    "4 Temporal, the worker or the records do not answer."
)

SETTLE = 0.05
"""Seconds to wait before the process ends: the Temporal client's own threads must not meet an exiting interpreter."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="S47 runs child-protection casework as durable workflows, and never forgets a deadline.",
    epilog=EPILOG,
)
procedure_app = typer.Typer(no_args_is_help=True, help="The authorities' procedures: list, check, show, compare.")
app.add_typer(procedure_app, name="procedure")

Named = Annotated[str, typer.Argument(help="A procedure's key, letter or file; B+WT completes B")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON")]


def main() -> None:
    """Run the command line; what a person did wrong is said plainly, without a traceback."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    try:
        app()
    except (reach.Failed, EmbeddedError, WrongProcedure, WrongScenario, WrongSettings) as failed:
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


def _print_json(value: Any) -> None:
    def plain(item: Any) -> str:
        return item.isoformat() if isinstance(item, date) else str(item)

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n")


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
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise reach.Failed(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise reach.Failed(f"{file}: this is not text in UTF-8") from None
    opening, body = referral_file.read(text)

    async def doing() -> Receipt:
        return await reach.refer(await reach.client(), opening, body)

    _answer({opening.reference: _run(doing())}, json_)


def _send(cases: list[str], message: str, body: dict[str, Any], by_signal: bool, as_json: bool) -> None:
    async def doing() -> dict[str, Receipt | reach.Failed | None]:
        to = await reach.client()
        answers: dict[str, Receipt | reach.Failed | None] = {}
        for case in cases:
            try:
                if by_signal:
                    await reach.signal(to, case, message, body)
                    answers[case] = None
                else:
                    answers[case] = await reach.send(to, case, message, body)
            except reach.Failed as failed:
                answers[case] = failed
        return answers

    _answer(_run(doing()), as_json)


app.add_typer(sending.commands(_send), name="send")


def _answer(answers: dict[str, Any], as_json: bool) -> None:
    """Say for each case whether the message was accepted, and what followed. Refused: exit status of the first."""
    failed = [answer for answer in answers.values() if isinstance(answer, reach.Failed)]
    if as_json:
        _print_json({case: _answer_as_json(answer) for case, answer in answers.items()})
    else:
        for case, answer in answers.items():
            if isinstance(answer, reach.Failed):
                words.err.print(f"[bold red]✗[/] {case}: {escape(str(answer))}")
            elif answer is None:
                words.out.print(f"[green]→[/] {case}: sent, without waiting for the answer")
            else:
                said = "taken before; nothing changed" if answer.duplicate else "accepted"
                words.out.print(f"[green]✓[/] {case}: {said}. Stage: {answer.stage}")
                for entry in answer.entries:
                    words.out.print(f"    {escape(entry)}")
                waiting = ", ".join(answer.waiting_for) or "nobody"
                words.out.print(f"  Who must act next: [bold]{escape(waiting)}[/]")
    if failed:
        sys.exit(failed[0].code)


def _answer_as_json(answer: Any) -> dict[str, Any]:
    if isinstance(answer, reach.Failed):
        return {"accepted": False, "reason": str(answer)}
    if answer is None:
        return {"accepted": None}
    return {"accepted": True, **answer.model_dump(mode="json")}


@app.command()
def show(
    case: Annotated[str, typer.Argument(help="The case's reference")],
    entries: Annotated[bool, typer.Option("--chronology/--no-chronology", help="With the chronology")] = True,
    json_: Json = False,
) -> None:
    """Show a case: stage, who must act next, deadlines, open requests, chronology."""

    async def doing() -> None:
        found = await reach.read(await reach.client(), case)
        lines = []
        if entries:
            async with _records() as records:
                lines = await reading.chronology(records, case, found.episode)
        if json_:
            whole = found.story.model_dump(mode="json", exclude={"procedure", "bank_holidays", "clock"})
            front = front_of(found).model_dump(mode="json")
            _print_json({**whole, **front, "chronology": [line.model_dump(mode="json") for line in lines]})
            return
        words.out.print(words.front(found.story))
        if lines:
            words.out.print("", "[bold]Chronology[/]", words.chronology(lines), sep="\n")

    _run(doing())


@app.command()
def tray(
    role: Annotated[str, typer.Argument(help="A role as its procedure names it, such as 'team manager'")],
    person: Annotated[str | None, typer.Option(help="Only what is this person's, or anybody's in the role")] = None,
    team: Annotated[str | None, typer.Option(help="Only this team's cases")] = None,
    json_: Json = False,
) -> None:
    """Show what a role has to do, soonest first: deadlines, requests to decide, notices."""

    async def doing() -> list[reading.TrayItem]:
        async with _records() as records:
            return await reading.tray(records, role, person, team)

    items = _run(doing())
    if json_:
        _print_json([item.model_dump(mode="json") for item in items])
    elif items:
        words.out.print(words.tray(items))
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
    """List the cases, soonest due first."""
    wanted = {
        attribute.STAGE.name: stage,
        attribute.PROCEDURE.name: procedure,
        attribute.TEAM.name: team,
        attribute.ALLOCATED_TO.name: allocated_to,
        attribute.WAITING_FOR.name: waiting_for,
    }
    query = ["WorkflowType = 'case'", *([] if closed else ["ExecutionStatus = 'Running'"])]
    query += [f"{name} = '{value.replace(chr(39), chr(92) + chr(39))}'" for name, value in wanted.items() if value]
    if overdue:
        query.append(f"{attribute.OVERDUE.name} IS NOT NULL")

    async def doing() -> list[dict[str, Any]]:
        to = await reach.client()
        return [_row(execution) async for execution in reach.listed(to, " AND ".join(query))]

    rows = sorted(_run(doing()), key=lambda row: (row["next_due"] is None, row["next_due"], row["reference"]))
    if json_:
        _print_json(rows)
        return
    made = words.table("case", "stage", "next due", "overdue", "waiting for", "team", "allocated to")
    for row in rows:
        due = spoken_instant(row["next_due"]) if row["next_due"] else ""
        late = ", ".join(row["overdue"])
        made.add_row(
            row["reference"],
            row["stage"],
            due,
            f"[bold red]{late}[/]",
            ", ".join(row["waiting_for"]),
            row["team"],
            row["allocated_to"],
        )
    words.out.print(made if rows else "There is no such case.")


def _row(execution: Any) -> dict[str, Any]:
    said = execution.typed_search_attributes
    return {
        "reference": execution.id.removeprefix("case-"),
        "status": execution.status.name.lower(),
        "stage": said.get(attribute.STAGE),
        "procedure": said.get(attribute.PROCEDURE),
        "next_due": said.get(attribute.NEXT_DUE),
        "overdue": list(said.get(attribute.OVERDUE) or ()),
        "waiting_for": list(said.get(attribute.WAITING_FOR) or ()),
        "team": said.get(attribute.TEAM),
        "allocated_to": said.get(attribute.ALLOCATED_TO),
    }


@app.command()
def verify(case: Annotated[str, typer.Argument(help="The case's reference")]) -> None:
    """Check that a case's chronology is as it was written: no line changed, dropped or put in between."""

    async def doing() -> reading.Chain:
        async with _records() as records:
            return await reading.verify_chain(records, case)

    chain = _run(doing())
    if not chain.entries and not chain.breaks:
        raise reach.NotFound(f"There are no records of a case {case}.")
    for found in chain.breaks:
        words.err.print(f"[bold red]✗[/] {case}, episode {found.episode}, entry {found.number}: {found.problem}")
    if not chain.intact:
        sys.exit(1)
    words.out.print(f"[green]✓[/] {case}: {chain.entries} entries, the chain is whole")


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
    json_: Json = False,
) -> None:
    """Live through a scenario on the real workflow, on a server that skips time: years take seconds."""
    read = [load_scenario(path) for path in scenario]
    came_of = [_rehearsed(one, procedure) for one in read]
    if plot is not None:
        draw(came_of[0], plot)
    if json_:
        said = [one.model_dump(mode="json") for one in came_of]
        _print_json(said[0] if len(said) == 1 else said)
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
) -> None:
    """Draw a procedure's process map from its running rules, to hang on a wall; or where a case stands on it."""
    # Imported here: no other command needs it, and every command would wait for it.
    from starter.map.sheet import draw as draw_map  # noqa: PLC0415

    async def read(reference: str) -> Case:
        return await reach.read(await reach.client(), reference)

    found = _run(read(case)) if case else None
    named = _rules(procedure) if procedure else None
    drawn = found.story.procedure if found else named
    if drawn is None:
        raise typer.BadParameter("Name a procedure, or a case with --case.")
    if named and named.about.key != drawn.about.key:
        raise reach.Failed(f"Case {case} runs on {drawn.about.key}, not on {procedure}; leave the procedure out.")
    file = out or Path(f"{drawn.about.key}{f'-{found.reference}' if found else ''}.svg")
    picture = draw_map(drawn, found.story if found else None, paper, datetime.now(UTC))
    try:
        file.write_text(picture.svg(), encoding="utf-8")
    except OSError as error:
        raise reach.Failed(f"{file}: {error.strerror}") from None
    size = f"{picture.box.width:g} × {picture.box.height:g} mm"
    words.out.print(f"[green]✓[/] {escape(str(file))}: {escape(drawn.about.title)}, {size}")


@app.command()
def trace(
    missing: Annotated[bool, typer.Option("--missing", help="Only the rows that lack something")] = False,
    checkout: Annotated[Path | None, typer.Option(help="The checkout [default: the one this runs from]")] = None,
    json_: Json = False,
) -> None:
    """Say of every row of the catalogue where it is implemented and which tests show it."""
    found = tracing.trace(checkout or tracing.checkout())
    rows = found.missing if missing else found.rows
    if json_:
        listed = [{**row.model_dump(mode="json"), "lacking": list(row.lacking)} for row in rows]
        _print_json({"rows": listed, "unknown": found.unknown})
    else:
        words.out.print(*([tracing.as_table(rows)] if rows else []), *tracing.summary(found), sep="\n")
    if not found.whole:
        sys.exit(1)


@procedure_app.command("check")
def procedure_check(file: Annotated[Path, typer.Argument(help="A procedure file")]) -> None:
    """Check a procedure file: what is wrong, where, and what would be right."""
    try:
        found = parse(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise WrongProcedure(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongProcedure(f"{file}: this is not text in UTF-8") from None
    words.out.print(
        f"[green]✓[/] {escape(found.about.title)} ({found.about.key}, version {found.about.version}, "
        f"{found.fingerprint}): {len(found.timescale)} timescales, {len(found.authorisation)} authorisations, "
        f"{len(found.role)} roles"
    )


@procedure_app.command("list")
def procedure_list(json_: Json = False) -> None:
    """List the procedures there are."""
    known = [parse(path.read_text(encoding="utf-8"), path.name) for path in procedure_paths(settings().procedures)]
    if json_:
        _print_json([{**one.about.model_dump(mode="json"), "fingerprint": one.fingerprint} for one in known])
        return
    made = words.table("key", "letter", "version", "title")
    for one in known:
        made.add_row(one.about.key, one.about.letter, one.about.version, escape(one.about.title))
    words.out.print(made)


@procedure_app.command("show")
def procedure_show(procedure: Named, json_: Json = False) -> None:
    """Say in words what a procedure says: every rule, with its place in the document."""
    found = _rules(procedure)
    if json_:
        _print_json([rule.model_dump(mode="json") for rule in rules.rules(found)])
    else:
        for line in rules.shown(found):
            words.out.print(line)


@procedure_app.command("diff")
def procedure_diff(
    procedures: Annotated[list[str], typer.Argument(help="Two procedures or more: keys, letters or files")],
    everything: Annotated[bool, typer.Option("--all", help="Also what they have in common")] = False,
    json_: Json = False,
) -> None:
    """Put procedures side by side in words, by what they may differ in."""
    if len(procedures) < 2:
        raise typer.BadParameter("Name two procedures, such as: s47 procedure diff P B")
    found = [_rules(name) for name in procedures]
    rows = [row for row in differences.compare(found) if row.anything and (everything or row.differs)]
    if json_:
        _print_json(differences.as_json(found, rows))
    elif rows:
        words.out.print(differences.as_table(found, rows))
    else:
        words.out.print("They say the same.")


class Format(StrEnum):
    """How a table is written."""

    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


@procedure_app.command("table")
def procedure_table(
    procedures: Annotated[list[str] | None, typer.Argument(help="Which [default: all there are]")] = None,
    form: Annotated[Format, typer.Option("--format", help="How it is written")] = Format.MARKDOWN,
    everything: Annotated[bool, typer.Option("--all", help="Every rule, not only the parameters")] = False,
) -> None:
    """Write the parameters of all procedures as one table, to be kept or opened in a spreadsheet."""
    names = procedures or [
        parse(path.read_text(encoding="utf-8"), path.name).about.key for path in procedure_paths(settings().procedures)
    ]
    found = [_rules(name) for name in names]
    rows = [row for row in differences.compare(found) if row.number is not None or everything]
    if form is Format.JSON:
        _print_json(differences.as_json(found, rows))
    else:
        write = differences.as_csv if form is Format.CSV else differences.as_markdown
        sys.stdout.write(write(found, rows))


def _rules(name: str) -> Procedure:
    """The procedure called `name`, or the one in the file of that name."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return parse(path.read_text(encoding="utf-8"), str(path))
    return load_procedure(name, settings().procedures)


@procedure_app.command("words")
def procedure_words(json_: Json = False) -> None:
    """List the vocabulary a procedure file may use: events, conditions, subjects, units, messages."""
    said = vocabulary.words()
    if json_:
        _print_json(said)
        return
    for title, its_words in said.items():
        words.out.print(f"[bold]{escape(title)}[/]")
        for word in its_words:
            words.out.print(f"  {escape(word)}")


@asynccontextmanager
async def _records() -> AsyncIterator[Database]:
    running = read_addresses(settings().folder)
    dsn = settings().postgres or (running.postgres if running else None)
    if dsn is None:
        raise reach.NotReached("No records' database is known: set S47_POSTGRES, or start one with: s47 up")
    database = Database(dsn)
    try:
        try:
            await database.prepare()
        except ValueError as error:
            raise WrongSettings(f"S47_POSTGRES: {error}") from None
        yield database
    except (DatabaseFailed, OSError) as error:
        raise reach.NotReached(f"The records' database does not answer: {error}") from None
    finally:
        await database.close()
