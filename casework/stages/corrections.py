"""Putting right what was recorded: in error, wrongly, or on the wrong child.

Nothing is ever taken out of the record. A correction is a fact of its own; the story is told without the withdrawn
fact, or with the corrected one in its place, and every clock follows. Where a clock or a decision depends on it, a
manager authorises it first (S47's own design: no document has corrections; UK GDPR article 16 asks for them).
"""

from contextlib import suppress
from datetime import date, datetime
from typing import Any

from pydantic import Field, field_validator

from casework.calendar import spoken_date, spoken_instant
from casework.effects import Forwarded
from casework.facts import Fact, Replacement, Withdrawal
from casework.messages import ANYONE, DAY_PATTERN, INSTANT_PATTERN, Id, Message, Reason, in_words, means, narratives
from casework.procedure import Authorisation
from casework.requests import ask, kind_of, role_of, takes_effect
from casework.telling import Telling, needed
from casework.text_files import unusable
from casework.vocabulary import Kind, Subject

FIXED = ("id", "by", "moved_from")
"""What a correction does not change of a message: which one it was, and who recorded it."""
MOST_CHANGES = 20
OUR_OWN = Authorisation.model_construct(cites=(), source="", words="", authorised_by=(), title="")
"""The rule where a procedure has none of its own: a manager authorises it."""


class RecordedInError(Withdrawal, sent_by=ANYONE):
    """Something recorded did not happen, or happened to another child. It stays in the record, marked as withdrawn."""

    belongs_to: Id | None = Field(
        None, description="If it belongs to another child: the reference of that case. It is recorded there"
    )
    reason: Reason


class Corrected(Replacement, sent_by=ANYONE):
    """Something was recorded wrongly, and this is what is right. Whatever is not named stays as it was recorded."""

    reason: Reason

    @field_validator("changes")
    @classmethod
    def _changes_something(cls, changes: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= len(changes) <= MOST_CHANGES:
            raise ValueError(f"name the fields that are wrong, from 1 to {MOST_CHANGES} of them")
        if fixed := [name for name in FIXED if name in changes]:
            raise ValueError(f"{', '.join(fixed)} cannot be corrected. Withdraw the entry, and record it again")
        if problem := unusable(changes):
            raise ValueError(f"{problem}. Write it again.")
        return changes


@means(RecordedInError)
def recorded_in_error(telling: Telling, message: RecordedInError) -> None:
    """Withdraw some facts: at once, or once a manager authorises it."""
    _may_correct(telling, message, message.facts)
    telling.insist(
        message.belongs_to == telling.story.reference,
        "belongs_to: this is the case itself. Give the reference of the case where it belongs.",
        "belongs_to",
    )
    _correct(telling, message, "Withdraw", message.facts)


@means(Corrected)
def corrected(telling: Telling, message: Corrected) -> None:
    """Put another message into the place of a fact: at once, or once a manager authorises it."""
    _may_correct(telling, message, (message.fact,))
    _correct(telling, message, "Correct", (message.fact,))


def _may_correct(telling: Telling, message: Message, numbers: tuple[int, ...]) -> None:
    """Whoever may record a thing may correct it; practitioners and managers correct anything that came before."""
    role = role_of(telling, message)
    anything = not telling.strict or kind_of(telling, role) in (Kind.WORKER, Kind.MANAGER)
    earlier = {
        fact.number: fact for fact in telling.book.facts if telling.fact is None or fact.number < telling.fact.number
    }
    for number in numbers:
        fact = needed(earlier.get(number), f"This case has no entry no. {number}. s47 show lists the numbers.", "facts")
        telling.insist(
            not anything and not telling.story.procedure.may_record(role, fact.message.name, fact.message.sent_by),
            f"No. {number}: you cannot record “{in_words(fact.message.name)}” as {role}, so you cannot correct it. "
            "Ask a social worker or a manager.",
            "by",
        )


def _correct(telling: Telling, message: Message, verb: str, facts: tuple[int, ...]) -> None:
    """Ask a manager where a clock or a decision depends on it; else it takes effect at once."""
    assert telling.fact is not None
    if not telling.fact.asks:
        correction_made(telling, message, message.occurred_at)
        return
    procedure = telling.story.procedure
    numbers = ", ".join(map(str, facts))
    title = f"{verb} entry no. {numbers}" if len(facts) == 1 else f"{verb} entries nos. {numbers}"
    rule = procedure.authorisation.get(Subject.CORRECTION) or OUR_OWN.changed(authorised_by=procedure.managers)
    ask(telling, Subject.CORRECTION, rule.changed(title=title, finish=False), message, numbers, message)


@takes_effect(Subject.CORRECTION)
def correction_made(telling: Telling, message: Message, at: datetime) -> None:
    """Write down what was put right. The correction counts from now on by `casework.facts.in_force`."""
    facts = {fact.number: fact for fact in telling.book.facts}
    if isinstance(message, RecordedInError):
        for number in message.facts:
            telling.line(f"Withdrawn, as recorded in error: {described(facts[number])}")
        if message.belongs_to:
            telling.line(f"It belongs to case {message.belongs_to} and is recorded there")
            for number in message.facts:
                telling.do(Forwarded(fact=number, to=message.belongs_to), f"forward-{number}")
    elif isinstance(message, Corrected):
        wrong = facts[message.fact]
        telling.line(f"Corrected: {described(wrong)}. {_difference(wrong.message, message)}")


def described(fact: Fact) -> str:
    """A fact in a few words: its number, the message, when it happened, and who recorded it."""
    message = fact.message
    return f"no. {fact.number} ({in_words(message.name)}, {spoken_instant(message.occurred_at)}, by {message.by})"


def _difference(message: Message, correction: Corrected) -> str:
    """What was recorded and what is right, field by field; of somebody's own words only that they changed."""
    words = narratives(type(message))
    before = message.model_dump(mode="json", exclude_unset=True, by_alias=True)
    differences = []
    for field, now in correction.changes.items():
        name = "when it happened" if field == "occurred_at" else field.replace("_", " ")
        if field in words:
            differences.append(f"{name} reworded")
        elif now is None:
            differences.append(f"{name}: {_short(before.get(field))} was recorded and is now left out")
        else:
            differences.append(f"{name}: {_short(now)}, not {_short(before.get(field))}")
    return "; ".join(differences)


def _short(value: object) -> str:
    """A value as people say it: a time in London, a day, yes or no."""
    match value:
        case None:
            text = "nothing"
        case bool():
            text = "yes" if value else "no"
        case list():
            text = ", ".join(_short(item) for item in value)
        case _:
            text = _spoken(str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def _spoken(text: str) -> str:
    with suppress(ValueError, OverflowError):  # somebody's words may look like a day that there is not
        if INSTANT_PATTERN.fullmatch(text):
            return spoken_instant(datetime.fromisoformat(text))
        if DAY_PATTERN.fullmatch(text):
            return spoken_date(date.fromisoformat(text))
    return text
