"""How the rules of a procedure become deadlines on a case: opened, moved, met, ended, missed.

Nothing here knows any rule. An event arrives; every timescale that names it is asked what it means.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from casework.amounts import Amount, Limit, Unit, reckon
from casework.calendar import LONDON, end_of_day, local_date, spoken_date, spoken_instant
from casework.case import AlarmRung, Case, Deadline, DeadlineState, RungKind
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.procedure import Procedure, Timescale
from casework.turn import Turn
from casework.vocabulary import Circumstance, Event

START_OF_DAY = time(9)
GRACE = timedelta(seconds=1)
"""A thing done on the very instant of a limit is in time, so the limit sounds one second after it."""
CLOSED_KEPT = 3
"""Closed deadlines kept per timescale; all of them are in the record."""


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


def _same_strand(one: str | None, other: str | None) -> bool:
    """Whether two strands are the same, or of different kinds and so not to be told apart by their numbers."""
    if one is None or other is None or one == other:
        return True
    return one.partition("-")[0] != other.partition("-")[0]


def _owed(case: Case, key: str, scope: str | None) -> list[Deadline]:
    return [
        deadline
        for deadline in case.deadlines.values()
        if deadline.timescale == key and deadline.closed_at is None and _same_strand(deadline.scope, scope)
    ]


def _meet(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    for deadline in _owed(turn.case, key, fact.scope):
        # A late fact from before this clock started belongs to an earlier one.
        started = _started(turn.case, deadline)
        before = fact.at <= started if rule.recurs else fact.at < started
        if before and rule.before is None:
            continue
        _close_met(turn, deadline, fact.at)
        if rule.each:
            break  # one record for one visit: the oldest that is owed


def _started(case: Case, deadline: Deadline) -> datetime:
    """When a clock started: at what it counts from, or when that was set, where it is a day that lies ahead."""
    happened = case.clock.get(deadline.counted_from_event, ()) if deadline.counted_from_event else ()
    return min(deadline.counted_from, *(happening.at for happening in happened[-1:]))


def _close_met(turn: Turn, deadline: Deadline, at: datetime) -> None:
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
            and not _owed(turn.case, key, None)
            and all_hold(rule.only_if, turn.case)
        ):
            _open(turn, key, rule, deadline.scope, at, None)


def end(turn: Turn, key: str, fact: Fact) -> None:
    """What is no longer owed ends: cancelled, or left as missed where its limit had passed."""
    for deadline in _owed(turn.case, key, fact.scope):
        cancel(turn, deadline, fact.event.value)


def cancel(turn: Turn, deadline: Deadline, because: str) -> None:
    """End a deadline that nothing met. One that was missed stays on the record as missed."""
    missed = deadline.state is DeadlineState.OVERDUE
    state = DeadlineState.OVERDUE if missed else DeadlineState.CANCELLED
    turn.put_deadline(deadline.model_copy(update={"state": state, "closed_at": turn.now, "because": because}))
    turn.entry(f"{deadline.duty}: {'never met' if missed else 'no longer due'} ({because})", deadline.cites)


def _start(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    """Open the deadline, or move the one that runs where the rule counts from the later or the earlier event."""
    if not all_hold(rule.only_if, turn.case):
        return
    anchor, event = _anchor(turn.case, rule, fact)
    if anchor is None or _met_on_this_strand(turn.case, key, rule, fact):
        return
    running = [] if rule.each else _owed(turn.case, key, fact.scope)
    if rule.before is not None:
        _start_backwards(turn, key, rule, fact, anchor)
    elif running and rule.anchor != "first":
        for deadline in running:
            _move(turn, rule, deadline, anchor, event, only_earlier=rule.anchor == "earlier")
    elif not running:
        _open(turn, key, rule, fact.scope, anchor, event)
    # Otherwise the one that started the clock keeps it (B-07).


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
    clocks = _owed(case, rule.replaces, fact.scope) if rule.replaces else []
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
    earlier = [d for d in turn.case.deadlines.values() if d.timescale == key and _same_strand(d.scope, fact.scope)]
    latest = max(earlier, key=lambda d: (d.opened_at, d.id), default=None)
    if latest is not None and latest.closed_at is None:
        _move(turn, rule, latest, anchor, fact.event)
    elif latest is None or latest.met_at is None or _ended_since(turn.case, rule, latest):
        _open(turn, key, rule, fact.scope, anchor, fact.event)


def _ended_since(case: Case, rule: Timescale, deadline: Deadline) -> bool:
    """Whether what a met deadline was for is over, so that the same rule may start anew."""
    return any(happening.at >= deadline.opened_at for event in rule.until for happening in case.clock.get(event, ()))


def _start_late(turn: Turn, key: str, rule: Timescale, fact: Fact) -> None:
    """The event a rule counts from came after the one that makes it a duty, or came again.

    Again, it moves a clock that counts from the last one (T-01). For the first time, it opens what already is a duty.
    """
    running = _owed(turn.case, key, fact.scope)
    if rule.anchor == "last":
        for deadline in running:
            _move(turn, rule, deadline, fact.at, fact.event)
    became_duty = turn.case.clock.get(rule.opens_on, ()) if rule.opens_on else ()
    if became_duty and not running and all_hold(rule.only_if, turn.case):
        opened_since = any(
            deadline.timescale == key and deadline.opened_at >= became_duty[-1].at
            for deadline in turn.case.deadlines.values()
        )
        if not opened_since:
            _open(turn, key, rule, fact.scope, fact.at, fact.event)


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


def _open(
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
    deadline = deadline.model_copy(update={"rungs": _rungs(turn, rule, deadline)})
    ground = _kept_back(turn.case, rule)
    if ground is not None:
        deadline = deadline.model_copy(update={"state": DeadlineState.WITHHELD, "because": ground})
    turn.put_deadline(deadline)
    remark = f", withheld ({ground})" if ground else " (provisional)" if provisional else ""
    turn.entry(f"{deadline.duty}: due {spoken_due(deadline)}{remark}", rule.cites)
    if rule.replaces:
        for replaced in _owed(turn.case, rule.replaces, scope):
            cancel(turn, replaced, f"replaced by {key}")
    already = _already_met(turn.case, rule, deadline)
    if already is not None:
        _close_met(turn, deadline, already)
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
            and (happening.scope == rule.form if rule.form else _same_strand(happening.scope, deadline.scope))
        ),
        default=None,
    )


def _move(
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
    moved = moved.model_copy(update={"rungs": _rungs(turn, rule, moved), "rungs_passed": 0})
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
        running = _owed(turn.case, key, limit.scope)
        if not running:
            _open(turn, key, rule, limit.scope, _day_before_end(limit), None, provisional=True)
        for deadline in running:
            if deadline.provisional:
                _move(turn, rule, deadline, _day_before_end(limit), None)


def _day_before_end(limit: Deadline) -> datetime:
    """An instant on the limit's own day: a date-type limit's instant is already the next day's midnight."""
    assert limit.due is not None
    return limit.due - GRACE


