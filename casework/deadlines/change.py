"""What can become of one deadline: opened, moved, met, ended."""

from datetime import UTC, datetime

from casework.amounts import Amount, Limit, Unit, reckon
from casework.calendar import end_of_day, local_date, spoken_instant
from casework.case import AlarmRung, Case, Deadline, DeadlineState, RungKind
from casework.conditions import all_hold
from casework.deadlines.alarms import GRACE, rungs_of
from casework.deadlines.withholding import kept_back
from casework.deadlines.words import spoken_due
from casework.effects import NoticeKind
from casework.procedure import Timescale
from casework.turn import Turn
from casework.vocabulary import Circumstance, Event

CLOSED_KEPT = 3
"""Closed deadlines kept per timescale; all of them are in the record."""


def same_strand(one: str | None, other: str | None) -> bool:
    """Whether two strands are the same, or of different kinds and so not to be told apart by their numbers."""
    if one is None or other is None or one == other:
        return True
    return one.partition("-")[0] != other.partition("-")[0]


def owed_on(case: Case, key: str, scope: str | None) -> list[Deadline]:
    return [
        deadline
        for deadline in case.deadlines.values()
        if deadline.timescale == key and deadline.closed_at is None and same_strand(deadline.scope, scope)
    ]


def met(turn: Turn, deadline: Deadline, at: datetime) -> None:
    """Close a deadline that was met, in time or late; what starts when it is done starts now."""
    late = deadline.due is not None and at > deadline.due
    state = DeadlineState.MET_LATE if late else DeadlineState.MET
    breached_at = deadline.breached_at or (deadline.due if late else None)
    update = {"state": state, "met_at": at, "breached_at": breached_at, "closed_at": turn.now}
    turn.put_deadline(deadline.model_copy(update=update))
    told_late = " (the case had already recorded it as missed)" if deadline.breached_at and not late else ""
    turn.entry(f"{deadline.duty}: {state.value}, {spoken_instant(at)}{told_late}", deadline.cites, at)
    for key, rule in turn.case.procedure.timescale.items():
        if (
            rule.after_duty == deadline.timescale
            and not owed_on(turn.case, key, None)
            and all_hold(rule.only_if, turn.case)
        ):
            open_deadline(turn, key, rule, deadline.scope, at, None)


def cancel(turn: Turn, deadline: Deadline, because: str) -> None:
    """End a deadline that nothing met. One that was missed stays on the record as missed."""
    missed = deadline.state is DeadlineState.OVERDUE
    state = DeadlineState.OVERDUE if missed else DeadlineState.CANCELLED
    turn.put_deadline(deadline.model_copy(update={"state": state, "closed_at": turn.now, "because": because}))
    turn.entry(f"{deadline.duty}: {'never met' if missed else 'no longer due'} ({because})", deadline.cites)


def _limits(turn: Turn, rule: Timescale, anchor: datetime) -> tuple[Limit | None, Limit | None, Limit | None]:
    """The limit, the start of its window, and the limit in the other reading of unqualified days."""
    holidays = turn.case.bank_holidays
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

    limit = count(amount, rule.reading)
    opens = count(rule.window[0], rule.reading) if rule.window else None
    other = count(amount, "calendar" if rule.reading == "working" else "working") if amount.unit is Unit.DAYS else None
    return limit, opens, other


def open_deadline(
    turn: Turn,
    key: str,
    rule: Timescale,
    scope: str | None,
    anchor: datetime,
    event: Event | None,
    *,
    provisional: bool = False,
) -> None:
    limit, opens, other = _limits(turn, rule, anchor)
    deadline = Deadline(
        id=f"{key}-{turn.number(key)}",
        timescale=key,
        cites=rule.cites,
        duty=rule.duty,
        owner=rule.owner,
        scope=scope,
        opened_at=turn.now,
        counted_from=anchor,
        counted_from_event=event,
        provisional=provisional,
        due=limit.due if limit else None,
        on=limit.on if limit else None,
        no_amount=rule.no_amount,
        window_opens=opens.on if opens else None,
        reading=rule.reading,
        other_reading_on=other.on if other else None,
        calendar=turn.case.bank_holidays.version,
    )
    deadline = deadline.model_copy(update={"rungs": rungs_of(turn, rule, deadline)})
    ground = kept_back(turn.case, rule)
    if ground is not None:
        deadline = deadline.model_copy(update={"state": DeadlineState.WITHHELD, "because": ground})
    turn.put_deadline(deadline)
    remark = f", withheld ({ground})" if ground else " (provisional)" if provisional else ""
    turn.entry(f"{deadline.duty}: due {spoken_due(deadline)}{remark}", rule.cites)
    if rule.replaces:
        for replaced in owed_on(turn.case, rule.replaces, scope):
            cancel(turn, replaced, f"replaced by {key}")
    already = _already_met(turn.case, rule, deadline)
    if already is not None:
        met(turn, deadline, already)
        return
    _warn(turn, rule, deadline)
    _start_dependents(turn, deadline)


