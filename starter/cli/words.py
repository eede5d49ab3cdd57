"""How the command line puts things: tables and lines for a terminal, with no decision of its own."""

import json
import sys
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeAlias

import typer
from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from activities.reading import RecordedMessage, TrayItem
from casework.calendar import spoken_date, spoken_instant
from casework.messages import in_words
from casework.possible import Possible, Preview, title_of
from casework.story import DeadlineState, Story
from casework.view import NOBODY, open_prompts, particulars, remarks, shown_deadlines, who_decides
from starter.cases import reach
from starter.rehearsal.outcome import Rehearsed
from workflows.case import Receipt

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def flag(name: str, text: str) -> Any:
    """An option that is given or not. Its help names no type: there is nothing to write after it."""
    return typer.Option(name, metavar=" ", help=text)


Json = Annotated[bool, flag("--json", "Answer in JSON")]
Force = Annotated[bool, flag("--force", "Write over the file that is there")]
Answer: TypeAlias = Receipt | Preview | reach.Failed | None
"""What came of a message to one case; none: nobody waited for it."""


def many(count: int, what: str) -> str:
    """A number of things: `1 case`, `2 cases`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


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
        f"[bold]Case {case.reference}[/]",
        f"Stage: [bold]{case.stage.value}[/]",
        f"Procedure: {escape(about.title)} ({about.letter}, version {about.version})",
        f"Who must act next: [bold]{', '.join(case.waiting_for) or NOBODY}[/]",
    ]
    lines += [f"{label}: {escape(text)}" for label, text in particulars(case)]
    lines += ["", _deadlines(case)]
    if case.waiting_requests:
        waiting = table("request", "waiting for a decision", "who decides", "asked")
        for request in case.waiting_requests:
            asked = spoken_instant(request.asked_at)
            waiting.add_row(request.id, escape(request.title), who_decides(request), asked)
        lines += ["", waiting]
    prompts = [f"  {escape(asks)} [dim]{key}[/]" for key, asks in open_prompts(case)]
    if prompts:
        lines += ["", "To consider at this stage:", *prompts]
    return Group(*lines)


def _deadlines(case: Story) -> Table | str:
    if not shown_deadlines(case):
        return "Nothing is due."
    made = table("state", "due", "what", "who", "source")
    for deadline in shown_deadlines(case):
        style = "bold red" if deadline.state is DeadlineState.OVERDUE else ""
        source = ", ".join(deadline.cites) + remarks(case, deadline)
        made.add_row(
            deadline.state.value.upper() if style else deadline.state.value,
            deadline.spoken_due,
            f"{escape(deadline.duty)} [dim]{deadline.id}[/]",
            deadline.owner,
            f"[dim]{escape(source)}[/]",
            style=style,
        )
    return made


def print_answers(answers: dict[str, Answer], *, as_json: bool) -> None:
    """Say for each case whether the message was recorded, and what followed. Exits with the status of the first that
    was not."""
    failed = [answer for answer in answers.values() if isinstance(answer, reach.Failed)]
    if as_json:
        print_json({case: _as_json(answer) for case, answer in answers.items()})
    else:
        for case, answer in answers.items():
            match answer:
                case reach.Failed():
                    err.print(f"[bold red]✗[/] {case}: {escape(str(answer))}")
                case None:
                    out.print(f"[green]→[/] {case}: sent, without waiting for an answer")
                case Preview():
                    out.print(*preview(case, answer), sep="\n")
                case _:
                    out.print(*receipt(case, answer), sep="\n")
    if failed:
        sys.exit(failed[0].code)


def _as_json(answer: Answer) -> dict[str, Any]:
    match answer:
        case reach.Failed():
            return {"accepted": False, "reason": str(answer)}
        case None:
            return {"accepted": None}
        case Preview():
            return {"accepted": None, "preview": answer.model_dump(mode="json")}
        case _:
            return {"accepted": True, **answer.model_dump(mode="json")}


def receipt(reference: str, answer: Receipt) -> list[str]:
    """What an accepted message came to: its number, what followed, what is unusual, who must act next."""
    lines = [f"[green]✓[/] {reference}: {_recorded(answer)} Stage: {answer.stage}"]
    if answer.duplicate and answer.entries:
        lines.append("  When it was recorded, the chronology said:")
    lines += [f"    {escape(entry)}" for entry in answer.entries]
    lines += [f"  [yellow]![/] {escape(warning)}" for warning in answer.warnings]
    return [*lines, f"  Who must act next: [bold]{escape(', '.join(answer.waiting_for) or NOBODY)}[/]"]


def _recorded(answer: Receipt) -> str:
    if not answer.duplicate:
        return f"recorded as no. {answer.fact}."
    if answer.fact is None:
        return "this was recorded before, in an earlier episode. Nothing has changed."
    return f"this was recorded before, as no. {answer.fact}. Nothing has changed."


def preview(reference: str, result: Preview) -> list[str]:
    """What a message would do."""
    lines = [f"[bold]{reference}[/]: nothing has been recorded. If you record this, the stage is: {result.stage}"]
    parts = (("starts", result.starts), ("moves", result.moves), ("meets", result.meets), ("ends", result.ends))
    lines += [f"    {what} {escape(clock)}" for what, clocks in parts for clock in clocks]
    lines += [f"    asks the {escape(to)}: {escape(title)}" for to, title in result.requests]
    lines += [f"    tells the {escape(to)}: {escape(text)}" for to, text in result.notices]
    if len(lines) == 1:
        lines.append("    No deadline changes, and nobody is notified.")
    lines += [f"  [yellow]![/] {escape(warning)}" for warning in result.warnings]
    return [*lines, f"  Who must act next: [bold]{escape(', '.join(result.waiting_for) or NOBODY)}[/]"]


def possible(reference: str, role: str, messages: Sequence[Possible], *, everything: bool) -> Group:
    """What a role can record on a case now: first what meets a duty, then the rest; and why the others cannot be."""
    meets = [message for message in messages if message.why_not is None and message.meets]
    others = [message for message in messages if message.why_not is None and not message.meets]
    never = [message for message in messages if message.why_not is not None]
    parts: list[str | Table] = []
    if meets:
        made = table("record this", "to meet this duty")
        for message in meets:
            made.add_row(f"[bold]{message.message}[/]", escape("\n".join(message.meets)))
        parts += [made, ""]
    if others:
        made = table("you can also record" if meets else "you can record", "")
        for message in others:
            made.add_row(message.message, escape(title_of(message.message)))
        parts += [made, ""]
    if never and everything:
        made = table("cannot be recorded now", "why")
        for message in never:
            made.add_row(message.message, escape(message.why_not or ""))
        parts += [made, ""]
    elif never:
        parts += [f"{len(never)} more cannot be recorded now. To see why, add --all.", ""]
    head = f"[bold]{reference}[/]: what you can record now as {escape(role)}"
    how = (
        f"To see what to fill in: s47 send {reference} NAME --help. To see what it would do first: add --preview.",
        f"For example: s47 send {reference} {(meets or others or messages)[0].message} --help" if messages else "",
    )
    return Group(head, "", *parts, *(line for line in how if line))


def refused(messages: Sequence[RecordedMessage]) -> Table:
    """What was refused: when it came, from whom, and why."""
    made = table("sent", "by", "what", "why it was refused")
    for message in messages:
        by = " ".join(part for part in (message.role, message.person) if part) or "unknown"
        made.add_row(
            spoken_instant(message.recorded_at),
            escape(by),
            escape(in_words(message.name)),
            escape(message.refused or ""),
        )
    return made


def tray(items: Sequence[TrayItem], lost: Collection[str]) -> Table:
    """What a role has to do, soonest first. What is of a case that does not run is marked."""
    made = table("type", "due", "case", "what", "for")
    made.add_column("id", no_wrap=True)
    for item in items:
        due = spoken_date(item.on) if item.on else spoken_instant(item.due) if item.due else ""
        what = f"[bold red]{escape(item.what)}[/]" if item.overdue else escape(item.what)
        case = item.reference + (" [bold red](not running)[/]" if item.reference in lost else "")
        made.add_row(item.kind, due, case, what, item.person or item.role, item.id)
    return made


def what_to_do_with(items: Sequence[TrayItem]) -> list[str]:
    """What to type next about what is in a tray: an example for each kind of thing."""
    first = {item.kind: item for item in reversed(items)}
    lines = []
    if item := first.get("deadline"):
        lines.append(f"See what meets a deadline: s47 send {item.reference} --as '{item.role}/PERSON'")
    if item := first.get("request"):
        lines.append(
            f"Decide a request: s47 send {item.reference} authorisation --request {item.id} --decision authorise "
            f"--as '{item.role}/PERSON'"
        )
    if item := first.get("notice"):
        lines.append(f"Take a notice out of the tray once you have read it: s47 acknowledge {item.id} --as PERSON")
    return lines


def timeline(rehearsed: Rehearsed) -> Table:
    """What happened in a rehearsal, in order: messages, what followed, who was told."""
    rows: list[tuple[datetime, int, str, str]] = []
    for sent in rehearsed.messages:
        answer = "recorded" if sent.accepted else f"[red]refused:[/] {escape(sent.reason or '')}"
        rows.append((sent.told_at, 0, f"[bold]{sent.message}[/] [dim]{escape(sent.by)}[/]", answer))
    rows += [(entry.recorded_at, 1, "", escape(entry.text)) for entry in rehearsed.entries]
    rows += [
        (notice.at, 2, f"[cyan]→ {escape(notice.to)}[/]", f"[dim]{escape(notice.text)}[/]")
        for notice in rehearsed.notices
    ]
    made = table("when", "sent, or to whom", "what followed")
    last = ""
    for at, _, what, text in sorted(rows, key=lambda row: (row[0].replace(microsecond=0), row[1])):
        when = spoken_instant(at)
        made.add_row("" if when == last else when, what, text)
        last = when
    return made


def lives(rehearsed: Rehearsed) -> Table:
    """Every deadline of a rehearsal, from opening to end."""
    made = table("due", "state", "what", "source", "")
    for life in rehearsed.deadlines:
        due = spoken_date(life.due_on) if life.due_on else spoken_instant(life.due) if life.due else "no date"
        other = f"read the other way: {spoken_date(life.other_reading_on)}" if life.other_reading_on else ""
        moved = f"moved {many(len(life.moves), 'time')}" if life.moves else ""
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
    """What the scenario expects, and whether it came out so."""
    made = table("", "expected", "result")
    for check in rehearsed.checks:
        mark = "[green]✓[/]" if check.holds else "[bold red]✗[/]"
        made.add_row(mark, escape(check.expected), "" if check.holds else f"[red]found: {escape(check.found)}[/]")
    return made