def _warn(turn: Turn, rule: Timescale, deadline: Deadline) -> None:
    """Say so where a clock has passed a limit that it ought not to pass (Q-13)."""
    if rule.warn_after is None or deadline.due is None:
        return
    for other in _owed(turn.case, rule.warn_after, deadline.scope):
        if other.due is not None and other.due < deadline.due:
            text = f"{deadline.duty}: due {spoken_due(deadline)}, which is after {spoken_due(other)} ({other.duty})"
            turn.entry(f"Warning: {text}", (*deadline.cites, "Q-13"))
            turn.tell(NoticeKind.WARNING, rule.escalate or deadline.owner, text, deadline=deadline.id)


def _rungs(turn: Turn, rule: Timescale, deadline: Deadline) -> tuple[AlarmRung, ...]:
    """The instants at which a deadline will make itself heard, those already gone by left out."""
    if deadline.due is None:
        return ()
    anchor = deadline.due - GRACE
    before = [
        AlarmRung(at=_morning(amount, anchor, turn.case, backwards=True), kind=RungKind.REMINDER, to=deadline.owner)
        for amount in rule.remind
    ]
    if deadline.window_opens:
        opens = datetime.combine(deadline.window_opens, START_OF_DAY, LONDON)
        before.append(AlarmRung(at=opens, kind=RungKind.WINDOW_OPENS, to=deadline.owner))
    ahead = sorted((rung for rung in before if turn.now < rung.at < deadline.due), key=lambda rung: rung.at)
    if rule.target:
        return tuple(ahead)  # an aim that passes is not a limit missed
    after = [AlarmRung(at=deadline.due + GRACE, kind=RungKind.DUE, to=deadline.owner)]
    if rule.escalate:
        after.append(AlarmRung(at=deadline.due + GRACE, kind=RungKind.ESCALATION, to=rule.escalate))
        after += [
            AlarmRung(at=_morning(rung.after, anchor, turn.case) + GRACE, kind=RungKind.ESCALATION, to=rung.to)
            for rung in rule.escalate_further
        ]
    return tuple(ahead + sorted(after, key=lambda rung: rung.at))


def _morning(amount: Amount, anchor: datetime, case: Case, *, backwards: bool = False) -> datetime:
    """Some time before or after a limit: to the hour where counted in hours, else at nine in the morning."""
    instant, on = reckon(amount, anchor, case.bank_holidays, reading="calendar", backwards=backwards)
    return instant if on is None else datetime.combine(on, START_OF_DAY, LONDON).astimezone(instant.tzinfo)


