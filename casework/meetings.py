"""A meeting's minimum membership: who had to take part, and what is refused or written down when they did not."""

from collections.abc import Iterable

from casework.conditions import holds
from casework.effects import NoticeKind
from casework.messages import Message
from casework.telling import Refusal, Telling
from casework.vocabulary import Kind


def check_membership(telling: Telling, kind: str, attended_by: Iterable[str], message: Message) -> list[str]:
    """The procedure's own keys of the roles that took part.

    Refuses a role the procedure does not have, and a meeting without its minimum membership: always where the
    document says must, and where it says should unless the message gives a note saying why (Q-28).
    """
    procedure = telling.story.procedure
    present = [role_key(telling, "attended_by", name) for name in attended_by]
    rule = procedure.meeting.get(kind)
    if rule is None:
        return present
    needed = list(rule.minimum)
    needed += [roles for condition, roles in rule.minimum_if.items() if holds(condition, telling.story)]
    absent = [" or ".join(roles) for roles in needed if not set(roles) & set(present)]
    if absent:
        problem = f"attended_by: the {kind} cannot go ahead without: {', '.join(absent)}."
        also = "" if rule.force == "must" else " If it did, say why in the note."
        telling.insist(rule.force == "must" or not message.note, problem + also, "attended_by")
        telling.line(f"The {kind} was held without {', '.join(absent)}. The reason is in the note", rule.cites)
    family = [role for role in present if role in procedure.role and procedure.role[role].kind is Kind.FAMILY]
    telling.insist(
        rule.professionals_only and family,
        f"attended_by: the {kind} is for professionals only, so {', '.join(family)} cannot take part.",
        "attended_by",
    )
    text = f"The {kind} was held. You will be sent its record"
    for role in rule.distribute_to:
        telling.notify(NoticeKind.TOLD, role, text, about=f"record of {kind}")
    return present


def tell_chair(telling: Telling, kind: str) -> None:
    """A meeting has a time: whoever chairs it has a notice."""
    rule = telling.story.procedure.meeting.get(kind)
    if rule is not None and rule.chair is not None:
        text = f"The {kind} that you chair has a date and time"
        telling.notify(NoticeKind.TOLD, rule.chair, text, about=f"chair of {kind}")


def role_key(telling: Telling, field: str, name: str) -> str:
    """The procedure's own key of a role named in this field of a message. Where a procedure was adopted that does
    not have it, whoever acts now stands in."""
    role = telling.story.procedure.role_named(name)
    if role is None and telling.strict:
        raise Refusal(f"{field}: {telling.story.procedure.no_role(name)}", field)
    return role or telling.story.acting
