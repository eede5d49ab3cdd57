"""The state of one child's case: its facts, and what it has said so far. Everything else is told from these."""

from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from pydantic import Field, PrivateAttr

from casework.calendar import Calendar
from casework.effects import Forwarded
from casework.facts import Fact
from casework.model import Value
from casework.snapshots import Snapshot
from casework.story import DeadlineState, Story
from casework.tell import book_of, pass_time, step
from casework.telling import Book, Told


class Said(Value):
    """What was said of a deadline: when it is due, where it stands, when it was met, and which of its rungs were heard.

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


class Asked(Value):
    """What was said of a request: where it stands, and since when whoever decides it knows of it."""

    state: str
    since: datetime


class Announced(Value):
    """What the case has said so far, and up to when (UTC): what was believed, and when.

    `refusals`: of so many messages the record has heard that they were refused, one by one or together. `occasions`
    are those on which somebody was told something, each in a few letters; `heard` the rungs of requests; `forwarding`
    the facts on their way to the case where they belong.
    """

    until: datetime | None = None
    entries: int = 0
    notices: int = 0
    kept: int = 0
    refusals: int = 0
    deadlines: dict[str, Said] = Field(default_factory=dict)
    requests: dict[str, Asked] = Field(default_factory=dict)
    heard: tuple[str, ...] = ()
    occasions: tuple[str, ...] = ()
    forwarding: tuple[Forwarded, ...] = ()


def occasion(key: str) -> str:
    """A key in a few letters: the state keeps hundreds over the years."""
    return blake2b(key.encode(), digest_size=6).hexdigest()


MARK_EVERY = 50
"""Facts between two stories that are kept at hand, so that what is told late need not be told from the start."""


class Mark(NamedTuple):
    """The story after so many facts, in their order."""

    facts: int
    story: Story


class Base(NamedTuple):
    """What a case is told from, the story up to the last thing that happened, and some on the way to it."""

    book: Book
    story: Story
    marks: tuple[Mark, ...] = ()


class Case(Value):
    """One child's case, whole. `referrals` are those of earlier episodes: message id to digest.

    `procedure` and `bank_holidays` are what it opened with; the story says what holds now.
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
        return self.told.book

    @property
    def base(self) -> Story:
        """The story up to the last thing that happened, and no further."""
        return self.told.story

    @property
    def told(self) -> Base:
        """The case told, from its start where it was not yet."""
        if self._base is None:
            book = book_of(self.start, self.facts)
            story, marks = book.start, []
            for count, fact in enumerate(book.order, 1):
                story = step(story, fact, book).story
                if count % MARK_EVERY == 0:
                    marks.append(Mark(count, story))
            self._base = Base(book, story, tuple(marks))
        return self._base

    def told_after(self, count: int) -> Told:
        """The story after so many of its facts, with what the last of them said."""
        book, marks = self.told.book, self.told.marks
        done, story = next((mark for mark in reversed(marks) if mark.facts < count), Mark(0, book.start))
        told = Told(story)
        for fact in book.order[done:count]:
            told = step(told.story, fact, book)
        return told

    @property
    def story(self) -> Story:
        """The story as the case last looked at it, with the limits that it recorded as missed."""
        if self._story is None:
            until = self.announced.until
            story = self.base if until is None else pass_time(self.base, until).story
            self._story = with_misses(story, self.announced)
        return self._story

    def going_on(self, facts: tuple[Fact, ...], announced: Announced, base: Base, now: Story) -> "Case":
        """The case as it goes on: its base story is at hand, and where it stands now."""
        case = self.model_copy(update={"facts": facts, "announced": announced})
        case._base = base
        case._story = with_misses(now, announced)
        return case

    def fact(self, message_id: str) -> Fact | None:
        """The fact that a message of this id became."""
        return next((fact for fact in self.facts if fact.message.id == message_id), None)


def with_misses(story: Story, announced: Announced) -> Story:
    """The story, with the limits that were recorded as missed, though they turned out to have been met in time.

    A limit that turned out to be another one never was missed; that it was believed stands in the chronology.
    """
    missed = {
        name: deadline.model_copy(update={"breached_at": said.missed})
        for name, deadline in story.deadlines.items()
        if deadline.breached_at is None
        and (said := announced.deadlines.get(name)) is not None
        and said.missed is not None
        and said.missed == deadline.due
    }
    return story.model_copy(update={"deadlines": {**story.deadlines, **missed}}) if missed else story
