"""A case as people read it: the current details of a running case, in Markdown."""

from casework.calendar import last_working_day_up_to, spoken_date, spoken_instant
from casework.case import Case
from casework.conditions import all_hold
from casework.story import Deadline, DeadlineState, Story


def details(case: Case) -> str:
    """The front page of a case: where it stands, who must act next, what is due, what waits to be decided."""
    story = case.story
    stage = story.stage.value
    parts = [
        f"## {stage[0].upper()}{stage[1:]}",
        f"Case **{case.reference}**, episode {case.episode}, on the procedure *{story.procedure.about.title}* "
        f"(version {story.procedure.about.version}, {story.procedure.fingerprint})",
        "",
        f"**Who must act next:** {', '.join(story.waiting_for) or 'nobody: the case is closed'}",
    ]
    if story.allocated_to:
        parts.append(f"\n**Allocated to:** {story.allocated_to}{f', {story.team}' if story.team else ''}")
    if story.withholding:
        parts.append(f"\n**Withheld from the family:** {story.withholding.ground.value}")
    if story.circumstances:
        parts.append(
            f"\n**Current circumstances:** {'; '.join(circumstance.value for circumstance in story.circumstances)}"
        )
    if story.linked:
        parts.append(f"\n**Linked cases:** {', '.join(story.linked)}")
    parts += ["", *_requests(story), *_deadlines(story), *_prompts(story)]
    return "\n".join(parts)


def _requests(story: Story) -> list[str]:
    if not story.waiting_requests:
        return []
    rows = [
        f"| {r.id} | {r.title} | {' or '.join(r.to)}{f' ({r.assigned_to})' if r.assigned_to else ''} "
        f"| {spoken_instant(r.asked_at)} |"
        for r in story.waiting_requests
    ]
    head = ["### Waiting for a decision", "", "| request | what | who decides | asked |", "|---|---|---|---|"]
    return [*head, *rows, ""]


def _deadlines(story: Story) -> list[str]:
    owed = story.running_deadlines + [d for d in story.owed if d.state is DeadlineState.WITHHELD]
    if not owed:
        return ["### Deadlines", "", "Nothing is due.", ""]
    rows = [
        f"| {'**OVERDUE**' if d.state is DeadlineState.OVERDUE else d.state.value} | {d.spoken_due} | {d.duty} "
        f"| {d.owner} | {', '.join(d.cites)}{remarks(story, d)} |"
        for d in owed
    ]
    return ["### Deadlines", "", "| state | due | what | who | source |", "|---|---|---|---|---|", *rows, ""]


def remarks(story: Story, deadline: Deadline) -> str:
    """What else is to be known of a limit: its reading, the day to aim for, where the rule is from."""
    notes = []
    if deadline.provisional:
        notes.append("provisional: the meeting has no date yet")
    if deadline.reading and deadline.other_reading_on:
        other = "calendar" if deadline.reading == "working" else "working"
        notes.append(
            f"counted in {deadline.reading} days; in {other} days it would be {spoken_date(deadline.other_reading_on)}"
        )
    if deadline.on and not story.bank_holidays.is_working_day(deadline.on):
        notes.append(f"aim for {spoken_date(last_working_day_up_to(deadline.on, story.bank_holidays))}")
    rule = story.procedure.timescale.get(deadline.timescale)
    if rule and rule.target:
        notes.append("an aim, not a limit")
    if rule and rule.origin:
        notes.append(f"from {rule.origin}, not from this document")
    return f" ({'; '.join(notes)})" if notes else ""


def open_prompts(story: Story) -> list[tuple[str, str]]:
    """The practice duties of this stage that nobody has checked off: name and question."""
    return [
        (key, prompt.asks)
        for key, prompt in story.procedure.prompt.items()
        if prompt.stage is story.stage and key not in story.answered and all_hold(prompt.only_if, story)
    ]


def _prompts(story: Story) -> list[str]:
    prompts = [f"* {asks} (`{key}`)" for key, asks in open_prompts(story)]
    return ["### To consider at this stage", "", *prompts, ""] if prompts else []
