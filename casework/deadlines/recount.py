"""Counting again what runs: by another calendar, another procedure, or a date set on the case."""

from datetime import date

from casework.calendar import end_of_day
from casework.case import Deadline, DeadlineState, RungKind
from casework.deadlines.alarms import rungs_of
from casework.deadlines.change import cancel, move, open_deadline
from casework.deadlines.words import spoken_due
from casework.effects import NoticeKind
from casework.procedure import Procedure, Timescale
from casework.turn import Turn


def recount(turn: Turn) -> None:
    """Count every running deadline again, because the calendar or the procedure changed."""
    # Those that count from another limit come last: where that moved, they have moved with it already.
    for key in sorted(turn.case.deadlines, key=lambda key: turn.case.deadlines[key].provisional):
        deadline = turn.case.deadlines[key]
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.closed_at is None and rule is not None:
            move(turn, rule, deadline, deadline.counted_from, deadline.counted_from_event)


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
            open_deadline(
                turn, deadline.timescale, new, deadline.scope, deadline.counted_from, deadline.counted_from_event
            )
        elif old != new:
            _put_under(turn, deadline, new)
    recount(turn)


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
    to_come = [rung for rung in rungs_of(turn, rule, changed) if rung.at > turn.now or not was_due]
    turn.put_deadline(changed.model_copy(update={"rungs": (*heard, *to_come)}))


def set_date(turn: Turn, deadline: Deadline, on: date) -> None:
    """Give a duty without an amount a day of its own, or another day."""
    rule = turn.case.procedure.timescale[deadline.timescale]
    update: dict[str, object] = {"due": end_of_day(on), "on": on, "calendar": turn.case.bank_holidays.version}
    if deadline.state is not DeadlineState.WITHHELD:
        update["state"] = DeadlineState.OPEN
    dated = deadline.model_copy(update=update)
    dated = dated.model_copy(update={"rungs": rungs_of(turn, rule, dated), "rungs_passed": 0})
    turn.put_deadline(dated)
    before = spoken_due(deadline) if deadline.due else "no date"
    text = f"{deadline.duty}: moved from {before} to {spoken_due(dated)}"
    turn.entry(text, deadline.cites)
    turn.tell(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)


def _hand_over(turn: Turn, deadline: Deadline) -> None:
    """What the case set for itself stays; where nobody holds its owner's role any more, whoever acts now has it."""
    if deadline.owner not in turn.case.procedure.role:
        owner = turn.case.procedure.acts[turn.case.stage]
        rungs = tuple(rung.model_copy(update={"to": owner}) for rung in deadline.rungs)
        turn.put_deadline(deadline.model_copy(update={"owner": owner, "rungs": rungs}))
        turn.entry(f"{deadline.duty}: now with the {owner}", deadline.cites)
