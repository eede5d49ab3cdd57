"""Telling the story: the fold of the facts in the order in which they happened, with the passing of time between them.

The same facts give the same story, in whatever order they were recorded.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

from casework.facts import CalendarChange, Fact, Opening, changes_what_counts, in_force
from casework.lapse import lapse
from casework.messages import MEANINGS, Message
from casework.procedure import Procedure
from casework.story import Story
from casework.telling import Book, Refusal, Telling, Told


def book_of(start: Story, known: Sequence[Fact]) -> Book:
    """What a story is told from. A bank holiday counts for every limit, whenever it was proclaimed."""
    order = in_force(known)
    calendar = start.bank_holidays
    proclaimed = {
        fact.message.on_day(): fact.message.proclaimed for fact in order if isinstance(fact.message, CalendarChange)
    }
    for day in sorted(proclaimed):  # the last word on a day counts
        calendar = calendar.with_proclaimed(day) if proclaimed[day] else calendar.without(day)
    if calendar is not start.bank_holidays:
        start = start.model_copy(update={"bank_holidays": calendar})
    return Book(start, order, known)


def book_with(book: Book, start: Story, fact: Fact) -> Book:
    """The same with one more fact. `start` is the unopened case."""
    known = (*book.known, fact)
    if changes_what_counts(fact.message, book.known):
        return book_of(start, known)
    place = bisect_right(book.order, fact.message.occurred_at, key=lambda one: one.message.occurred_at)
    return Book(book.start, [*book.order[:place], fact, *book.order[place:]], known)


def tell(book: Book, until: datetime | None = None) -> Told:
    """The whole story, up to an instant (UTC). Raises `Refusal` where a fact has no ground in it."""
    story, told = book.start, []
    for fact in book.order:
        told.append(step(story, fact, book))
        story = told[-1].story
    if until is not None:
        told.append(pass_time(story, until))
        story = told[-1].story
    return together(told, story)


def tell_by(book: Book, before: Sequence[Fact], rules: Procedure, until: datetime) -> Story:
    """The story of these facts as its clocks would be by other rules. What has no meaning there is left out."""
    story = book.start
    for fact in before:
        try:
            story = step(story, fact, book, rules=rules).story
        except Refusal:
            story = pass_time(story, fact.message.occurred_at, rules=rules).story
    return pass_time(story, until, rules=rules).story


def step(story: Story, fact: Fact, book: Book, *, strict: bool = False, rules: Procedure | None = None) -> Told:
    """Tell one more fact, which happened later than all others, or at the same time. Raises `Refusal`."""
    check_is_open(story, fact.message)
    at = fact.message.occurred_at
    passed = pass_time(story, at, rules=rules)
    telling = Telling(passed.story, at, fact, strict=strict, rules=rules, book=book)
    MEANINGS[type(fact.message)](telling, fact.message)
    if fact.message.moved_from:
        telling.line(f"First recorded by mistake on another child's case ({fact.message.moved_from})")
    return followed_by(followed_by(passed, telling.told()), pass_time(telling.story, at, rules=rules))


def check_is_open(story: Story, message: Message) -> None:
    """Nothing happens on a case before it has a referral, and nothing once it is closed. Raises `Refusal`."""
    if story.closed_at is not None:
        raise Refusal(f"occurred_at: case {story.reference} was already closed by then.", "occurred_at", closed=True)
    if story.child is None and not isinstance(message, Opening):
        raise Refusal(
            f"occurred_at: case {story.reference} was not open yet at that time. Check the date.",
            "occurred_at",
        )


def pass_time(story: Story, until: datetime, *, rules: Procedure | None = None) -> Told:
    """Let time pass up to an instant (UTC): limits pass, and the child comes of age."""
    telling = Telling(story, until, rules=rules)
    lapse(telling, until)
    return telling.told()


def followed_by(one: Told, then: Told) -> Told:
    """Both, one after the other."""
    return Told(
        then.story,
        (*one.lines, *then.lines) if then.lines else one.lines,
        (*one.sayings, *then.sayings) if then.sayings else one.sayings,
        (*one.deeds, *then.deeds) if then.deeds else one.deeds,
    )


def together(told: Sequence[Told], story: Story) -> Told:
    """What was said on the way to a story, in one."""
    return Told(
        story,
        tuple(line for one in told for line in one.lines),
        tuple(saying for one in told for saying in one.sayings),
        tuple(deed for one in told for deed in one.deeds),
    )
