"""`s47 procedure …`: the authorities' procedures: list, check, show, compare. And `s47 map`, which draws one."""

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from casework.case import Case
from casework.procedure import Procedure
from casework.procedure_files import load as load_procedure
from casework.procedure_files import paths as procedure_paths
from casework.procedure_files import read
from connection.settings import settings
from starter import drawings
from starter.cases import reach
from starter.cli import reaching, words
from starter.cli.words import Force, Json
from starter.procedures import differences, rules, vocabulary

app = typer.Typer(no_args_is_help=True, help="List, show, compare and check the authorities' procedures.")
Named = Annotated[str, typer.Argument(help="A procedure's key, letter or file; B+WT fills the gaps of B")]


@app.command("check")
def procedure_check(file: Annotated[Path, typer.Argument(help="A procedure file")]) -> None:
    """Check a procedure file: what is wrong, where, and how to put it right."""
    procedure = read(file)
    about = procedure.about
    words.out.print(
        f"[green]✓[/] {escape(about.title)} ({about.key}, version {about.version}, {procedure.fingerprint}): "
        f"{len(procedure.timescale)} timescales, {len(procedure.authorisation)} authorisations, "
        f"{len(procedure.role)} roles"
    )


@app.command("list")
def procedure_list(json_: Json = False) -> None:
    """List the procedures there are."""
    procedures = [read(path) for path in procedure_paths(settings().procedures)]
    if json_:
        words.print_json([differences.about(procedure) for procedure in procedures])
        return
    table = words.table("key", "letter", "version", "title")
    for about in (procedure.about for procedure in procedures):
        table.add_row(about.key, about.letter, about.version, escape(about.title))
    words.out.print(table)


@app.command("show")
def procedure_show(procedure: Named, json_: Json = False) -> None:
    """Show a procedure in words: every rule, with its place in the document."""
    named = procedure_called(procedure)
    if json_:
        words.print_json([rule.model_dump(mode="json") for rule in rules.rules(named)])
    else:
        for line in rules.shown(named):
            words.out.print(line)


@app.command("diff")
def procedure_diff(
    procedures: Annotated[list[str], typer.Argument(help="Two procedures or more: keys, letters or files")],
    everything: Annotated[bool, words.flag("--all", "Include what they have in common")] = False,
    json_: Json = False,
) -> None:
    """Compare procedures side by side, in words."""
    if len(procedures) < 2:
        raise typer.BadParameter("Name two procedures or more, such as: s47 procedure diff P B")
    compared = [procedure_called(name) for name in procedures]
    rows = [row for row in differences.compare(compared) if row.anything and (everything or row.differs)]
    if json_:
        words.print_json(differences.as_json(compared, rows))
    elif rows:
        words.out.print(differences.as_table(compared, rows))
    else:
        words.out.print("They say the same.")


class Format(StrEnum):
    """How a table is written."""

    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


@app.command("table")
def procedure_table(
    procedures: Annotated[list[str] | None, typer.Argument(help="Which procedures (default: all)")] = None,
    form: Annotated[Format, typer.Option("--format", help="The format to write")] = Format.MARKDOWN,
    everything: Annotated[bool, words.flag("--all", "Include every rule, not only the parameters")] = False,
) -> None:
    """Write the parameters of all procedures as one table, to be kept or opened in a spreadsheet."""
    names = procedures or [read(path).about.key for path in procedure_paths(settings().procedures)]
    compared = [procedure_called(name) for name in names]
    rows = [row for row in differences.compare(compared) if row.number is not None or everything]
    if form is Format.JSON:
        words.print_json(differences.as_json(compared, rows))
    else:
        write = differences.as_csv if form is Format.CSV else differences.as_markdown
        sys.stdout.write(write(compared, rows))


def procedure_called(name: str) -> Procedure:
    """The procedure called `name`, or the one in the file of that name."""
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return read(path)
    return load_procedure(name, settings().procedures)


@app.command("words")
def procedure_words(json_: Json = False) -> None:
    """List the words a procedure file can use: events, conditions, subjects, units, messages."""
    vocabularies = vocabulary.words()
    if json_:
        words.print_json(vocabularies)
        return
    for title, its_words in vocabularies.items():
        words.out.print(f"[bold]{escape(title)}[/]")
        for word in its_words:
            words.out.print(f"  {escape(word)}")


def map_(
    procedure: Annotated[str | None, typer.Argument(help="Its key, letter or file; B+WT fills the gaps of B")] = None,
    out: Annotated[Path | None, typer.Option(help="The file to draw to (default: the procedure's key, .svg)")] = None,
    case: Annotated[str | None, typer.Option(help="Show where this case stands, on its own procedure")] = None,
    paper: Annotated[str | None, typer.Option(help="A3, A2 or A1 (default: the smallest that it fits on)")] = None,
    force: Force = False,
) -> None:
    """Draw a procedure as a process map to hang on a wall, or show where a case stands on it."""
    # Imported here: no other command needs it, and every command would wait for it.
    from starter.procedures.map.sheet import draw  # noqa: PLC0415

    async def read(reference: str) -> Case:
        return (await reaching.current(await reach.client(), reference))[0]

    state = reaching.run(read(case)) if case else None
    named = procedure_called(procedure) if procedure else None
    drawn = state.story.procedure if state else named
    if drawn is None:
        raise typer.BadParameter("Name a procedure, or a case with --case.")
    if named and named.about.key != drawn.about.key:
        raise reach.Failed(f"Case {case} is on {drawn.about.key}, not on {procedure}. Leave the procedure out.")
    file = out or Path(f"{drawn.about.key}{f'-{state.reference}' if state else ''}.svg")
    drawings.format_of(file, ("svg",))
    picture = draw(drawn, state.story if state else None, paper, datetime.now(UTC))
    drawings.write(file, picture.svg().encode(), force=force)
    size = f"{picture.box.width:g} × {picture.box.height:g} mm"
    words.out.print(f"[green]✓[/] {escape(str(file))}: {escape(drawn.about.title)}, {size}")
