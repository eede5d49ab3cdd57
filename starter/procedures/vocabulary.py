"""`s47 procedure words`: the vocabulary a procedure file may use, printed from the code itself."""

from enum import StrEnum

from casework.amounts import Unit
from casework.stages import MESSAGES
from casework.vocabulary import Circumstance, Condition, Event, Ground, Kind, Stage, Subject

WHAT: dict[str, type[StrEnum]] = {
    "conditions (only_if, needs …)": Condition,
    "circumstances (as conditions, and in circumstance_recorded)": Circumstance,
    "subjects of an authorisation": Subject,
    "stages": Stage,
    "kinds of role": Kind,
    "grounds for withholding": Ground,
    "units of an amount": Unit,
}


def words() -> dict[str, list[str]]:
    """Every word by what it is for; and every message with its fields."""
    vocabularies = {"events (from, met_by, until, on …)": list[str](Event.every)}
    vocabularies |= {title: [word.value for word in vocabulary] for title, vocabulary in WHAT.items()}
    own = {"id", "occurred_at", "by", "note", "ask"}
    vocabularies["messages, and their fields"] = [
        f"{name}: {', '.join(field for field in kind.model_fields if field not in own) or 'no fields of its own'}"
        for name, kind in MESSAGES.items()
    ]
    return vocabularies
