"""The command line `s47`: every command there is, by what people do with it. It decides nothing about a case."""

import logging
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.markup import escape

from activities import reading
from casework.procedure_files import WrongProcedure
from casework.text_files import WrongFile
from connection.settings import WrongSettings
from starter.cases import reach
from starter.cli import check, doctor, look, opening, procedures, record, rehearse, sending, up, words
from starter.embedded import EmbeddedError

PLAINLY_SAID = (
    reach.Failed,
    EmbeddedError,
    WrongFile,
    WrongProcedure,
    WrongSettings,
    reading.NoSuchRole,
    reading.NoSuchStage,
    reading.NoSuchTeam,
)
"""What a person did wrong, or what does not answer: said in a line, without a traceback."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="S47 keeps child protection cases: what happened, what is due and by when, and who must act next.",
    epilog=(
        "Exit status: 0 done · 1 refused, or not as expected · 2 typed wrongly · 3 no such case · "
        "4 Temporal, the worker or the record's database does not answer."
    ),
)
COMMANDS: dict[str, tuple[Callable[..., Any], ...]] = {
    "Look at cases": (look.cases, look.show, look.tray, look.acknowledge),
    "Open and record": (opening.refer, record.correct),
    "Check and repair": (check.verify, doctor.doctor, opening.rebuild),
    "Procedures and rehearsals": (procedures.map_, rehearse.rehearse),
    "Run S47": (up.up,),
}


def _say_version(wanted: bool) -> None:
    if wanted:
        words.out.print(f"s47 {version('s47')}, temporalio {version('temporalio')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[
        bool,
        typer.Option("--version", metavar=" ", callback=_say_version, is_eager=True, help="Show which version this is"),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for panel, functions in COMMANDS.items():
    for function in functions:
        app.command(function.__name__.rstrip("_"), rich_help_panel=panel)(function)
app.add_typer(sending.commands(record.send, record.ask), name="send", rich_help_panel="Open and record")
app.add_typer(procedures.app, name="procedure", rich_help_panel="Procedures and rehearsals")


def main() -> None:
    """Run the command line."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)
    reach.LOG.setLevel(logging.INFO)
    reach.LOG.addHandler(logging.StreamHandler())
    try:
        app()
    except PLAINLY_SAID as failed:
        words.err.print(f"[bold red]✗[/] {escape(str(failed))}")
        sys.exit(getattr(failed, "code", 1))
    except KeyboardInterrupt:
        sys.exit(130)
