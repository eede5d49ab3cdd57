"""What can become of one deadline in a story: opened, moved, met, ended, withheld, released.

What is kept from the family for a while is withheld, not overdue (Q-20).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from casework.amounts import Amount, Limit, Reading, Unit, reckon
from casework.calendar import BeyondCalendar, end_of_day, local_date
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.procedure import Timescale
from casework.story import Deadline, DeadlineState, Story
from casework.telling import Telling
from casework.vocabulary import Circumstance, Event

GRACE = timedelta(seconds=1)
"""A thing done on the very instant of a limit is in time, so the limit has passed one second after it."""


def same_strand(strand: str | None, other: str | None) -> bool:
    """Whether two strands are the same, or of different kinds and so not to be told apart by their names."""
    if strand is None or other is None or strand == other:
        return True
    return strand.partition("-")[0] != other.partition("-")[0]


def owed(story: Story, key: str, scope: str | None = None) -> list[Deadline]:
    """What is still owed of a timescale, on a strand or on all, withheld or not, oldest first."""
    return [deadline for deadline in story.owed if deadline.timescale == key and same_strand(deadline.scope, scope)]


def met(telling: Telling, deadline: Deadline, at: datetime) -> None:
    """Close a deadline that was met, in time or late; what starts when it is done starts now."""
    telling.put_deadline(_met(deadline, at).changed(closed_at=telling.now))
    for key, rule in telling.rules.timescale.items():
        if (
            rule.after_duty == deadline.timescale
            and not owed(telling.story, key)
            and all_hold(rule.only_if, telling.story)
        ):
            open_deadline(telling, key, rule, deadline.scope, at, None)


def _met(deadline: Deadline, at: datetime) -> Deadline:
    late = deadline.due is not None and at > deadline.due
    return deadline.changed(
        state=DeadlineState.MET_LATE if late else DeadlineState.MET,
        met_at=at,
        breached_at=deadline.breached_at or (deadline.due if late else None),
    )


def end(telling: Telling, deadline: Deadline, because: str) -> None:
    """End a deadline that nothing met. One that was missed stays missed."""
    telling.put_deadline(deadline.ended(telling.now, because))


def _counted(telling: Telling, rule: Timescale, anchor: datetime) -> dict[str, Any]:
    """The fields of a deadline that are counted from an instant (UTC): its limit, the start of its window, and the
    limit in the other reading of unqualified days. Without `due` where the rule has no amount."""
    if rule.set_on_the_case is not None:
        on = local_date(anchor)
        return {"due": end_of_day(on), "on": on}
    amount = rule.window[1] if rule.window else rule.within or rule.before
    if amount is None:
        return {}

    def count(amount: Amount, reading: Reading | None) -> Limit:
        holidays, backwards = telling.story.bank_holidays, rule.before is not None
        return reckon(amount, anchor, holidays, reading=reading, backwards=backwards, clear_days=rule.clear_days)

    try:
        limit = count(amount, rule.reading)
    except BeyondCalendar as beyond:
        telling.refuse_if(telling.message, f"{rule.duty}: {beyond}", "occurred_at")
        return {}  # time alone brought it about, and nobody can be asked
    other: Reading = "calendar" if rule.reading == "working" else "working"
    return {
        "due": limit.due,
        "on": limit.on,
        "window_opens": count(rule.window[0], rule.reading).on if rule.window else None,
        "other_reading_on": count(amount, other).on if amount.unit is Unit.DAYS else None,
    }


def open_deadline(
    telling: Telling,
    key: str,
    rule: Timescale,
    scope: str | None,
    anchor: datetime,
    event: Event | None,
    *,
    provisional: bool = False,
) -> None:
    """Start a clock. It is named after the fact that started it: `initial-conference@4`."""
    deadline = _new(telling, key, rule.duty, rule.owner, rule.cites, anchor).changed(
        scope=scope,
        counted_from_event=event,
        provisional=provisional,
        no_amount=rule.no_amount,
        reading=rule.reading,
        **_counted(telling, rule, anchor),
    )
    ground = _kept_back(telling.story, rule)
    if ground is not None:
        deadline = deadline.changed(state=DeadlineState.WITHHELD, because=ground)
    telling.put_deadline(deadline)
    if rule.replaces:
        for replaced in owed(telling.story, rule.replaces, scope):
            end(telling, replaced, f"replaced by {key}")
    already = _already_met(telling.story, rule, deadline)
    if already is not None:
        met(telling, deadline, already)
        return
    _warn(telling, rule, deadline)
    _start_dependents(telling, deadline)


def _new(telling: Telling, key: str, duty: str, owner: str, cites: tuple[str, ...], counted_from: datetime) -> Deadline:
    """A deadline with no limit yet, named after the fact that started it."""
    return Deadline(
        id=telling.named(f"{key}@", telling.story.deadlines),
        timescale=key,
        cites=cites,
        duty=duty,
        owner=owner,
        opened_at=telling.now,
        counted_from=counted_from,
        calendar=telling.story.bank_holidays.version,
    )


def _already_met(story: Story, rule: Timescale, deadline: Deadline) -> datetime | None:
    """When it was met, where what meets it came between the event it counts from and what made it a duty."""
    if rule.recurs:
        return None
    since = deadline.counted_from
    if rule.before is not None:
        # It may be done before the meeting has a time, but not before an earlier meeting of the kind was over.
        over = [happening.at for event in rule.until for happening in story.clock.get(event, ())]
        since = max(over, default=datetime.min.replace(tzinfo=UTC))
    return min(
        (
            happening.at
            for event in rule.met_by
            for happening in story.clock.get(event, ())
            if happening.at >= since
            and (happening.scope == rule.form if rule.form else same_strand(happening.scope, deadline.scope))
        ),
        default=None,
    )


def move(
    telling: Telling,
    rule: Timescale,
    deadline: Deadline,
    anchor: datetime,
    event: Event | None,
    *,
    only_earlier: bool = False,
) -> None:
    """Count again from another instant. What was met is met in time, or late, by the new limit."""
    counted = _counted(telling, rule, anchor)
    if not counted or (deadline.due is not None and only_earlier and counted["due"] >= deadline.due):
        return
    provisional = deadline.provisional and event is None
    moved = deadline.changed(counted_from=anchor, counted_from_event=event, provisional=provisional, **counted)
    if moved.met_at is not None:
        moved = _met(moved, moved.met_at)
    elif moved.state is DeadlineState.OVERDUE and moved.due != deadline.due:
        moved = moved.changed(state=DeadlineState.OPEN)
    telling.put_deadline(moved)
    if moved.due != deadline.due and moved.closed_at is None:
        _warn(telling, rule, moved)
        _start_dependents(telling, moved)


def _start_dependents(telling: Telling, limit: Deadline) -> None:
    """What counts back from a meeting that has no date yet counts from the meeting's own limit (A-20)."""
    for key, rule in telling.rules.timescale.items():
        if (
            limit.timescale not in rule.before_scheduled
            or limit.due is None
            or not all_hold(rule.only_if, telling.story)
        ):
            continue
        running = owed(telling.story, key, limit.scope)
        if not running:
            open_deadline(telling, key, rule, limit.scope, _day_before_end(limit), None, provisional=True)
        for deadline in running:
            if deadline.provisional:
                move(telling, rule, deadline, _day_before_end(limit), None)


