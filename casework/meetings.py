"""A meeting's minimum membership: who had to take part, and what to say when they did not."""

from collections.abc import Iterable

from casework.conditions import holds
from casework.messages import Message
from casework.turn import Refusal, Turn
from casework.vocabulary import Kind


def check_membership(turn: Turn, kind: str, attended_by: Iterable[str], message: Message) -> list[str]:
    """The procedure's own keys of the roles that took part.

    Refuses a role the procedure does not have, and a meeting without its minimum membership: always where the
    document says must, and where it says should unless the message gives a note saying why (Q-28).
    """
    procedure = turn.case.procedure
    present = [known_role(turn, "attended_by", name) for name in attended_by]
    rule = procedure.meeting.get(kind)
    if rule is None:
        return present
    needed = list(rule.minimum)
    needed += [roles for condition, roles in rule.minimum_if.items() if holds(condition, turn.case)]
    absent = [" or ".join(roles) for roles in needed if not set(roles) & set(present)]
    if absent:
        problem = f"The {kind} needs as a minimum: {', '.join(absent)} (attended_by names who took part)."
        if rule.force == "must" or not message.note:
            also = "" if rule.force == "must" else " If it went ahead without, say why in the note."
            raise Refusal(problem + also)
        turn.entry(f"The {kind} was held without {', '.join(absent)}; the reason is in the note", rule.cites)
    family = [role for role in present if procedure.role[role].kind is Kind.FAMILY]
    if rule.professionals_only and family:
        raise Refusal(f"The {kind} is a meeting of professionals only; {', '.join(family)} cannot take part.")
    return present


def known_role(turn: Turn, field: str, name: str) -> str:
    """The procedure's own key of a role named in this field of a message."""
    role = turn.case.procedure.role_named(name)
    if role is None:
        there_are = ", ".join(sorted(turn.case.procedure.role))
        raise Refusal(f"{field}: this procedure has no role {name!r}. Its roles are: {there_are}.")
    return role
