"""When a deadline makes itself heard: reminders, the limit itself, escalations. Each rung sounds once."""

from datetime import datetime, time, timedelta

from casework.amounts import Amount, reckon
from casework.calendar import LONDON
from casework.case import AlarmRung, Case, Deadline, DeadlineState, RungKind
from casework.deadlines.words import spoken_due
from casework.effects import NoticeKind
from casework.procedure import Timescale
from casework.turn import Turn
from casework.vocabulary import Event

START_OF_DAY = time(9)


GRACE = timedelta(seconds=1)
"""A thing done on the very instant of a limit is in time, so the limit sounds one second after it."""


def rungs_of(turn: Turn, rule: Timescale, deadline: Deadline) -> tuple[AlarmRung, ...]:
    """The instants at which a deadline will make itself heard, those already gone by left out."""
    if deadline.due is None:
        return ()
    anchor = deadline.due if deadline.on is None else deadline.due - GRACE  # of a day, an instant on that very day
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


def alarm(deadline: Deadline) -> datetime | None:
    """The next instant at which this deadline will make itself heard; None where there is none."""
    if not deadline.running or deadline.rungs_passed >= len(deadline.rungs):
        return None
    return deadline.rungs[deadline.rungs_passed].at
