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
from casework.telling import Book, Refusal, Result, Telling


def book_of(start: Story, facts: Sequence[Fact]) -> Book:
    """What a story is told from. A bank holiday counts for every limit, whenever it was proclaimed."""
    counting = in_force(facts)
    calendar = start.bank_holidays
    changes = [fact.message for fact in counting if isinstance(fact.message, CalendarChange)]
    proclaimed = {change.day: change.proclaimed for change in changes}
    for day in sorted(proclaimed):  # the last fact about a day counts
        calendar = calendar.with_proclaimed(day) if proclaimed[day] else calendar.without(day)
    if calendar is not start.bank_holidays:
        start = start.changed(bank_holidays=calendar)
    return Book(start, counting, facts)


def book_with(book: Book, start: Story, fact: Fact) -> Book:
    """The same with one more fact. `start` is the unopened case."""
    facts = (*book.facts, fact)
    if changes_what_counts(fact.message, book.facts):
        return book_of(start, facts)
    place = place_of(book, fact.message.occurred_at)
    return Book(book.start, [*book.in_force[:place], fact, *book.in_force[place:]], facts)


def place_of(book: Book, at: datetime) -> int:
    """How many of the facts in force happened before an instant (UTC), or at it."""
    return bisect_right(book.in_force, at, key=lambda fact: fact.message.occurred_at)


def tell(book: Book) -> Result:
    """The whole story. Raises `Refusal` where a fact has no ground in it."""
    story, results = book.start, []
    for fact in book.in_force:
        results.append(step(story, fact, book))
        story = results[-1].story
    return together(results, story)


def tell_by(book: Book, before: Sequence[Fact], rules: Procedure, until: datetime) -> Story:
    """The story of these facts as its clocks would be by other rules. What has no meaning there is left out."""
    story = book.start
    for fact in before:
        try:
            story = step(story, fact, book, rules=rules).story
        except Refusal:
            story = pass_time(story, fact.message.occurred_at, rules=rules).story
    return pass_time(story, until, rules=rules).story


def step(story: Story, fact: Fact, book: Book, *, strict: bool = False, rules: Procedure | None = None) -> Result:
    """Tell one more fact, which happened later than all others, or at the same time. Raises `Refusal`."""
    check_is_open(story, fact.message)
    at = fact.message.occurred_at
    passed = pass_time(story, at, rules=rules)
    telling = Telling(passed.story, at, fact, strict=strict, rules=rules, book=book)
    MEANINGS[type(fact.message)](telling, fact.message)
    if fact.message.moved_from:
        telling.line(f"First recorded by mistake on another child's case ({fact.message.moved_from})")
    lapsed = pass_time(telling.story, at, rules=rules)
    return together((passed, telling.result(), lapsed), lapsed.story)


def check_is_open(story: Story, message: Message) -> None:
    """Nothing happens on a case before it has a referral, and nothing once it is closed. Raises `Refusal`."""
    if story.closed_at is not None:
        raise Refusal(f"occurred_at: case {story.reference} was already closed by then.", "occurred_at", closed=True)
    if story.child is None and not isinstance(message, Opening):
        text = f"occurred_at: case {story.reference} was not open yet at that time. Check the date."
        raise Refusal(text, "occurred_at")


def pass_time(story: Story, until: datetime, *, rules: Procedure | None = None) -> Result:
    """Let time pass up to an instant (UTC): limits pass, and the child comes of age."""
    telling = Telling(story, until, rules=rules)
    lapse(telling, until)
    return telling.result()


def together(results: Sequence[Result], story: Story) -> Result:
    """A story, with what followed from each of its parts in one."""
    return Result(
        story,
        tuple(line for result in results for line in result.lines),
        tuple(notice for result in results for notice in result.notices),
        tuple(effect for result in results for effect in result.effects),
    )
