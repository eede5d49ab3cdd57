"""What can be recorded on a case now, which duty each message would meet, and what one would do before it is sent.

Nothing here knows a rule: well-formed samples of every message are tried on the case, and thrown away.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AwareDatetime

from casework import decide
from casework.calendar import local_date
from casework.case import Case
from casework.effects import Notice, Refused
from casework.incoming import read
from casework.messages import Message, Narrative
from casework.model import Value
from casework.procedure import Procedure
from casework.stages import MESSAGES
from casework.stages.corrections import Corrected, RecordedInError
from casework.story import Deadline, DeadlineState, Story
from casework.view import open_prompts
from casework.vocabulary import Kind

MOST_SAMPLES = 24
"""So many samples of one message are tried at most."""
SOMEBODY = "somebody"
WORDS = "(to be filled in)"
NOTHING = "Nothing on this case needs it at present."
NAMES = ("request", "duty", "form", "prompt", "strand", "action", "deadline", "strategy")
"""Fields that name something of the case: each of them is tried with everything there is."""


class Possible(Value):
    """A message, and whether it can be recorded now: the duties it would meet and the requests it would decide, or why
    it cannot be."""

    message: str
    meets: tuple[str, ...] = ()
    why_not: str | None = None


class Preview(Value):
    """What a message would do: the clocks it starts, moves, meets and ends, the notices and the requests.

    Each clock in words, with its limit; of a notice the role and the text; of a request the roles and the title.
    """

    stage: str
    waiting_for: tuple[str, ...]
    starts: tuple[str, ...] = ()
    moves: tuple[str, ...] = ()
    meets: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    notices: tuple[tuple[str, str], ...] = ()
    requests: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def possible(case: Case, role: str, now: datetime) -> tuple[Possible, ...]:
    """Every message this role may record: what would meet a running duty first, then what can be, then what cannot.

    `role` is a key of the case's procedure, `now` a UTC instant. Total: no input raises.
    """
    procedure = case.story.procedure
    key = procedure.role_named(role)
    if key is None:
        return ()
    mine = {name: kind for name, kind in MESSAGES.items() if procedure.may_record(key, name, kind.sent_by)}
    messages = [_weighed(case, name, kind, key, now) for name, kind in mine.items()]
    return tuple(sorted(messages, key=lambda message: (message.why_not is not None, not message.meets)))


def _weighed(case: Case, name: str, kind: type[Message], role: str, now: datetime) -> Possible:
    malformed: str | None = None
    why_not: str | None = None
    accepted = False
    meets: dict[str, None] = {}
    before = case.story
    for body in (*samples(before, kind, role, now), *_corrections(case, kind, role, now)):
        message = read(name, body)
        if isinstance(message, Refused):
            malformed = malformed or message.reason
            continue
        tried = decide.weigh(case, message, now)
        if isinstance(tried, Refused):
            why_not = why_not or tried.reason
            continue
        accepted = True
        meets |= {deadline.duty: None for deadline in _met(before, tried)}
        meets |= {request.title: None for request in before.waiting_requests if not tried.requests[request.id].waiting}
    return Possible(message=name, meets=tuple(meets), why_not=None if accepted else why_not or malformed or NOTHING)


def _met(before: Story, after: Story) -> list[Deadline]:
    done = (DeadlineState.MET, DeadlineState.MET_LATE)
    running = {deadline.id for deadline in before.owed if deadline.running}
    return [deadline for name, deadline in after.deadlines.items() if name in running and deadline.state in done]


def preview(case: Case, message: Message, now: datetime) -> Preview | Refused:
    """What this message would do, without doing it; or why it would be refused. `now` is a UTC instant."""
    decided, agreed = decide.receive(case, message, now), decide.weigh(case, message, now)
    if isinstance(decided, Refused):
        return decided
    if isinstance(agreed, Refused):
        return agreed
    # Of a correction that a manager authorises first: what it does once they have.
    waits = bool(decided.case.facts) and decided.case.facts[-1].asks
    before, after = decide.wake(case, now).case.story, agreed if waits else decided.case.story
    requests = decided.case.story.waiting_requests
    return Preview(
        stage=after.stage.value,
        waiting_for=tuple(after.waiting_for),
        notices=tuple((effect.to, effect.text) for effect in decided.effects if isinstance(effect, Notice)),
        requests=tuple((" or ".join(r.to), r.title) for r in requests if r.id not in before.requests),
        warnings=decided.warnings,
        **_clocks(before, after),
    )


def _clocks(before: Story, after: Story) -> dict[str, Any]:
    """In words, with their limits, the clocks that start, move, are met and end between two stories."""
    was, now = before.deadlines, after.deadlines
    met = _met(before, after)
    ran = [now.get(deadline.id, deadline) for deadline in before.owed if deadline.running]
    ended = [deadline for deadline in ran if deadline not in met and (deadline.closed_at or deadline.id not in now)]
    moved = [(was[name], deadline) for name, deadline in now.items() if name in was and was[name].due != deadline.due]
    return {
        "starts": tuple(_clock(d) for name, d in now.items() if name not in was and d.closed_at is None),
        "moves": tuple(f"{to.duty}: from {from_.spoken_due} to {to.spoken_due}" for from_, to in moved),
        "meets": tuple(map(_clock, met)),
        "ends": tuple(map(_clock, ended)),
    }


def _clock(deadline: Deadline) -> str:
    return f"{deadline.duty}: {deadline.spoken_due}"


# --- Samples ------------------------------------------------------------------------------------------------------


def samples(story: Story, kind: type[Message], role: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Well-formed messages of this kind, as this role could send them now: plain first, then one field at a time."""
    base = _base(role, now)
    answers = {answer.field: answer.must_be for answer in story.procedure.answer if answer.message == kind.name}
    choices: dict[str, list[Any]] = {}
    for name, field in kind.model_fields.items():
        if name in base or name in ("ask", "note", "moved_from"):
            continue
        of_the_case = _of_the_case(story, kind, name, now)
        values = of_the_case if of_the_case is not None else list(_values(field.rebuild_annotation(), now))
        if name in answers and answers[name] is not None:
            values = [answers[name]]
        if not field.is_required() and name not in answers and of_the_case is None:
            values = [None, *values]
        choices[name] = values
    if any(not values for name, values in choices.items() if kind.model_fields[name].is_required()):
        return  # it names something of the case, and there is nothing of that sort
    plain = {name: values[0] for name, values in choices.items() if values and values[0] is not None}
    yield {**base, **plain}
    given = 1
    for name in sorted(choices, key=lambda name: name not in NAMES):
        for value in choices[name][1:]:
            if value is not None and given < MOST_SAMPLES:
                given += 1
                yield {**base, **plain, name: value}
    filled = {name: next((value for value in values if value is not None), None) for name, values in choices.items()}
    yield {**base, **{name: value for name, value in filled.items() if value is not None}}


