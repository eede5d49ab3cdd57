"""What can become of one deadline in a story: opened, moved, met, ended."""

from datetime import UTC, date, datetime, timedelta

from casework.amounts import Amount, Limit, Unit, reckon
from casework.calendar import BeyondCalendar, end_of_day, local_date
from casework.conditions import all_hold
from casework.deadlines.withholding import kept_back
from casework.effects import NoticeKind
from casework.procedure import Timescale
from casework.story import Deadline, DeadlineState, Story
from casework.telling import Telling
from casework.vocabulary import Circumstance, Event

GRACE = timedelta(seconds=1)
"""A thing done on the very instant of a limit is in time, so the limit has passed one second after it."""


def same_strand(one: str | None, other: str | None) -> bool:
    """Whether two strands are the same, or of different kinds and so not to be told apart by their names."""
    if one is None or other is None or one == other:
        return True
    return one.partition("-")[0] != other.partition("-")[0]


def owed_on(story: Story, key: str, scope: str | None) -> list[Deadline]:
    """What is still owed of a timescale on a strand, withheld or not, oldest first."""
    return [deadline for deadline in story.owed if deadline.timescale == key and same_strand(deadline.scope, scope)]


def owed(story: Story, timescale: str) -> list[Deadline]:
    """What is still owed of a timescale, withheld or not, oldest first."""
    return owed_on(story, timescale, None)


def met(telling: Telling, deadline: Deadline, at: datetime) -> None:
    """Close a deadline that was met, in time or late; what starts when it is done starts now."""
    telling.put_deadline(_met(deadline, at).changed(closed_at=telling.now))
    for key, rule in telling.rules.timescale.items():
        if (
            rule.after_duty == deadline.timescale
            and not owed_on(telling.story, key, None)
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


def _limits(telling: Telling, rule: Timescale, anchor: datetime) -> tuple[Limit | None, Limit | None, Limit | None]:
    """The limit, the start of its window, and the limit in the other reading of unqualified days."""
    holidays = telling.story.bank_holidays
    if rule.set_on_the_case is not None:
        on = local_date(anchor)
        return Limit(end_of_day(on), on), None, None
    amount = rule.window[1] if rule.window else rule.within or rule.before
    if amount is None:
        return None, None, None

    def count(amount: Amount, reading: str | None) -> Limit:
        return reckon(
            amount,
            anchor,
            holidays,
            reading="working" if reading == "working" else "calendar",
            backwards=rule.before is not None,
            clear_days=rule.clear_days,
        )

    try:
        limit = count(amount, rule.reading)
    except BeyondCalendar as beyond:
        telling.refuse_if(telling.message, f"{rule.duty}: {beyond}", "occurred_at")
        return None, None, None  # time alone brought it about, and nobody can be asked
    opens = count(rule.window[0], rule.reading) if rule.window else None
    other = count(amount, "calendar" if rule.reading == "working" else "working") if amount.unit is Unit.DAYS else None
    return limit, opens, other


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
    limit, opens, other = _limits(telling, rule, anchor)
    deadline = Deadline(
        id=telling.named(f"{key}@", telling.story.deadlines.__contains__),
        timescale=key,
        cites=rule.cites,
        duty=rule.duty,
        owner=rule.owner,
        scope=scope,
        opened_at=telling.now,
        counted_from=anchor,
        counted_from_event=event,
        provisional=provisional,
        due=limit.due if limit else None,
        on=limit.on if limit else None,
        no_amount=rule.no_amount,
        window_opens=opens.on if opens else None,
        reading=rule.reading,
        other_reading_on=other.on if other else None,
        calendar=telling.story.bank_holidays.version,
    )
    ground = kept_back(telling.story, rule)
    if ground is not None:
        deadline = deadline.changed(state=DeadlineState.WITHHELD, because=ground)
    telling.put_deadline(deadline)
    if rule.replaces:
        for replaced in owed_on(telling.story, rule.replaces, scope):
            end(telling, replaced, f"replaced by {key}")
    already = _already_met(telling.story, rule, deadline)
    if already is not None:
        met(telling, deadline, already)
        return
    _warn(telling, rule, deadline)
    _start_dependents(telling, deadline)


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
    limit, opens, other = _limits(telling, rule, anchor)
    if limit is None or (deadline.due is not None and only_earlier and limit.due >= deadline.due):
        return
    moved = deadline.changed(
        counted_from=anchor,
        counted_from_event=event,
        provisional=deadline.provisional and event is None,
        due=limit.due,
        on=limit.on,
        window_opens=opens.on if opens else None,
        other_reading_on=other.on if other else None,
    )
    if moved.met_at is not None:
        moved = _met(moved, moved.met_at)
    elif moved.state is DeadlineState.OVERDUE and limit.due != deadline.due:
        moved = moved.changed(state=DeadlineState.OPEN)
    telling.put_deadline(moved)
    if limit.due != deadline.due and moved.closed_at is None:
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
        running = owed_on(telling.story, key, limit.scope)
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
    """Say so where a clock has passed a limit that it ought not to pass (Q-13)."""
    if rule.warn_after is None or deadline.due is None:
        return
    for other in owed_on(telling.story, rule.warn_after, deadline.scope):
        if other.due is not None and other.due < deadline.due:
            text = f"{deadline.duty}: due {deadline.spoken_due}, which is after {other.spoken_due} ({other.duty})"
            telling.line(f"Warning: {text}", (*deadline.cites, "Q-13"))
            role = rule.escalate or deadline.owner
            telling.notify(NoticeKind.WARNING, role, text, about=deadline.id, deadline=deadline.id)


def open_case_set(
    telling: Telling, key: str, duty: str, owner: str, due_on: datetime, cites: tuple[str, ...]
) -> Deadline:
    """Open a deadline that this case set for itself, with no rule behind it: an action, a review."""
    on = local_date(due_on)
    deadline = Deadline(
        id=telling.named(f"{key}@", telling.story.deadlines.__contains__),
        timescale=key,
        cites=cites,
        duty=duty,
        owner=owner,
        scope=None,
        opened_at=telling.now,
        counted_from=telling.now,
        counted_from_event=None,
        due=end_of_day(on),
        on=on,
        calendar=telling.story.bank_holidays.version,
    )
    telling.put_deadline(deadline)
    return deadline


def end_with(telling: Telling, circumstance: Circumstance) -> None:
    """What was owed only because something was so ends when it is no longer so."""
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
