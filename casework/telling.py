"""The story while one fact is told: a stage's function changes it, and adds entries, notices and effects."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from casework.effects import Forwarded, HolidayChanged, NoticeKind
from casework.facts import Fact
from casework.messages import Message
from casework.procedure import Procedure
from casework.story import Deadline, Request, Story

T = TypeVar("T")


class Refusal(Exception):
    """Why a message cannot be accepted, and which of its fields is at fault. It never leaves the core."""

    def __init__(self, reason: str, field: str | None = None, *, closed: bool = False) -> None:
        super().__init__(reason)
        self.field = field
        self.closed = closed


def is_closed(reference: str) -> Refusal:
    """Why a case that is closed takes nothing more."""
    return Refusal(f"Case {reference} is closed. To open it again, send a new referral: s47 refer FILE", closed=True)


def needed(value: T | None, reason: str, field: str | None = None) -> T:
    """The value; where the story has none, the message has no ground: raises `Refusal`."""
    if value is None:
        raise Refusal(reason, field)
    return value


class Line(NamedTuple):
    """A line for the chronology: of which fact, when it happened (UTC), and the rows it answers."""

    fact: int
    text: str
    cites: tuple[str, ...]
    at: datetime


class NoticeDue(NamedTuple):
    """A notice that a role is to have. `key` names the occasion, so that each is sent once."""

    key: str
    kind: NoticeKind
    to: str
    text: str
    person: str | None = None
    deadline: str | None = None
    request: str | None = None


class OutsideEffect(NamedTuple):
    """Something else that follows outside the case, once. `key` names the occasion."""

    key: str
    effect: HolidayChanged | Forwarded


class Result(NamedTuple):
    """What came of telling a fact, or of time passing: the story, and what follows from it."""

    story: Story
    lines: tuple[Line, ...] = ()
    notices: tuple[NoticeDue, ...] = ()
    effects: tuple[OutsideEffect, ...] = ()


class Book(NamedTuple):
    """What a story is told from: the unopened case, the facts in force as they happened, and all facts as recorded."""

    start: Story
    in_force: Sequence[Fact]
    facts: Sequence[Fact]

    def before(self, fact: Fact) -> Sequence[Fact]:
        """The facts in force that come before this one."""
        numbers = [earlier.number for earlier in self.in_force]
        return self.in_force[: numbers.index(fact.number)] if fact.number in numbers else self.in_force


class Telling:
    """The story so far, while one fact (or the passing of time) is told.

    `now` is the instant in the story (UTC). `rules` is the procedure whose timescales are followed: the story's own,
    but when facts are told again for a procedure that is being adopted. `strict`: the fact is only just being
    recorded, so whatever the procedure forbids refuses it; what was accepted once is not judged again by that.
    """

    def __init__(
        self,
        story: Story,
        now: datetime,
        fact: Fact | None = None,
        *,
        strict: bool = False,
        rules: Procedure | None = None,
        book: Book | None = None,
    ) -> None:
        self.story = story
        self.now = now
        self.fact = fact
        self.message: Message | None = fact.message if fact else None
        self.cause = str(fact.number) if fact else "0"
        self.strict = strict
        self.rules = rules or story.procedure
        self.book = book or Book(story, (), ())
        self.lines: list[Line] = []
        self.notices: list[NoticeDue] = []
        self.effects: list[OutsideEffect] = []

    def change(self, **fields: Any) -> None:
        """Replace these fields of the story."""
        self.story = self.story.changed(**fields)

    def named(self, what: str, taken: Collection[str] = ()) -> str:
        """A name for something that this fact brings about: `strategy-4`. It never changes."""
        name, again = f"{what}{self.cause.rpartition('@')[2]}", 2
        while name in taken:
            name, again = f"{what}{self.cause.rpartition('@')[2]}.{again}", again + 1
        return name

    def descend(self, strand: str, root: str) -> None:
        """Note that a strand came out of another."""
        roots = self.story.came_from.get(strand, ())
        if root not in roots:
            self.change(came_from={**self.story.came_from, strand: (*roots, root)})

    def close(self, strand: str) -> None:
        """Close a strand."""
        self.story = self.story.without_strand(strand)

    def line(self, text: str, cites: tuple[str, ...] = ()) -> None:
        """Write a line of the chronology."""
        at = self.message.occurred_at if self.message else self.now
        self.lines.append(Line(self.fact.number if self.fact else 0, text, cites, at))

    def notify(
        self, kind: NoticeKind, role: str, text: str, about: str | Deadline | Request, person: str | None = None
    ) -> None:
        """Send a role a notice about a deadline, a request, or something else; of a request, to whom it was given.

        `about` tells this occasion from others of the same fact; no wording goes into it.
        """
        deadline = about.id if isinstance(about, Deadline) else None
        request = about.id if isinstance(about, Request) else None
        person = person or (about.assigned_to if isinstance(about, Request) else None)
        key = f"{self.cause}:{kind.value}:{deadline or request or about}:{role}"
        self.notices.append(NoticeDue(key, kind, role, text, person, deadline, request))

    def do(self, effect: HolidayChanged | Forwarded, about: str) -> None:
        """Let something follow outside the case."""
        self.effects.append(OutsideEffect(f"{self.cause}:{about}", effect))

    def put_deadline(self, deadline: Deadline) -> None:
        """Keep a deadline as it now stands."""
        owed = self.story.still_owed
        if deadline.closed_at is not None:
            owed = tuple(name for name in owed if name != deadline.id)
        elif deadline.id not in owed:
            owed = (*owed, deadline.id)
        self.change(deadlines={**self.story.deadlines, deadline.id: deadline}, still_owed=owed)

    def put_request(self, request: Request) -> None:
        """Keep a request as it now stands."""
        self.change(requests={**self.story.requests, request.id: request})

    def refuse_if(self, problem: object, reason: str, field: str | None = None) -> None:
        """Refuse the message where the story gives it no ground. It holds for what was accepted before, too."""
        if problem:
            raise Refusal(reason, field)

    def insist(self, problem: object, reason: str, field: str | None = None) -> None:
        """Refuse a message that is only just being recorded, where the procedure or its own words forbid it."""
        if problem and self.strict:
            raise Refusal(reason, field)

    def result(self) -> Result:
        """The story and what follows from it."""
        return Result(self.story, tuple(self.lines), tuple(self.notices), tuple(self.effects))