def lapse(turn: Turn) -> list[Event]:
    """What the passing of time has brought about: reminders, missed limits, escalations. Each rung sounds once.

    Returns the events that a missed limit is in itself, such as the assessment's limit having passed.
    """
    late = [d for d in turn.case.deadlines.values() if d.running and _next_rung_at(d) <= turn.now]
    late.sort(key=lambda d: (_next_rung_at(d), d.id))
    return [event for deadline in late if (event := _sound(turn, deadline))]


def _next_rung_at(deadline: Deadline) -> datetime:
    if deadline.rungs_passed >= len(deadline.rungs):
        return datetime.max.replace(tzinfo=LONDON)
    return deadline.rungs[deadline.rungs_passed].at


def _sound(turn: Turn, deadline: Deadline) -> Event | None:
    sounding = [rung for rung in deadline.rungs[deadline.rungs_passed :] if rung.at <= turn.now]
    passed = deadline.rungs_passed + len(sounding)
    breached = any(rung.kind is RungKind.DUE for rung in sounding)
    update: dict[str, object] = {"rungs_passed": passed}
    if breached:
        update |= {"state": DeadlineState.OVERDUE, "breached_at": deadline.breached_at or deadline.due}
    turn.put_deadline(deadline.model_copy(update=update))
    if breached:
        turn.entry(f"{deadline.duty}: MISSED, was due {spoken_due(deadline)}", deadline.cites, deadline.due)
    words = f"{deadline.duty} — due {spoken_due(deadline)}"
    for rung in sounding:
        match rung.kind:
            case RungKind.DUE:
                turn.tell(NoticeKind.OVERDUE, rung.to, f"Overdue: {words}", deadline=deadline.id)
            case RungKind.ESCALATION:
                turn.tell(
                    NoticeKind.ESCALATION,
                    rung.to,
                    f"Missed by {deadline.owner}: {words}",
                    deadline=deadline.id,
                )
            case RungKind.WINDOW_OPENS if not breached:
                turn.tell(NoticeKind.REMINDER, rung.to, f"May be held from today: {words}", deadline=deadline.id)
            case RungKind.REMINDER if not breached:
                turn.tell(NoticeKind.REMINDER, rung.to, f"Due soon: {words}", deadline=deadline.id)
            case _:
                pass  # a reminder that came too late says less than the overdue notice beside it
    rule = turn.case.procedure.timescale.get(deadline.timescale)
    return rule.on_breach if rule and breached else None


def _kept_back(case: Case, rule: Timescale) -> str | None:
    """The ground on which what a rule asks for is kept from the family at present; None where it is not."""
    if case.withholding is None or not rule.withheld_with_information:
        return None
    ground = case.withholding.ground
    return ground.value if not rule.withheld_on or ground in rule.withheld_on else None


def withhold(turn: Turn) -> None:
    """Suspend what must be shared with the family (Q-20): withheld on a recorded ground, not overdue."""
    for deadline in list(turn.case.deadlines.values()):
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.running and rule and (ground := _kept_back(turn.case, rule)):
            turn.put_deadline(deadline.model_copy(update={"state": DeadlineState.WITHHELD, "because": ground}))
            turn.entry(f"{deadline.duty}: withheld ({ground})", deadline.cites)


def release(turn: Turn) -> None:
    """What was withheld is owed again; what has become late meanwhile sounds at once."""
    for deadline in list(turn.case.deadlines.values()):
        if deadline.closed_at is None and deadline.state is DeadlineState.WITHHELD:
            missed_before = any(rung.kind is RungKind.DUE for rung in deadline.rungs[: deadline.rungs_passed])
            state = DeadlineState.OVERDUE if missed_before else DeadlineState.OPEN
            turn.put_deadline(deadline.model_copy(update={"state": state, "because": None}))
            turn.entry(f"{deadline.duty}: no longer withheld, due {spoken_due(deadline)}", deadline.cites)


def recount(turn: Turn) -> None:
    """Count every running deadline again, because the calendar or the procedure changed."""
    # Those that count from another limit come last: where that moved, they have moved with it already.
    for key in sorted(turn.case.deadlines, key=lambda key: turn.case.deadlines[key].provisional):
        deadline = turn.case.deadlines[key]
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.closed_at is None and rule is not None:
            _move(turn, rule, deadline, deadline.counted_from, deadline.counted_from_event)


