"""What the passing of time brings about in a story: limits pass unmet, and the child comes of age."""

from datetime import datetime, time

from casework.calendar import LONDON, ONE_DAY, months_from
from casework.deadlines.change import GRACE
from casework.ending import end_everything
from casework.happening import happened
from casework.story import Deadline, DeadlineState, Story
from casework.telling import Telling
from casework.vocabulary import Event

CHILD_TURNED_18 = Event("child turned 18")

OF_AGE = 18 * 12
"""Months: a child is a person under the age of eighteen (Children Act 1989, section 105)."""


def lapse(telling: Telling, until: datetime) -> None:
    """Let time pass up to an instant (UTC), in the order in which its events come."""
    while (passing := _next(telling, until)) is not None:
        at, deadline = passing
        telling.now = at
        if deadline is None:
            _come_of_age(telling)
            continue
        telling.cause = deadline.id
        breached_at = deadline.breached_at or deadline.due
        telling.put_deadline(deadline.changed(state=DeadlineState.OVERDUE, breached_at=breached_at))
        rule = telling.rules.timescale.get(deadline.timescale)
        if rule is not None and rule.on_breach is not None:
            happened(telling, rule.on_breach, at)
    telling.now = until


def _next(telling: Telling, until: datetime) -> tuple[datetime, Deadline | None] | None:
    """The first thing that time brings about up to then: a limit that passes, or (with none) the birthday."""
    story = telling.story
    passing: list[tuple[datetime, Deadline | None]] = [
        (deadline.due + GRACE, deadline)
        for deadline in story.owed
        if deadline.due is not None
        and deadline.state is DeadlineState.OPEN
        and deadline.due + GRACE <= until
        and not _is_aim(telling, deadline)
    ]
    birthday = comes_of_age(story)
    if birthday is not None and birthday <= until:
        passing.append((birthday, None))
    return min(passing, key=lambda instant_and_deadline: instant_and_deadline[0], default=None)


def _is_aim(telling: Telling, deadline: Deadline) -> bool:
    """An aim that passes is not a limit missed (Q-09)."""
    rule = telling.rules.timescale.get(deadline.timescale)
    return rule is not None and rule.target


def comes_of_age(story: Story) -> datetime | None:
    """When the child will be eighteen: the start of that day in London. None where that ends nothing any more."""
    if story.of_age or story.died or story.closed_at or story.child is None or story.child.born is None:
        return None
    born = story.child.born
    birthday = months_from(born, OF_AGE)
    if birthday.day != born.day:
        birthday += ONE_DAY  # born on 29 February: on 1 March, so that nothing ends a day early
    return datetime.combine(birthday, time(), LONDON)


def _come_of_age(telling: Telling) -> None:
    """What is owed to a child is not owed to an adult: every strand ends, and the case waits to be closed."""
    telling.cause = "0"
    telling.line("The child turned 18 (Children Act 1989, section 105): everything due to them as a child ends")
    end_everything(telling, "the child turned 18")
    telling.change(of_age=True)
    happened(telling, CHILD_TURNED_18)
