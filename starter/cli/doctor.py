"""`s47 doctor`: which cases are stuck, why, and what to do; it mends them where it is asked to."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from starter.cases import reach
from starter.cli import reaching, words
from starter.cli.words import Json
from starter.doctor.examine import Finding, examine
from starter.doctor.look import Kind

MENDABLE = (Kind.TASK_FAILS, Kind.NOT_RUNNING, Kind.RECORD_REFUSES)


def doctor(
    case: Annotated[list[str] | None, typer.Argument(help="The cases' references (default: every case)")] = None,
    mend: Annotated[bool, words.flag("--mend", "Mend what can be mended, and check it afterwards")] = False,
    json_: Json = False,
) -> None:
    """Find the cases that are stuck, and say why and what to do. With --mend, mend them.

    Ends with status 0 if nothing is stuck, and with 1 if something is.
    """

    async def doing() -> list[Finding]:
        return await examine(await reach.client(), case or (), mending=mend)

    findings = reaching.run(doing())
    still = [finding for finding in findings if not (finding.mended and finding.mended.whole)]
    if json_:
        words.print_json(
            [
                {**finding.stuck.model_dump(), "mended": finding.mended and finding.mended.model_dump()}
                for finding in findings
            ]
        )
    else:
        for finding in findings:
            _print(finding)
        if not findings:
            words.out.print("Nothing is stuck.")
        elif not mend and any(finding.stuck.kind in MENDABLE for finding in findings):
            words.out.print("", "To mend what can be mended: s47 doctor --mend", sep="\n")
    if still:
        sys.exit(1)


def _print(finding: Finding) -> None:
    stuck, mended = finding.stuck, finding.mended
    about = f"{stuck.reference}: " if stuck.reference else ""
    if mended and mended.whole:
        words.out.print(f"[green]✓[/] {escape(about)}{escape(mended.done)}", soft_wrap=True)
        words.out.print(f"    It was stuck: {escape(stuck.why)}", soft_wrap=True)
        return
    words.out.print(f"[bold red]✗[/] {escape(about)}{escape(stuck.why)}", soft_wrap=True)
    what = f"Not mended. {mended.done}" if mended else f"What to do: {stuck.to_do}"
    words.out.print(f"    {escape(what)}", soft_wrap=True)
