"""The chronology as people read it: each line with the number of its fact, what was put right, and the words beneath.

A line says what happened; beneath it stand the sender's own words, and what else the message says.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from activities.reading import ChronologyEntry
from casework.calendar import local_date, spoken_date, spoken_instant
from casework.case import Case
from casework.facts import Replacement, Withdrawal
from casework.messages import narratives
from casework.model import Value
from casework.stages import MESSAGES
from casework.stages.corrections import Corrected, RecordedInError
from casework.story import RequestState

ELSEWHERE = {"id", "occurred_at", "by", "note", "actions", "facts", "fact", "changes", "procedure", "request"}
"""Fields that the line, its columns or the words beneath it have already."""
PLAIN = {
    "attended_by": "attended",
    "concern": "concerns",
    "medical": "medical assessment",
    "ask": "asked",
    "moved_from": "first recorded on",
    "person": "child's id",
    "joint_with_police": "joint enquiry with the police",
    "starts_at": "starts",
    "how": "held by",
    "share_with_family": "information for the family",
    "immediate": "immediate response required",
    "complex": "particularly complex",
    "doctor_consulted": "named doctor consulted",
    "review_on": "reviewed on",
    "plan": "child protection plan",
    "social_worker": "allocated to",
    "with_police": "police consulted",
    "with_chair": "chair consulted",
    "harm_suspected": "significant harm suspected",
    "belongs_to": "belongs to case",
}
"""What a field is called where its own name does not say it."""


class Mark(Value):
    """What became of a fact: the numbers of what withdrew it, put it right, or asks for that and waits.

    `idle_since` is what withdrew the fact that this one puts right.
    """

    withdrawn_by: int | None = None
    idle_since: int | None = None
    put_right_by: tuple[int, ...] = ()
    asked_by: int | None = None
    asked_of: str | None = None

    @property
    def words(self) -> str:
        """The same, in words."""
        notes = []
        if self.withdrawn_by:
            notes.append(f"withdrawn by no. {self.withdrawn_by}")
        if self.idle_since:
            notes.append(f"what it corrects was withdrawn by no. {self.idle_since}")
        if self.put_right_by:
            notes.append(f"corrected by {_numbers(self.put_right_by)}")
        if self.asked_by:
            notes.append(f"no. {self.asked_by} asks to correct this and waits for the {self.asked_of}")
        return "; ".join(notes)


def marks(case: Case) -> dict[int, Mark]:
    """What became of each fact that was put right, withdrawn, or is asked to be."""
    by_number: dict[int, Mark] = {}
    in_force = {fact.number for fact in case.book.in_force}
    for fact in case.facts:
        message = fact.message
        named: tuple[int, ...] = ()
        if fact.number in in_force and isinstance(message, Withdrawal):
            named = message.facts
        elif fact.number in in_force and isinstance(message, Replacement):
            named = (message.fact,)
        request = case.story.requests.get(fact.request) if fact.asks else None
        for number in named:
            mark = by_number.get(number, Mark())
            if request is not None and request.waiting:
                mark = mark.model_copy(update={"asked_by": fact.number, "asked_of": " or the ".join(request.to)})
            elif request is not None and request.state not in (RequestState.AUTHORISED, RequestState.FINISHED):
                continue
            elif isinstance(message, Withdrawal):
                mark = mark.model_copy(update={"withdrawn_by": fact.number})
            else:
                mark = mark.model_copy(update={"put_right_by": (*mark.put_right_by, fact.number)})
            by_number[number] = mark
    for fact in case.facts:
        wrong = by_number.get(fact.message.fact) if isinstance(fact.message, Replacement) else None
        if wrong is not None and wrong.withdrawn_by:
            mark = by_number.get(fact.number, Mark())
            by_number[fact.number] = mark.model_copy(update={"idle_since": wrong.withdrawn_by})
    return by_number


def shown(entries: Sequence[ChronologyEntry], case: Case) -> Group:
    """The chronology in the order in which things happened; what was recorded on another day says when."""
    became = marks(case)
    kinds = {fact.number: fact.message.name for fact in case.facts}
    lines_of: dict[int, list[str]] = {}
    for entry in entries:
        if entry.fact is not None:
            lines_of.setdefault(entry.fact, []).append(entry.text)
    first = {entry.fact: entry.number for entry in reversed(entries) if entry.fact is not None}
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("no.", "happened", "by", ""):
        made.add_column(
            column, overflow="fold", no_wrap=column == "no.", justify="right" if column == "no." else "left"
        )
    last: tuple[object, ...] = ()
    for entry in sorted(entries, key=lambda entry: entry.occurred_at):
        mark = became.get(entry.fact, Mark()) if entry.fact else Mark()
        is_first = entry.fact is not None and first[entry.fact] == entry.number
        same = (entry.fact, entry.occurred_at, entry.by)
        gone = "strike dim" if mark.withdrawn_by or mark.idle_since else ""
        text = f"[{gone}]{escape(entry.text)}[/]" if gone else escape(entry.text)
        lines: list[str] = [text]
        if is_first:
            remarks = [part for part in (_recorded(entry), mark.words) if part]
            lines[0] += f" [yellow]({escape('; '.join(remarks))})[/]" if remarks else ""
            lines += [f"[italic]{escape(words)}[/]" for words in _own_words(entry, kinds)]
            beyond = besides(entry.name, entry.body or {}, lines_of[entry.fact or 0], kinds)
            lines += [f"[dim]{escape(beyond)}[/]"] if beyond else []
        made.add_row(
            str(entry.fact) if is_first or (entry.fact and same != last) else "",
            "" if same == last and not is_first else spoken_instant(entry.occurred_at),
            "" if same == last and not is_first else escape(entry.by),
            Group(lines[0], *(Padding(part, (0, 0, 0, 2)) for part in lines[1:])),
        )
        last = same
    return Group(made)


def _recorded(entry: ChronologyEntry) -> str:
    """When it was recorded, where that was another day than it happened on."""
    day = local_date(entry.recorded_at)
    return f"recorded {spoken_date(day)}" if day != local_date(entry.occurred_at) else ""


def _own_words(entry: ChronologyEntry, kinds: Mapping[int, str]) -> list[str]:
    """What the sender wrote, a line each: note, reasons, actions; of a correction also the words it puts right."""
    lines = (entry.note or "").splitlines()
    body = entry.body or {}
    changes = body.get("changes")
    if entry.name == Corrected.name and isinstance(changes, dict):
        about = MESSAGES.get(kinds.get(body.get("fact", 0), ""))
        for field in narratives(about) if about else ():
            if changes.get(field):
                lines.append(f"{_called(field)}, corrected: {changes[field]}")
    return lines


def besides(name: str | None, body: Mapping[str, Any], lines: Sequence[str], kinds: Mapping[int, str]) -> str:
    """What a message says that its lines do not, in one line: every field that was given, in plain words.

    `kinds` are the messages of the case by their numbers.
    """
    kind = MESSAGES.get(name or "")
    words = narratives(kind) if kind else ()
    line = " ".join(lines).casefold()
    parts = []
    for field, value in body.items():
        if field in ELSEWHERE or field in words or value in (None, [], "", {}):
            continue
        plain = spoken(value)
        if isinstance(value, bool) and value and field.replace("_", " ") in line:
            continue
        if not isinstance(value, bool) and plain.casefold() in line:
            continue
        parts.append(f"{_called(field)}: {plain}")
    changes = body.get("changes")
    if name == Corrected.name and isinstance(changes, dict) and "corrected: " not in line:
        about = MESSAGES.get(kinds.get(body.get("fact", 0), ""))
        own = narratives(about) if about else ()
        wanted = [f"{_called(field)}: {spoken(value)}" for field, value in changes.items() if field not in own]
        parts += [f"what is right: {', '.join(wanted)}"] if wanted else []
    if name == RecordedInError.name and isinstance(body.get("facts"), list) and "withdraw" not in line:
        parts.append(f"about {_numbers(body['facts'])}")
    return "; ".join(parts)


def _called(field: str) -> str:
    return PLAIN.get(field, field.replace("_", " "))


def spoken(value: Any) -> str:
    """A value of a message in plain words: yes and no, days and times as they are spoken, lists with commas."""
    match value:
        case None:
            return "left out"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(map(spoken, value))
        case dict():
            return ", ".join(f"{_called(str(key))} {spoken(item)}" for key, item in value.items())
        case str():
            return _spoken_time(value)
        case _:
            return str(value)


def _spoken_time(text: str) -> str:
    try:
        if len(text) == len("2026-04-08"):
            return spoken_date(date.fromisoformat(text))
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return spoken_instant(instant) if instant.tzinfo else text


def _numbers(facts: Sequence[int]) -> str:
    return f"no. {facts[0]}" if len(facts) == 1 else f"nos. {', '.join(map(str, facts))}"