def adopt(turn: Turn, before: Procedure) -> None:
    """Bring what runs under the rules of another procedure. What has no rule there ends."""
    procedure = turn.case.procedure
    for deadline in [one for one in turn.case.deadlines.values() if one.closed_at is None]:
        old, new = before.timescale.get(deadline.timescale), procedure.timescale.get(deadline.timescale)
        if new is None and old is None:
            _hand_over(turn, deadline)
        elif new is None:
            cancel(turn, deadline, f"{procedure.about.key} has no such rule")
        elif old is None or (bool(old.amounts), old.target) != (bool(new.amounts), new.target):
            cancel(turn, deadline, f"{procedure.about.key} has another rule")
            _open(turn, deadline.timescale, new, deadline.scope, deadline.counted_from, deadline.counted_from_event)
        elif old != new:
            _put_under(turn, deadline, new)
    recount(turn)


def _hand_over(turn: Turn, deadline: Deadline) -> None:
    """What the case set for itself stays; where nobody holds its owner's role any more, whoever acts now has it."""
    if deadline.owner not in turn.case.procedure.role:
        owner = turn.case.procedure.acts[turn.case.stage]
        rungs = tuple(rung.model_copy(update={"to": owner}) for rung in deadline.rungs)
        turn.put_deadline(deadline.model_copy(update={"owner": owner, "rungs": rungs}))
        turn.entry(f"{deadline.duty}: now with the {owner}", deadline.cites)


def _put_under(turn: Turn, deadline: Deadline, rule: Timescale) -> None:
    """The same duty by a changed rule. What has been heard of it is not heard again."""
    changed = deadline.model_copy(
        update={
            "cites": rule.cites,
            "duty": rule.duty,
            "owner": rule.owner,
            "reading": rule.reading,
            "no_amount": rule.no_amount,
        }
    )
    heard = deadline.rungs[: deadline.rungs_passed]
    was_due = any(rung.kind is RungKind.DUE for rung in heard)
    to_come = [rung for rung in _rungs(turn, rule, changed) if rung.at > turn.now or not was_due]
    turn.put_deadline(changed.model_copy(update={"rungs": (*heard, *to_come)}))


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


def set_date(turn: Turn, deadline: Deadline, on: date) -> None:
    """Give a duty without an amount a day of its own, or another day."""
    rule = turn.case.procedure.timescale[deadline.timescale]
    update: dict[str, object] = {"due": end_of_day(on), "on": on, "calendar": turn.case.bank_holidays.version}
    if deadline.state is not DeadlineState.WITHHELD:
        update["state"] = DeadlineState.OPEN
    dated = deadline.model_copy(update=update)
    dated = dated.model_copy(update={"rungs": _rungs(turn, rule, dated), "rungs_passed": 0})
    turn.put_deadline(dated)
    before = spoken_due(deadline) if deadline.due else "no date"
    text = f"{deadline.duty}: moved from {before} to {spoken_due(dated)}"
    turn.entry(text, deadline.cites)
    turn.tell(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)


def end_with(turn: Turn, circumstance: Circumstance) -> None:
    """What was owed only because something was so ends when it is no longer so."""
    for deadline in list(turn.case.deadlines.values()):
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.closed_at is None and rule and circumstance in rule.only_if:
            cancel(turn, deadline, f"no longer so: {circumstance.value}")


def owed(case: Case, timescale: str) -> list[Deadline]:
    """What is still owed of a timescale, withheld or not, oldest first."""
    return _owed(case, timescale, None)


def met(turn: Turn, deadline: Deadline, at: datetime) -> None:
    """Close a deadline that a practitioner says is met."""
    _close_met(turn, deadline, at)


def forget_old(turn: Turn) -> None:
    """Keep the state small: of each timescale the last closed deadlines are enough; the record has all."""
    closed: dict[str, list[Deadline]] = {}
    for deadline in turn.case.deadlines.values():
        if deadline.closed_at is not None:
            closed.setdefault(deadline.timescale, []).append(deadline)
    gone = {deadline.id for kept in closed.values() for deadline in kept[:-CLOSED_KEPT]}
    if gone:
        turn.change(deadlines={key: d for key, d in turn.case.deadlines.items() if key not in gone})


def spoken_due(deadline: Deadline) -> str:
    """The limit as people say it: a day, or a day and a time where it is counted in hours."""
    if deadline.due is None:
        return deadline.no_amount or "with no date set"
    if deadline.on is not None:
        window = f"from {spoken_date(deadline.window_opens)}, by " if deadline.window_opens else ""
        return window + spoken_date(deadline.on)
    return spoken_instant(deadline.due)


def alarm(deadline: Deadline) -> datetime | None:
    """The next instant at which this deadline will make itself heard; None where there is none."""
    if not deadline.running or deadline.rungs_passed >= len(deadline.rungs):
        return None
    return deadline.rungs[deadline.rungs_passed].at
