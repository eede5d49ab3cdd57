"""The state of one child's case: its facts, and what it has announced so far. Everything else is derived from these."""

from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from pydantic import Field, PrivateAttr

from casework.calendar import Calendar
from casework.effects import Forwarded
from casework.facts import Fact
from casework.model import Value
from casework.snapshots import Snapshot
from casework.story import Deadline, DeadlineState, Story
from casework.tell import book_of, pass_time, step
from casework.telling import Book, Result


class AnnouncedDeadline(Value):
    """What was announced of a deadline: when it is due, its state, when it was met, and which of its rungs were heard.

    `gone`: what it was counted from was recorded in error. `missed` is the limit that it was recorded as having
    missed, whatever became known later.
    """

    due: datetime | None
    state: DeadlineState
    closed: bool = False
    met: datetime | None = None
    gone: bool = False
    missed: datetime | None = None
    heard: tuple[str, ...] = ()

    def with_miss(self, deadline: Deadline) -> Deadline:
        """The deadline as missed, where its present limit was recorded as missed."""
        if deadline.breached_at is not None or self.missed is None or self.missed != deadline.due:
            return deadline
        return deadline.changed(breached_at=self.missed)


class AnnouncedRequest(Value):
    """What was announced of a request: its state, and since when (UTC) those who decide it know of it."""

    state: str
    since: datetime


class Announced(Value):
    """What the case has announced so far, and up to when (UTC): what was believed, and when.

    `refusals` counts the refused messages that the record has, one by one or together. `occasions` are those on which
    somebody was told something, each as a short hash; `heard` the rungs of requests; `forwarding` the facts on their
    way to the case where they belong.
    """

    until: datetime | None = None
    entries: int = 0
    notices: int = 0
    kept: int = 0
    refusals: int = 0
    deadlines: dict[str, AnnouncedDeadline] = Field(default_factory=dict)
    requests: dict[str, AnnouncedRequest] = Field(default_factory=dict)
    heard: tuple[str, ...] = ()
    occasions: tuple[str, ...] = ()
    forwarding: tuple[Forwarded, ...] = ()


def occasion(key: str) -> str:
    """A key as a short hash: the state keeps hundreds over the years."""
    return blake2b(key.encode(), digest_size=6).hexdigest()


MARK_EVERY = 50
"""So many facts lie between two stories that are kept in memory, so that a late fact is not told from the start."""


class Mark(NamedTuple):
    """The story after so many facts, in their order."""

    facts: int
    story: Story


class Base(NamedTuple):
    """What a case is told from, the story up to the last fact and no further, and some stories on the way to it."""

    book: Book
    story: Story
    marks: tuple[Mark, ...] = ()


class Case(Value):
    """One child's case, whole. `referrals` are those of earlier episodes: message id to digest.

    `procedure` and `bank_holidays` are what it opened with; the story has what holds now.
    """

    reference: str
    episode: int
    procedure: Snapshot
    bank_holidays: Calendar
    facts: tuple[Fact, ...] = ()
    announced: Announced = Announced()
    referrals: dict[str, str] = Field(default_factory=dict)

    _base: Base | None = PrivateAttr(None)
    _story: Story | None = PrivateAttr(None)

    @property
    def start(self) -> Story:
        """The story before anything happened."""
        return Story(reference=self.reference, procedure=self.procedure, bank_holidays=self.bank_holidays)

    @property
    def book(self) -> Book:
        """What the story is told from."""
        return self.base.book

    @property
    def base(self) -> Base:
        """The story up to the last fact, told once and then kept in memory."""
        if self._base is None:
            book = book_of(self.start, self.facts)
            story, marks = book.start, []
            for count, fact in enumerate(book.in_force, 1):
                story = step(story, fact, book).story
                if count % MARK_EVERY == 0:
                    marks.append(Mark(count, story))
            self._base = Base(book, story, tuple(marks))
        return self._base

    def after(self, count: int) -> Result:
        """The story after so many of its facts, with what the last of them brought about."""
        book, _, marks = self.base
        done, story = next((mark for mark in reversed(marks) if mark.facts < count), Mark(0, book.start))
        result = Result(story)
        for fact in book.in_force[done:count]:
            result = step(result.story, fact, book)
        return result

    def story_after(self, count: int) -> Story:
        """The story after so many of its facts."""
        return self.base.story if count == len(self.book.in_force) else self.after(count).story

    @property
    def story(self) -> Story:
        """The story as it was at the last turn of the case, with the limits that it recorded as missed."""
        if self._story is None:
            until = self.announced.until
            story = self.base.story if until is None else pass_time(self.base.story, until).story
            self._story = with_misses(story, self.announced)
        return self._story

    def going_on(self, facts: tuple[Fact, ...], announced: Announced, base: Base, now: Story) -> "Case":
        """The case after a turn: with its story up to the last fact, and up to `now`."""
        case = self.changed(facts=facts, announced=announced)
        case._base = base
        case._story = with_misses(now, announced)
        return case

    def fact(self, message_id: str) -> Fact | None:
        """The fact that a message of this id became."""
        return next((fact for fact in self.facts if fact.message.id == message_id), None)


def with_misses(story: Story, announced: Announced) -> Story:
    """The story, with the limits that were recorded as missed, though they turned out to have been met in time.

    A limit that has moved since was never missed; that it was believed to be stands in the chronology.
    """
    missed = {
        name: with_miss
        for name, deadline in story.deadlines.items()
        if name in announced.deadlines and (with_miss := announced.deadlines[name].with_miss(deadline)) is not deadline
    }
    return story.changed(deadlines={**story.deadlines, **missed}) if missed else story