def _already_met(case: Case, rule: Timescale, deadline: Deadline) -> datetime | None:
    """When it was met, where what meets it was heard of before what starts it."""
    if rule.recurs:
        return None
    since = deadline.counted_from
    if rule.before is not None:
        # It may be done before the meeting has a time, but not before an earlier meeting of the kind was over.
        over = [happening.at for event in rule.until for happening in case.clock.get(event, ())]
        since = max(over, default=datetime.min.replace(tzinfo=UTC))
    return min(
        (
            happening.at
            for event in rule.met_by
            for happening in case.clock.get(event, ())
            if happening.at >= since
            and (happening.scope == rule.form if rule.form else same_strand(happening.scope, deadline.scope))
        ),
        default=None,
    )


def move(
    turn: Turn,
    rule: Timescale,
    deadline: Deadline,
    anchor: datetime,
    event: Event | None,
    *,
    only_earlier: bool = False,
) -> None:
    """Count again from another instant. A due date never moves silently."""
    limit, opens, other = _limits(turn, rule, anchor)
    if limit is None or (deadline.due is not None and only_earlier and limit.due >= deadline.due):
        return
    moved = deadline.model_copy(
        update={
            "counted_from": anchor,
            "counted_from_event": event,
            "provisional": deadline.provisional and event is None,
            "due": limit.due,
            "on": limit.on,
            "window_opens": opens.on if opens else None,
            "other_reading_on": other.on if other else None,
            "calendar": turn.case.bank_holidays.version,
        }
    )
    if limit.due == deadline.due:
        if moved != deadline:
            turn.put_deadline(moved)
        return
    if deadline.state is not DeadlineState.WITHHELD:
        moved = moved.model_copy(update={"state": DeadlineState.OPEN})
    moved = moved.model_copy(update={"rungs": rungs_of(turn, rule, moved), "rungs_passed": 0})
    turn.put_deadline(moved)
    text = f"{deadline.duty}: moved from {spoken_due(deadline)} to {spoken_due(moved)}"
    turn.entry(text, deadline.cites)
    turn.tell(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)
    _warn(turn, rule, moved)
    _start_dependents(turn, moved)


def _start_dependents(turn: Turn, limit: Deadline) -> None:
    """What counts back from a meeting that has no date yet counts from the meeting's own limit (A-20)."""
    for key, rule in turn.case.procedure.timescale.items():
        if limit.timescale not in rule.before_scheduled or limit.due is None or not all_hold(rule.only_if, turn.case):
            continue
        running = owed_on(turn.case, key, limit.scope)
        if not running:
            open_deadline(turn, key, rule, limit.scope, _day_before_end(limit), None, provisional=True)
        for deadline in running:
            if deadline.provisional:
                move(turn, rule, deadline, _day_before_end(limit), None)


def _day_before_end(limit: Deadline) -> datetime:
    """An instant on the limit's own day: a date-type limit's instant is already the next day's midnight."""
    assert limit.due is not None
    return limit.due - GRACE


def _warn(turn: Turn, rule: Timescale, deadline: Deadline) -> None:
    """Say so where a clock has passed a limit that it ought not to pass (Q-13)."""
    if rule.warn_after is None or deadline.due is None:
        return
    for other in owed_on(turn.case, rule.warn_after, deadline.scope):
        if other.due is not None and other.due < deadline.due:
            text = f"{deadline.duty}: due {spoken_due(deadline)}, which is after {spoken_due(other)} ({other.duty})"
            turn.entry(f"Warning: {text}", (*deadline.cites, "Q-13"))
            turn.tell(NoticeKind.WARNING, rule.escalate or deadline.owner, text, deadline=deadline.id)


def open_case_set(turn: Turn, key: str, duty: str, owner: str, due_on: datetime, cites: tuple[str, ...]) -> Deadline:
    """Open a deadline that this case set for itself, with no rule behind it: an action, a review."""
    on = local_date(due_on)
    deadline = Deadline(
        id=f"{key}-{turn.number(key)}",
        timescale=key,
        cites=cites,
        duty=duty,
        owner=owner,
        scope=None,
        opened_at=turn.now,
        counted_from=turn.now,
        counted_from_event=None,
        due=end_of_day(on),
        on=on,
        calendar=turn.case.bank_holidays.version,
    )
    deadline = deadline.model_copy(
        update={"rungs": (AlarmRung(at=end_of_day(on) + GRACE, kind=RungKind.DUE, to=owner),)}
    )
    turn.put_deadline(deadline)
    turn.entry(f"{duty}: due {spoken_due(deadline)}", cites)
    return deadline


def end_with(turn: Turn, circumstance: Circumstance) -> None:
    """What was owed only because something was so ends when it is no longer so."""
    for deadline in list(turn.case.deadlines.values()):
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.closed_at is None and rule and circumstance in rule.only_if:
            cancel(turn, deadline, f"no longer so: {circumstance.value}")


def owed(case: Case, timescale: str) -> list[Deadline]:
    """What is still owed of a timescale, withheld or not, oldest first."""
    return owed_on(case, timescale, None)


def forget_old(turn: Turn) -> None:
    """Keep the state small: of each timescale the last closed deadlines are enough; the record has all."""
    closed: dict[str, list[Deadline]] = {}
    for deadline in turn.case.deadlines.values():
        if deadline.closed_at is not None:
            closed.setdefault(deadline.timescale, []).append(deadline)
    gone = {deadline.id for kept in closed.values() for deadline in kept[:-CLOSED_KEPT]}
    if gone:
        turn.change(deadlines={key: d for key, d in turn.case.deadlines.items() if key not in gone})
