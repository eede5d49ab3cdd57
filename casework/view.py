"""A case as people read it: the current details of a running case, in Markdown."""

from casework.calendar import last_working_day_up_to, spoken_date, spoken_instant
from casework.case import Case
from casework.conditions import all_hold
from casework.story import Deadline, DeadlineState, Request, Story

NOBODY = "nobody: the case is closed"


def details(case: Case) -> str:
    """The front page of a case: where it stands, who must act next, what is due, what waits to be decided."""
    story = case.story
    stage = story.stage.value
    parts = [
        f"## {stage[0].upper()}{stage[1:]}",
        f"Case **{case.reference}**, episode {case.episode}, on the procedure *{story.procedure.about.title}* "
        f"(version {story.procedure.about.version}, {story.procedure.fingerprint})",
        "",
        f"**Who must act next:** {', '.join(story.waiting_for) or NOBODY}",
        *(f"\n**{label}:** {text}" for label, text in particulars(story)),
    ]
    parts += ["", *_requests(story), *_deadlines(story), *_prompts(story)]
    return "\n".join(parts)


def particulars(story: Story) -> list[tuple[str, str]]:
    """What else there is to know of a case now, each with its label."""
    team = f", {story.team}" if story.team else ""
    texts = {
        "Allocated to": story.allocated_to and f"{story.allocated_to}{team}",
        "Withheld from the family": story.withholding and story.withholding.ground.value,
        "Current circumstances": "; ".join(circumstance.value for circumstance in story.circumstances),
        "Linked cases": ", ".join(story.linked),
    }
    return [(label, text) for label, text in texts.items() if text]


def who_decides(request: Request) -> str:
    """The roles a request waits for, and the person it was given to."""
    return " or ".join(request.to) + (f" ({request.assigned_to})" if request.assigned_to else "")


def _requests(story: Story) -> list[str]:
    if not story.waiting_requests:
        return []
    rows = [
        f"| {request.id} | {request.title} | {who_decides(request)} | {spoken_instant(request.asked_at)} |"
        for request in story.waiting_requests
    ]
    head = ["### Waiting for a decision", "", "| request | what | who decides | asked |", "|---|---|---|---|"]
    return [*head, *rows, ""]


def shown_deadlines(story: Story) -> list[Deadline]:
    """What is due and what rests while information is withheld."""
    return story.running_deadlines + [d for d in story.owed if d.state is DeadlineState.WITHHELD]


def _deadlines(story: Story) -> list[str]:
    rows = [
        f"| {'**OVERDUE**' if d.state is DeadlineState.OVERDUE else d.state.value} | {d.spoken_due} | {d.duty} "
        f"| {d.owner} | {', '.join(d.cites)}{remarks(story, d)} |"
        for d in shown_deadlines(story)
    ]
    if not rows:
        return ["### Deadlines", "", "Nothing is due.", ""]
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
