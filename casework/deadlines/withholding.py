"""What is kept from the family for a while is withheld, not overdue (Q-20); released, it is owed again."""

from casework.case import Case, DeadlineState, RungKind
from casework.deadlines.words import spoken_due
from casework.procedure import Timescale
from casework.turn import Turn


def kept_back(case: Case, rule: Timescale) -> str | None:
    """The ground on which what a rule asks for is kept from the family at present; None where it is not."""
    if case.withholding is None or not rule.withheld_with_information:
        return None
    ground = case.withholding.ground
    return ground.value if not rule.withheld_on or ground in rule.withheld_on else None


def withhold(turn: Turn) -> None:
    """Suspend what must be shared with the family (Q-20): withheld on a recorded ground, not overdue."""
    for deadline in list(turn.case.deadlines.values()):
        rule = turn.case.procedure.timescale.get(deadline.timescale)
        if deadline.running and rule and (ground := kept_back(turn.case, rule)):
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