def _day_before_end(limit: Deadline) -> datetime:
    """An instant on the limit's own day: a date-type limit's instant is already the next day's midnight."""
    assert limit.due is not None
    return limit.due - GRACE


def _warn(telling: Telling, rule: Timescale, deadline: Deadline) -> None:
    """Warn where a limit falls after one that it ought not to pass (Q-13)."""
    if rule.warn_after is None or deadline.due is None:
        return
    for other in owed(telling.story, rule.warn_after, deadline.scope):
        if other.due is not None and other.due < deadline.due:
            text = f"{deadline.duty}: due {deadline.spoken_due}, which is after {other.spoken_due} ({other.duty})"
            telling.line(f"Warning: {text}", (*deadline.cites, "Q-13"))
            role = rule.escalate or deadline.owner
            telling.notify(NoticeKind.WARNING, role, text, about=deadline)


def open_case_set(telling: Telling, key: str, duty: str, owner: str, on: date, cites: tuple[str, ...]) -> None:
    """Open a deadline that this case set for itself, with no rule behind it: an action, a review."""
    telling.put_deadline(_new(telling, key, duty, owner, cites, telling.now).changed(due=end_of_day(on), on=on))


def end_with(telling: Telling, circumstance: Circumstance) -> None:
    """What was owed only under a circumstance ends with it."""
    for deadline in telling.story.owed:
        rule = telling.rules.timescale.get(deadline.timescale)
        if rule and circumstance in rule.only_if:
            end(telling, deadline, f"no longer true: {circumstance.value}")


def end_all(telling: Telling, because: str) -> None:
    """Nothing is owed any more."""
    for deadline in telling.story.owed:
        end(telling, deadline, because)


def set_date(telling: Telling, deadline: Deadline, on: date) -> None:
    """Give a duty without an amount a day of its own, or another day."""
    dated = deadline.changed(due=end_of_day(on), on=on)
    if dated.state is DeadlineState.OVERDUE:
        dated = dated.changed(state=DeadlineState.OPEN)
    telling.put_deadline(dated)


def _kept_back(story: Story, rule: Timescale) -> str | None:
    """The ground on which what a rule asks for is kept from the family at present; None where it is not."""
    if story.withholding is None or not rule.withheld_with_information:
        return None
    ground = story.withholding.ground
    return ground.value if not rule.withheld_on or ground in rule.withheld_on else None


def withhold(telling: Telling) -> None:
    """Suspend what must be shared with the family (Q-20): withheld on a recorded ground, not overdue."""
    for deadline in telling.story.owed:
        rule = telling.rules.timescale.get(deadline.timescale)
        if deadline.running and rule and (ground := _kept_back(telling.story, rule)):
            telling.put_deadline(deadline.changed(state=DeadlineState.WITHHELD, because=ground))


def release(telling: Telling) -> None:
    """What was withheld is owed again; what has become late meanwhile is overdue at once."""
    for deadline in telling.story.owed:
        if deadline.state is DeadlineState.WITHHELD:
            telling.put_deadline(deadline.changed(state=DeadlineState.OPEN, because=None))