def _base(role: str, now: datetime) -> dict[str, Any]:
    return {"id": "sample", "occurred_at": now.isoformat(), "by": {"role": role, "person": SOMEBODY}}


def _corrections(case: Case, kind: type[Message], role: str, now: datetime) -> Iterator[dict[str, Any]]:
    """Corrections of what was recorded last: what came before it may be needed by it."""
    if len(case.book.in_force) < 2:
        return  # the referral that opened the case is not withdrawn
    last = case.book.in_force[-1].number
    base = _base(role, now) | {"reason": WORDS}
    if kind is RecordedInError:
        yield {**base, "facts": [last]}
    elif kind is Corrected:
        yield {**base, "fact": last, "changes": {"note": WORDS}}


def _of_the_case(story: Story, kind: type[Message], name: str, now: datetime) -> list[Any] | None:
    """What there is on this case that a field can name; None where it is a field like any other."""
    procedure = story.procedure
    professionals = [key for key, role in procedure.role.items() if role.kind is not Kind.FAMILY]
    named: dict[str, Callable[[], list[Any]]] = {
        "request": lambda: [request.id for request in story.waiting_requests],
        "duty": lambda: list(dict.fromkeys(deadline.timescale for deadline in story.running_deadlines)),
        "form": lambda: list(procedure.form),
        "prompt": lambda: [key for key, _ in open_prompts(story)],
        "strand": lambda: list(story.strands),
        "action": lambda: [d.id for d in story.running_deadlines if d.timescale not in procedure.timescale],
        "deadline": lambda: list(story.deadlines),
        "strategy": lambda: [None, *(strategy.id for strategy in story.strategies)],
        "attended_by": lambda: [professionals],
        "contents": lambda: [
            list(dict.fromkeys(part for form in procedure.form.values() for part in form.contents))[:30]
        ],
        "signed": lambda: [True],
        "facts": lambda: [],
        "fact": lambda: [],
        "changes": lambda: [{"note": WORDS}],
        "belongs_to": lambda: [None],
        "actions": lambda: [[{"what": WORDS, "owner": professionals[0], "due": str(local_date(now))}]],
        "date_of_birth": lambda: [story.child.born and str(story.child.born) if story.child else None],
        "expected_date_of_birth": lambda: [None],
        "person": lambda: [story.child.person if story.child and kind.name == "referral_received" else SOMEBODY],
        "responsible": lambda: [professionals[0]],
        "owner": lambda: [professionals[0]],
        "with_police": lambda: [True],
        "with_chair": lambda: [True],
        "minutes": lambda: [2, 1, 0],
        "back_to_role": lambda: [False],
    }
    return named[name]() if name in named else None


def _values(annotation: Any, now: datetime) -> Iterator[Any]:
    """Values that a field of this type can have: of a closed list every one."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        if any(isinstance(mark, Narrative) for mark in inside[1:]):
            yield WORDS
        else:
            yield from _values(inside[0], now)
    elif origin in (Union, UnionType):
        for part in inside:
            if part is not NoneType:
                yield from _values(part, now)
    elif origin is Literal:
        yield from inside
    elif origin is tuple:
        yield [next(_values(inside[0], now))]
    elif isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from (word.value for word in annotation)
    elif annotation is bool:
        yield from (True, False)
    elif annotation is int:
        yield 1
    elif annotation in (datetime, AwareDatetime):
        yield (now + timedelta(days=1)).isoformat()
    elif annotation is date:
        yield str(local_date(now))
    elif annotation is Procedure:
        yield None
    else:
        yield SOMEBODY


@lru_cache
def title_of(name: str) -> str:
    """What a message says, in a line."""
    return (MESSAGES[name].__doc__ or name).strip().splitlines()[0]
