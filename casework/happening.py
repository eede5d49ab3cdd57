"""What follows when something happens on a case: clocks start and stop, and roles have notices."""

from datetime import datetime

from casework.conditions import all_hold
from casework.deadlines.follow import Occasion, follow
from casework.effects import NoticeKind
from casework.story import Assessment, Happening
from casework.telling import Telling
from casework.vocabulary import Circumstance, Event, Stage

ASSESSMENT_STARTED = Event("assessment started", Stage.ASSESSMENT)


def happened(
    telling: Telling,
    event: Event,
    at: datetime | None = None,
    *,
    scope: str | None = None,
    counts_from: datetime | None = None,
    person: str | None = None,
) -> None:
    """Something happened: at the message's own instant unless another (UTC) is given.

    `scope` is the strand it happened on. `counts_from` is the start of a meeting that was scheduled.
    `person` is the one it concerns of those in the role that a child is allocated to.
    """
    if at is None:
        at = telling.message.occurred_at if telling.message else telling.now
    story = telling.story
    telling.change(clock={**story.clock, event: (*story.clock.get(event, ()), Happening(at=at, scope=scope))})
    if event in story.procedure.assessment.starts and story.assessment is None:
        telling.change(assessment=Assessment(started_at=at))
        telling.line(f"The {story.procedure.assessment.name} started")
        happened(telling, ASSESSMENT_STARTED, at)
    follow(telling, Occasion(event, at, scope, counts_from))
    for rule in story.procedure.notice:
        if rule.on == event and rule.form in (None, scope) and all_hold(rule.only_if, telling.story):
            for role in rule.to:
                concerned = person if role == story.procedure.allocated_role else None
                telling.notify(NoticeKind.TOLD, role, rule.says, about=f"{event}/{rule.cites[0]}", person=concerned)


def begin(telling: Telling, circumstance: Circumstance) -> None:
    """A circumstance begins, where it is not recorded already."""
    if circumstance not in telling.story.circumstances:
        telling.change(circumstances=(*telling.story.circumstances, circumstance))
        telling.line(f"Recorded: {circumstance.value}")
        if circumstance.began:
            happened(telling, circumstance.began)
