"""A case as people read it: the current details of a running case, in Markdown."""

from casework.calendar import last_working_day_up_to, spoken_date, spoken_instant
from casework.case import Case, Deadline, DeadlineState
from casework.conditions import all_hold
from casework.deadlines import spoken_due


def details(case: Case) -> str:
    """The front page of a case: where it stands, who must act next, what is due, what waits to be decided."""
    stage = case.stage.value
    parts = [
        f"## {stage[0].upper()}{stage[1:]}",
        f"Case **{case.reference}**, episode {case.episode}, on the procedure *{case.procedure.about.title}* "
        f"(version {case.procedure.about.version}, {case.procedure.fingerprint})",
        "",
        f"**Who must act next:** {', '.join(case.waiting_for) or 'nobody: the case is closed'}",
    ]
    if case.allocated_to:
        parts.append(f"\n**Allocated to:** {case.allocated_to}{f', {case.team}' if case.team else ''}")
    if case.withholding:
        parts.append(f"\n**Withheld from the family:** {case.withholding.ground.value}")
    if case.circumstances:
        parts.append(f"\n**So at present:** {'; '.join(one.value for one in case.circumstances)}")
    if case.linked:
        parts.append(f"\n**Linked cases:** {', '.join(case.linked)}")
    parts += ["", *_requests(case), *_deadlines(case), *_prompts(case), *_latest(case)]
    return "\n".join(parts)


def _requests(case: Case) -> list[str]:
    if not case.waiting_requests:
        return []
    rows = [
        f"| {r.id} | {r.title} | {' or '.join(r.to)}{f' ({r.assigned_to})' if r.assigned_to else ''} "
        f"| {spoken_instant(r.asked_at)} |"
        for r in case.waiting_requests
    ]
    return ["### Waiting to be decided", "", "| request | what | who decides | asked |", "|---|---|---|---|", *rows, ""]


def _deadlines(case: Case) -> list[str]:
    owed = [d for d in case.deadlines.values() if d.state is DeadlineState.WITHHELD and d.closed_at is None]
    owed = case.running_deadlines + owed
    if not owed:
        return ["### Deadlines", "", "None is running.", ""]
    rows = [
        f"| {'**OVERDUE**' if d.state is DeadlineState.OVERDUE else d.state.value} | {spoken_due(d)} | {d.duty} "
        f"| {d.owner} | {', '.join(d.cites)}{remarks(case, d)} |"
        for d in owed
    ]
    return ["### Deadlines", "", "| state | due | what | who | source |", "|---|---|---|---|---|", *rows, ""]


def remarks(case: Case, deadline: Deadline) -> str:
    """What else is to be known of a limit: its reading, the day to aim for, where the rule is from."""
    said = []
    if deadline.provisional:
        said.append("provisional: no meeting is set yet")
    if deadline.reading and deadline.other_reading_on:
        other = "calendar" if deadline.reading == "working" else "working"
        said.append(f"{deadline.reading} days; in {other} days {spoken_date(deadline.other_reading_on)}")
    if deadline.on and not case.bank_holidays.is_working_day(deadline.on):
        said.append(f"aim for {spoken_date(last_working_day_up_to(deadline.on, case.bank_holidays))}")
    rule = case.procedure.timescale.get(deadline.timescale)
    if rule and rule.target:
        said.append("an aim, not the limit")
    if rule and rule.origin:
        said.append(f"from {rule.origin}, not from this document")
    return f" ({'; '.join(said)})" if said else ""


def open_prompts(case: Case) -> list[tuple[str, str]]:
    """The practice duties of this stage that nobody has checked off: name and question."""
    return [
        (key, prompt.asks)
        for key, prompt in case.procedure.prompt.items()
        if prompt.stage is case.stage and key not in case.answered and all_hold(prompt.only_if, case)
    ]


def _prompts(case: Case) -> list[str]:
    prompts = [f"* {asks} (`{key}`)" for key, asks in open_prompts(case)]
    return ["### To think of at this stage", "", *prompts, ""] if prompts else []


def _latest(case: Case) -> list[str]:
    lines = [f"* {spoken_instant(line.at)}: {line.text}" for line in reversed(case.latest)]
    return ["### Latest", "", *lines] if lines else []
