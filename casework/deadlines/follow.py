"""What an event means to the rules of a procedure: which deadlines it meets, ends, starts or moves."""

from datetime import datetime
from typing import NamedTuple

from casework.case import Case, Deadline
from casework.conditions import all_hold
from casework.deadlines.change import cancel, met, move, open_deadline, owed_on, same_strand
from casework.procedure import Timescale
from casework.turn import Turn
from casework.vocabulary import Event


class Fact(NamedTuple):
    """An event at an instant (UTC), on a strand; a scheduled meeting's clocks count from when it is to start."""

    event: Event
    at: datetime
    scope: str | None = None
    counts_from: datetime | None = None


def follow(turn: Turn, fact: Fact) -> None:
    """Bring every deadline into step with something that happened: met and ended first, then opened or moved."""
    procedure = turn.case.procedure
    keys = procedure.rules_by_event.get(fact.event, ())
    for key in keys:
        rule = procedure.timescale[key]
        if fact.event in rule.met_by and fact.event is not Event.FORM_COMPLETED:  # whose form it is, `duties` knows
            _meet(turn, key, rule, fact)
        if fact.event in rule.until:
            end(turn, key, fact)
    for key in keys:
        rule = procedure.timescale[key]
        if fact.event == (rule.opens_on or fact.event) and fact.event in (*rule.from_, rule.opens_on):
            _start(turn, key, rule, fact)
        elif fact.event in rule.from_ and rule.opens_on:
            _start_late(turn, key, rule, fact)


def _meet(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    for deadline in owed_on(turn.case, key, fact.scope):
        # A late fact from before this clock started belongs to an earlier one.
        started = _started(turn.case, deadline)
        before = fact.at <= started if rule.recurs else fact.at < started
        if before and rule.before is None:
            continue
        met(turn, deadline, fact.at)
        if rule.each:
            break  # one record for one visit: the oldest that is owed


def _started(case: Case, deadline: Deadline) -> datetime:
    """When a clock started: at what it counts from, or when that was set, where it is a day that lies ahead."""
    happened = case.clock.get(deadline.counted_from_event, ()) if deadline.counted_from_event else ()
    return min([deadline.counted_from, *(happening.at for happening in happened[-1:])])


def end(turn: Turn, key: str, fact: Fact) -> None:
    """What is no longer owed ends: cancelled, or left as missed where its limit had passed."""
    for deadline in owed_on(turn.case, key, fact.scope):
        cancel(turn, deadline, fact.event.value)


def _start(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    """Open the deadline, or move the one that runs where the rule counts from the later or the earlier event."""
    if not all_hold(rule.only_if, turn.case):
        return
    anchor, event = _anchor(turn.case, rule, fact)
    if anchor is None or _met_on_this_strand(turn.case, key, rule, fact):
        return
    running = [] if rule.each else owed_on(turn.case, key, fact.scope)
    if rule.before is not None:
        _start_backwards(turn, key, rule, fact, anchor)
    elif running and rule.anchor != "first":
        for deadline in running:
            move(turn, rule, deadline, anchor, event, only_earlier=rule.anchor == "earlier")
    elif not running:
        open_deadline(turn, key, rule, fact.scope, anchor, event)


def _anchor(case: Case, rule: Timescale, fact: Fact) -> tuple[datetime | None, Event]:
    """The instant a rule counts from: this event, or the one it names where another makes it a duty."""
    if fact.event in rule.from_:
        return fact.counts_from or fact.at, fact.event
    shared = _shared_clock(case, rule, fact)
    if shared is not None:
        return shared
    happened = [(case.clock[event][-1].at, event) for event in rule.from_ if event in case.clock]
    return max(happened, default=(None, rule.from_[0]), key=lambda found: found[0])


def _shared_clock(case: Case, rule: Timescale, fact: Fact) -> tuple[datetime, Event] | None:
    """Where the clock of another rule started that this one shares: the one it replaces, or those it names."""
    clocks = owed_on(case, rule.replaces, fact.scope) if rule.replaces else []
    if rule.same_clock_as:
        met = [d for d in case.deadlines.values() if d.timescale in rule.same_clock_as and d.met_at]
        clocks = [d for d in met if d.met_at == max(one.met_at for one in met if one.met_at)]
    started = [(d.counted_from, event) for d in clocks if (event := d.counted_from_event) and event in rule.from_]
    return min(started, default=None)


def _met_on_this_strand(case: Case, key: str, rule: Timescale, fact: Fact) -> bool:
    """Whether another of the events a rule counts from made it a duty on this very strand, and it was met."""
    if fact.scope is None or len(rule.from_) == 1 or rule.before is not None or rule.each or rule.recurs:
        return False
    return any(
        deadline.timescale == key
        and deadline.scope == fact.scope
        and deadline.met_at is not None
        and deadline.counted_from_event is not fact.event
        for deadline in case.deadlines.values()
    )


def _start_backwards(turn: Turn, key: str, rule: Timescale, fact: Fact, anchor: datetime) -> None:
    """A deadline before a meeting: the meeting was set, or moved."""
    earlier = [d for d in turn.case.deadlines.values() if d.timescale == key and same_strand(d.scope, fact.scope)]
    latest = max(earlier, key=lambda d: (d.opened_at, d.id), default=None)
    if latest is not None and latest.closed_at is None:
        move(turn, rule, latest, anchor, fact.event)
    elif latest is None or latest.met_at is None or _ended_since(turn.case, rule, latest):
        open_deadline(turn, key, rule, fact.scope, anchor, fact.event)


def _ended_since(case: Case, rule: Timescale, deadline: Deadline) -> bool:
    """Whether what a met deadline was for is over, so that the same rule may start anew."""
    since = deadline.met_at or deadline.opened_at
    return any(happening.at >= since for event in rule.until for happening in case.clock.get(event, ()))


def _start_late(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    """The event a rule counts from came after the one that makes it a duty, or came again.

    Again, it moves a clock that counts from the last one (T-01). For the first time, it opens what already is a duty.
    """
    running = owed_on(turn.case, key, fact.scope)
    if rule.anchor == "last":
        for deadline in running:
            move(turn, rule, deadline, fact.at, fact.event)
    became_duty = turn.case.clock.get(rule.opens_on, ()) if rule.opens_on else ()
    if became_duty and not running and all_hold(rule.only_if, turn.case):
        opened_since = any(
            deadline.timescale == key and deadline.opened_at >= became_duty[-1].at
            for deadline in turn.case.deadlines.values()
        )
        if not opened_since:
            open_deadline(turn, key, rule, fact.scope, fact.at, fact.event)
