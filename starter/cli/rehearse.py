"""`s47 rehearse`: a scenario lived through on the real workflow, on a server that skips time."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn

from casework.procedure_files import load as load_procedure
from connection.settings import settings
from starter.cli import reaching, words
from starter.cli.words import Force, Json
from starter.rehearsal.outcome import Rehearsed
from starter.rehearsal.plot import plot as draw
from starter.rehearsal.run import rehearse as live_through
from starter.rehearsal.scenario import Scenario
from starter.rehearsal.scenario import load as load_scenario


def rehearse(
    scenario: Annotated[list[Path], typer.Argument(help="Scenario files; docs/rehearsing.md describes them")],
    procedure: Annotated[str | None, typer.Option(help="Use this procedure instead of the one in the file")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the timeline to this file (.svg, .png, .pdf)")] = None,
    force: Force = False,
    json_: Json = False,
) -> None:
    """Rehearse a scenario on the real workflow with time skipped: years take seconds. Check what comes of it."""
    scenarios = [load_scenario(path) for path in scenario]
    rehearsals = [_rehearsed(read, procedure) for read in scenarios]
    if plot is not None:
        draw(rehearsals[0], plot, force=force)
    if json_:
        listed = [rehearsed.model_dump(mode="json") for rehearsed in rehearsals]
        words.print_json(listed[0] if len(listed) == 1 else listed)
    else:
        for rehearsed in rehearsals:
            _print(rehearsed)
    if not all(rehearsed.as_expected for rehearsed in rehearsals):
        sys.exit(1)


def _print(rehearsed: Rehearsed) -> None:
    title = f"[bold]{escape(rehearsed.title)}[/] ({rehearsed.procedure})"
    words.out.print(title, "", words.timeline(rehearsed), sep="\n")
    words.out.print("", "[bold]Deadlines[/]", words.lives(rehearsed), "", "[bold]Checks[/]", sep="\n")
    words.out.print(words.checks(rehearsed), "")
    failed = sum(not check.holds for check in rehearsed.checks)
    passed = f"All {len(rehearsed.checks)} checks passed."
    words.out.print(f"[red]{failed} of {words.many(len(rehearsed.checks), 'check')} failed.[/]" if failed else passed)


def _rehearsed(scenario: Scenario, procedure: str | None) -> Rehearsed:
    rules = load_procedure(procedure or scenario.procedure, settings().procedures)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} messages"))
    with Progress(*columns, console=words.err, transient=True, disable=not words.err.is_terminal) as progress:
        task = progress.add_task(scenario.title, total=len(scenario.message))
        return reaching.run(live_through(scenario, rules, lambda done, of: progress.update(task, completed=done)))
