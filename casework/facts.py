"""What follows when something happens on a case: clocks start and stop, and roles are told."""

from datetime import datetime

from casework import deadlines
from casework.case import Assessment, Happening
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.turn import Turn
from casework.vocabulary import BEGAN, Circumstance, Event

HAPPENINGS_KEPT = 6
"""Occurrences kept per event: enough for late facts, and the state stays small."""


def happened(
    turn: Turn,
    event: Event,
    at: datetime | None = None,
    *,
    scope: str | None = None,
    counts_from: datetime | None = None,
) -> None:
    """Something happened: at the message's own instant unless another (UTC) is given.

    `scope` is the strand it happened on. `counts_from` is the start of a meeting that was scheduled.
    """
    if at is None:
        at = turn.message.occurred_at if turn.message else turn.now
    earlier = turn.case.clock.get(event, ())
    kept = sorted((*earlier, Happening(at=at, scope=scope)), key=lambda happening: happening.at)[-HAPPENINGS_KEPT:]
    turn.change(clock={**turn.case.clock, event: tuple(kept)})
    if event in turn.case.procedure.assessment.starts and turn.case.assessment is None:
        turn.change(assessment=Assessment(started_at=at))
        turn.entry(f"The {turn.case.procedure.assessment.name} started")
        happened(turn, Event.ASSESSMENT_STARTED, at)
    deadlines.follow(turn, deadlines.Fact(event, at, scope, counts_from))
    for rule in turn.case.procedure.notice:
        if rule.on is event and rule.form in (None, scope) and all_hold(rule.only_if, turn.case):
            for role in rule.to:
                turn.tell(NoticeKind.TOLD, role, rule.says)


def begin(turn: Turn, circumstance: Circumstance) -> None:
    """A circumstance is so from now on."""
    if circumstance not in turn.case.circumstances:
        turn.change(circumstances=(*turn.case.circumstances, circumstance))
        turn.entry(f"Recorded: {circumstance.value}")
        if circumstance in BEGAN:
            happened(turn, BEGAN[circumstance])
