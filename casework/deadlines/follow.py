"""What an event means to the rules of a procedure: which deadlines it meets, ends, starts or moves."""

from datetime import datetime
from typing import NamedTuple

from casework.conditions import all_hold
from casework.deadlines.change import end, met, move, open_deadline, owed, same_strand
from casework.procedure import Timescale
from casework.story import Deadline, Story
from casework.telling import Telling
from casework.vocabulary import FORM_COMPLETED, Event


class Occasion(NamedTuple):
    """An event at an instant (UTC), on a strand; a scheduled meeting's clocks count from when it is to start."""

    event: Event
    at: datetime
    scope: str | None = None
    counts_from: datetime | None = None


def follow(telling: Telling, occasion: Occasion) -> None:
    """Bring every deadline into step with something that happened: met and ended first, then opened or moved."""
    procedure = telling.rules
    keys = procedure.rules_by_event.get(occasion.event, ())
    for key in keys:
        rule = procedure.timescale[key]
        if occasion.event in rule.met_by and occasion.event != FORM_COMPLETED:  # whose form it is, `duties` knows
            _meet(telling, key, rule, occasion)
        if occasion.event in rule.until:
            _end(telling, key, occasion)
    for key in keys:
        rule = procedure.timescale[key]
        if occasion.event == (rule.opens_on or occasion.event) and occasion.event in (*rule.from_, rule.opens_on):
            _start(telling, key, rule, occasion)
        elif occasion.event in rule.from_ and rule.opens_on:
            _start_late(telling, key, rule, occasion)


def _meet(telling: Telling, key: str, rule: Timescale, occasion: Occasion) -> None:
    for deadline in owed(telling.story, key, occasion.scope):
        # A late fact from before this clock started belongs to an earlier one.
        started = _started(telling.story, deadline)
        before = occasion.at <= started if rule.recurs else occasion.at < started
        if before and rule.before is None:
            continue
        met(telling, deadline, occasion.at)
        if rule.each:
            break  # one record for one visit: the oldest that is owed


def _started(story: Story, deadline: Deadline) -> datetime:
    """When a clock started: at what it counts from, or when that was set, where it is a day that lies ahead."""
    happenings = story.clock.get(deadline.counted_from_event, ()) if deadline.counted_from_event else ()
    return min([deadline.counted_from, *(happening.at for happening in happenings[-1:])])


def _end(telling: Telling, key: str, occasion: Occasion) -> None:
    """What is no longer owed ends. An end names its strand: it ends nothing of another strand's."""
    for deadline in owed(telling.story, key):
        if deadline.scope is None and _another_goes_on(telling.story, occasion.scope):
            continue
        if telling.story.related(deadline.scope, occasion.scope):
            end(telling, deadline, occasion.event)


def _another_goes_on(story: Story, scope: str | None) -> bool:
    """Whether another discussion is open, or an enquiry that the ended discussion did not lead to: what was started on
    no strand in particular is still owed for that."""
    if scope is None or not scope.startswith("strategy-"):
        return False
    if any(strategy.id != scope for strategy in story.strategies):
        return True
    return story.enquiry is not None and not story.related(story.enquiry.id, scope)


def _start(telling: Telling, key: str, rule: Timescale, occasion: Occasion) -> None:
    """Open the deadline, or move the one that runs where the rule counts from the later or the earlier event."""
    if not all_hold(rule.only_if, telling.story):
        return
    anchor, event = _anchor(telling.story, rule, occasion)
    if anchor is None or _met_on_this_strand(telling.story, key, rule, occasion):
        return
    running = [] if rule.each else owed(telling.story, key, occasion.scope)
    if rule.before is not None:
        _start_backwards(telling, key, rule, occasion, anchor)
    elif running and rule.anchor != "first":
        for deadline in running:
            move(telling, rule, deadline, anchor, event, only_earlier=rule.anchor == "earlier")
    elif not running:
        open_deadline(telling, key, rule, occasion.scope, anchor, event)


def _anchor(story: Story, rule: Timescale, occasion: Occasion) -> tuple[datetime | None, Event]:
    """The instant a rule counts from: this event, or the one it names where another makes it a duty."""
    if occasion.event in rule.from_:
        return occasion.counts_from or occasion.at, occasion.event
    shared = _shared_clock(story, rule, occasion)
    if shared is not None:
        return shared
    happened = [(story.clock[event][-1].at, event) for event in rule.from_ if event in story.clock]
    return max(happened, default=(None, rule.from_[0]), key=lambda instant_and_event: instant_and_event[0])


def _shared_clock(story: Story, rule: Timescale, occasion: Occasion) -> tuple[datetime, Event] | None:
    """Where the clock of another rule started that this one shares: the one it replaces, or those it names."""
    clocks = owed(story, rule.replaces, occasion.scope) if rule.replaces else []
    if rule.same_clock_as:
        met = [d for d in story.deadlines.values() if d.timescale in rule.same_clock_as and d.met_at]
        last_met = max((d.met_at for d in met if d.met_at), default=None)
        clocks = [d for d in met if d.met_at == last_met]
    started = [(d.counted_from, event) for d in clocks if (event := d.counted_from_event) and event in rule.from_]
    return min(started, default=None)


def _met_on_this_strand(story: Story, key: str, rule: Timescale, occasion: Occasion) -> bool:
    """Whether another of the events a rule counts from made it a duty on this very strand, and it was met."""
    if occasion.scope is None or len(rule.from_) == 1 or rule.before is not None or rule.each or rule.recurs:
        return False
    return any(
        deadline.timescale == key
        and deadline.scope == occasion.scope
        and deadline.met_at is not None
        and deadline.counted_from_event != occasion.event
        for deadline in story.deadlines.values()
    )


def _start_backwards(telling: Telling, key: str, rule: Timescale, occasion: Occasion, anchor: datetime) -> None:
    """A deadline before a meeting: the meeting was set, or moved."""
    earlier = [
        d for d in telling.story.deadlines.values() if d.timescale == key and same_strand(d.scope, occasion.scope)
    ]
    latest = earlier[-1] if earlier else None
    over = latest is not None and latest.closed_at is not None and _ended_since(telling.story, rule, latest)
    if latest is not None and not over and (latest.closed_at is None or latest.met_at is not None):
        move(telling, rule, latest, anchor, occasion.event)  # what was done already was done in time, or is late now
    else:
        open_deadline(telling, key, rule, occasion.scope, anchor, occasion.event)


def _ended_since(story: Story, rule: Timescale, deadline: Deadline) -> bool:
    """Whether what a met deadline was for is over, so that the same rule may start anew."""
    since = deadline.met_at or deadline.opened_at
    return any(happening.at >= since for event in rule.until for happening in story.clock.get(event, ()))


def _start_late(telling: Telling, key: str, rule: Timescale, occasion: Occasion) -> None:
    """The event a rule counts from came after the one that makes it a duty, or came again.

    Again, it moves a clock that counts from the last one (T-01). For the first time, it opens what already is a duty.
    """
    running = owed(telling.story, key, occasion.scope)
    if rule.anchor == "last":
        for deadline in running:
            move(telling, rule, deadline, occasion.at, occasion.event)
    became_duty = telling.story.clock.get(rule.opens_on, ()) if rule.opens_on else ()
    if became_duty and not running and all_hold(rule.only_if, telling.story):
        opened_since = any(
            deadline.timescale == key and deadline.opened_at >= became_duty[-1].at
            for deadline in telling.story.deadlines.values()
        )
        if not opened_since:
            open_deadline(telling, key, rule, occasion.scope, occasion.at, occasion.event)
