"""Deadlines under another procedure: what is open goes by the new rules, what closed stays as it closed."""

from datetime import datetime

from casework.procedure import Procedure
from casework.story import Deadline, Story
from casework.vocabulary import SET_BY_THE_CASE


def adopted(story: Story, anew: Story, after: Procedure, now: datetime) -> dict[str, Deadline]:
    """The deadlines of a story once it goes on under another procedure.

    `anew` is the same story by the new rules: where these know an anchor, their clocks run from it at once.
    """
    kept: dict[str, Deadline] = {}
    for name, deadline in story.deadlines.items():
        by_new_rules = anew.deadlines.get(name)
        if deadline.closed_at is not None:
            kept[name] = deadline
        elif deadline.timescale in SET_BY_THE_CASE:
            kept[name] = _handed_over(deadline, story, after)
        elif by_new_rules is not None:
            kept[name] = by_new_rules
        else:
            other = "another" if deadline.timescale in after.timescale else "no such"
            kept[name] = deadline.ended(now, f"{after.about.key} has {other} rule")
    for name, deadline in anew.deadlines.items():
        if name not in kept and deadline.closed_at is None and _still_open(story, deadline.scope):
            kept[name] = deadline
    owed = {deadline.timescale for deadline in kept.values() if deadline.closed_at is None}
    for name, deadline in kept.items():
        if deadline.provisional and deadline.closed_at is None:
            rule = after.timescale.get(deadline.timescale)
            if rule is not None and not owed & set(rule.before_scheduled):
                kept[name] = deadline.ended(now, "no meeting that it counts from is to come")
    return kept


def _still_open(story: Story, scope: str | None) -> bool:
    """Whether the strand that a clock belongs to is still open, or the conference that it led to is."""
    if scope is None or scope in story.strands:
        return True
    return story.conference is not None and scope in story.came_from.get(story.conference.id, ())


def _handed_over(deadline: Deadline, story: Story, after: Procedure) -> Deadline:
    """What the case set for itself stays; where nobody holds its owner's role any more, whoever acts now has it."""
    if deadline.owner in after.role:
        return deadline
    return deadline.changed(owner=after.acting_at(story.stage))
