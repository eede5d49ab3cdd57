"""How the command line puts things: tables and lines for a terminal, with no decision of its own."""

import json
import sys
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from activities.reading import RecordedMessage, TrayItem
from casework.calendar import spoken_date, spoken_instant
from casework.deadlines import spoken_due
from casework.possible import Possible, Preview, title_of
from casework.story import DeadlineState, Story
from casework.view import open_prompts, remarks
from starter.rehearsal.outcome import Rehearsed
from workflows.case import Receipt

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON")]
Force = Annotated[bool, typer.Option("--force", help="Write over the file that is there")]


def print_json(value: Any) -> None:
    """Print a value as JSON, for programs."""

    def plain(item: Any) -> str:
        return item.isoformat() if isinstance(item, date) else str(item)

    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=plain) + "\n")


def table(*columns: str) -> Table:
    """A plain table."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def front(case: Story) -> Group:
    """A case: where it stands, who acts next, what is owed, what waits."""
    about = case.procedure.about
    lines: list[str | Table] = [
        f"[bold]Case {case.reference}[/]  {case.stage.value}",
        f"Procedure: {escape(about.title)} ({about.letter}, version {about.version})",
        f"Who must act next: [bold]{', '.join(case.waiting_for) or 'nobody: the case is closed'}[/]",
    ]
    if case.allocated_to:
        lines.append(f"Allocated to: {case.allocated_to}")
    if case.withholding:
        lines.append(f"[yellow]Withheld from the family: {case.withholding.ground.value}[/]")
    if case.circumstances:
        lines.append(f"So at present: {'; '.join(one.value for one in case.circumstances)}")
    if case.linked:
        lines.append(f"Linked cases: {', '.join(case.linked)}")
    lines += ["", _deadlines(case)]
    if case.waiting_requests:
        waiting = table("request", "waiting to be decided", "who decides", "asked")
        for request in case.waiting_requests:
            who = " or ".join(request.to) + (f" ({request.assigned_to})" if request.assigned_to else "")
            waiting.add_row(request.id, escape(request.title), who, spoken_instant(request.asked_at))
        lines += ["", waiting]
    prompts = [f"  {escape(asks)} [dim]{key}[/]" for key, asks in open_prompts(case)]
    if prompts:
        lines += ["", "To think of at this stage:", *prompts]
    return Group(*lines)


def _deadlines(case: Story) -> Table | str:
    withheld = [d for d in case.deadlines.values() if d.state is DeadlineState.WITHHELD and d.closed_at is None]
    owed = case.running_deadlines + withheld
    if not owed:
        return "No deadline is running."
    made = table("state", "due", "what", "who", "source")
    for deadline in owed:
        style = "bold red" if deadline.state is DeadlineState.OVERDUE else ""
        source = ", ".join(deadline.cites) + remarks(case, deadline)
        made.add_row(
            deadline.state.value.upper() if style else deadline.state.value,
            spoken_due(deadline),
            f"{escape(deadline.duty)} [dim]{deadline.id}[/]",
            deadline.owner,
            f"[dim]{escape(source)}[/]",
            style=style,
        )
    return made


def receipt(reference: str, answer: Receipt) -> list[str]:
    """What an accepted message came to: its number, what followed, what is unusual, who must act next."""
    said = [f"[green]✓[/] {reference}: {_taken(answer)} Stage: {answer.stage}"]
    said += [f"    {escape(entry)}" for entry in answer.entries]
    said += [f"  [yellow]![/] {escape(warning)}" for warning in answer.warnings]
    waiting = ", ".join(answer.waiting_for) or "nobody: the case is closed"
    return [*said, f"  Who must act next: [bold]{escape(waiting)}[/]"]


def _taken(answer: Receipt) -> str:
    if not answer.duplicate:
        return f"recorded as no. {answer.fact}."
    if answer.fact is None:
        return "recorded before, in an earlier episode; nothing has changed."
    return f"recorded before, as no. {answer.fact}; nothing has changed."


def preview(reference: str, found: Preview) -> list[str]:
    """What a message would do."""
    said = [f"[bold]{reference}[/]: nothing was recorded. This is what it would do. Stage: {found.stage}"]
    parts = (("starts", found.starts), ("moves", found.moves), ("meets", found.meets), ("ends", found.ends))
    said += [f"    {what} {escape(clock)}" for what, clocks in parts for clock in clocks]
    said += [f"    asks the {escape(to)}: {escape(title)}" for to, title in found.asked]
    said += [f"    tells the {escape(to)}: {escape(text)}" for to, text in found.told]
    if len(said) == 1:
        said.append("    It starts, moves, meets and ends nothing, and nobody is told.")
    said += [f"  [yellow]![/] {escape(warning)}" for warning in found.warnings]
    waiting = ", ".join(found.waiting_for) or "nobody: the case is closed"
    return [*said, f"  Who must act next: [bold]{escape(waiting)}[/]"]


def possible(reference: str, role: str, found: Sequence[Possible], *, everything: bool) -> Group:
    """What a role can record on a case now: first what meets a duty, then the rest; and why the others cannot be."""
    meets = [one for one in found if one.why_not is None and one.meets]
    others = [one for one in found if one.why_not is None and not one.meets]
    never = [one for one in found if one.why_not is not None]
    parts: list[str | Table] = []
    if meets:
        made = table("meets a duty that is running", "the duty")
        for one in meets:
            made.add_row(f"[bold]{one.message}[/]", escape("\n".join(one.meets)))
        parts += [made, ""]
    if others:
        made = table("can be recorded too" if meets else "can be recorded", "")
        for one in others:
            made.add_row(one.message, escape(title_of(one.message)))
        parts += [made, ""]
    if never and everything:
        made = table("cannot be recorded now", "why")
        for one in never:
            made.add_row(one.message, escape(one.why_not or ""))
        parts += [made, ""]
    elif never:
        parts += [f"{len(never)} more messages cannot be recorded now; --all says why.", ""]
    head = f"[bold]{reference}[/]: what the {escape(role)} can record now"
    how = f"What a message says: s47 send {reference} MESSAGE --help. What it would do: add --preview."
    return Group(head, "", *parts, how)


def refused(messages: Sequence[RecordedMessage]) -> Table:
    """What was refused: when it came, from whom, and why."""
    made = table("sent", "by", "what", "why it was refused")
    for one in messages:
        by = " ".join(part for part in (one.role, one.person) if part) or "somebody unknown"
        made.add_row(spoken_instant(one.recorded_at), escape(by), escape(one.name), escape(one.refused or ""))
    return made


def tray(items: Sequence[TrayItem]) -> Table:
    """What a role has to do, soonest first."""
    made = table("", "due", "case", "what", "for")
    made.add_column("id", no_wrap=True)
    for item in items:
        due = spoken_date(item.on) if item.on else spoken_instant(item.due) if item.due else ""
        what = f"[bold red]{escape(item.what)}[/]" if item.overdue else escape(item.what)
        made.add_row(item.kind, due, item.reference, what, item.person or item.role, item.id)
    return made


def timeline(rehearsed: Rehearsed) -> Table:
    """What happened in a rehearsal, in order: messages, what followed, who was told."""
    rows: list[tuple[datetime, int, str, str]] = []
    for told in rehearsed.messages:
        said = "accepted" if told.accepted else f"[red]refused:[/] {escape(told.reason or '')}"
        rows.append((told.told_at, 0, f"[bold]{told.message}[/] [dim]{escape(told.by)}[/]", said))
    rows += [(entry.recorded_at, 1, "", escape(entry.text)) for entry in rehearsed.entries]
    rows += [
        (notice.at, 2, f"[cyan]→ {escape(notice.to)}[/]", f"[dim]{notice.kind.value}: {escape(notice.text)}[/]")
        for notice in rehearsed.notices
    ]
    made = table("", "", "")
    last = ""
    for at, _, what, said in sorted(rows, key=lambda row: (row[0].replace(microsecond=0), row[1])):
        when = spoken_instant(at)
        made.add_row("" if when == last else when, what, said)
        last = when
    return made


def lives(rehearsed: Rehearsed) -> Table:
    """Every deadline of a rehearsal, from opening to end."""
    made = table("due", "state", "what", "source", "")
    for life in rehearsed.deadlines:
        due = spoken_date(life.due_on) if life.due_on else spoken_instant(life.due) if life.due else "no date"
        other = f"in the other reading {spoken_date(life.other_reading_on)}" if life.other_reading_on else ""
        moved = f"moved {len(life.moves)}×" if life.moves else ""
        missed = "[red]missed[/]" if life.breached_at else ""
        made.add_row(
            due,
            life.state,
            f"{escape(life.duty)} [dim]{life.id}[/]",
            f"[dim]{', '.join(life.cites)}[/]",
            " ".join(part for part in (missed, moved, other) if part),
        )
    return made


def checks(rehearsed: Rehearsed) -> Table:
    """What the scenario expects, and whether it is so."""
    made = table("", "expected", "")
    for check in rehearsed.checks:
        mark = "[green]✓[/]" if check.holds else "[bold red]✗[/]"
        made.add_row(mark, escape(check.expected), "" if check.holds else f"[red]found: {escape(check.found)}[/]")
    return made
