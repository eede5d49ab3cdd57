"""A message becomes a fact: its place in the story, and whether it, and all that came after it, has ground there.

The story is told with the new fact at its place by when it happened. It is accepted when that story gives it ground,
this authority's procedure allows it, and nothing that was accepted before loses its ground by it.
"""

from datetime import datetime
from typing import NamedTuple

from casework.case import MARK_EVERY, Base, Case, Mark
from casework.checks import check, missing, resolved
from casework.effects import Refused
from casework.facts import Fact, Opening, Replacement, Withdrawal
from casework.incoming import read
from casework.messages import IN_THE_RECORD, Message, digest, narratives, without_narrative
from casework.stages.corrections import Corrected, RecordedInError, described
from casework.story import Story
from casework.tell import book_with, pass_time, place_of, step, tell, together
from casework.telling import Book, Line, NoticeDue, Refusal, Result, is_closed
from casework.vocabulary import STRANDS, Subject

NAMED_AT_MOST = 8
"""Of the facts that would lose their ground, so many are named."""


class Tried(NamedTuple):
    """The case as it would be with a fact: what it would be told from, and what came of telling it from there on.

    `warnings` name later facts for which, as is known now, the procedure asked for something first.
    """

    base: Base
    result: Result
    warnings: tuple[str, ...] = ()


def fact_of(case: Case, message: Message, now: datetime) -> tuple[Fact, Story]:
    """The fact that a message would be, and the story as it stood when this happened. Raises `Refusal`."""
    _check_is_opened(case, message)
    _check_correction(case, message)
    then = case.story_after(place_of(case.book, message.occurred_at))
    kept = _without_words(case, resolved(then, message))
    return Fact(number=len(case.facts) + 1, recorded_at=now, digest=digest(message), message=kept), then


def _check_is_opened(case: Case, message: Message) -> None:
    """A case begins with its referral. While it waits for that, nothing else is taken. Raises `Refusal`."""
    if case.facts or isinstance(message, Opening):
        return
    if case.episode > 1:
        raise is_closed(case.reference)
    raise Refusal(f"Case {case.reference} is not open yet. Open it with a referral: s47 refer FILE")


def _check_correction(case: Case, message: Message) -> None:
    """A correction names facts that count, and what it puts in their place can be read. Raises `Refusal`."""
    in_force = {fact.number: fact for fact in case.book.in_force}
    if isinstance(message, RecordedInError) and 1 in message.facts:
        raise Refusal(
            "No. 1 opened the case, so it cannot be withdrawn. If the case was opened in error, record: case_ended",
            "facts",
        )
    numbers = message.facts if isinstance(message, Withdrawal) else ()
    numbers = (message.fact,) if isinstance(message, Replacement) else numbers
    for number in numbers:
        if number not in in_force:
            why = "is already withdrawn" if 0 < number <= len(case.facts) else "is not on this case"
            raise Refusal(f"No. {number} {why}. s47 show lists the numbers.", "facts")
    if isinstance(message, Corrected):
        wrong = in_force[message.fact].message
        right = read(wrong.name, message.body_instead_of(wrong))
        if isinstance(right, Refused):
            raise Refusal(right.reason, "changes")


def _without_words(case: Case, message: Message) -> Message:
    """The message as the state keeps it: without what the sender wrote in their own words."""
    kept = without_narrative(message)
    if isinstance(kept, Corrected):
        wrong = next(fact.message for fact in case.facts if fact.number == kept.fact)
        words = {key: IN_THE_RECORD for key in narratives(type(wrong)) if kept.changes.get(key)}
        return kept.changed(changes={**kept.changes, **words})
    return kept


def try_fact(case: Case, fact: Fact, now: datetime) -> Tried:
    """Tell the story with this fact in its place. Raises `Refusal` where it, or a later one, has no ground."""
    before = case.base
    book = book_with(before.book, case.start, fact)
    same = _same_facts(before.book, book)
    story = case.story_after(same) if same else book.start  # which may have another calendar
    marks = [mark for mark in before.marks if mark.facts <= same]
    was = {earlier.number: earlier for earlier in before.book.in_force[same:]}
    results: list[Result] = []
    losing: list[str] = []
    warnings: list[str] = []
    for count, later in enumerate(book.in_force[same:], same + 1):
        # The fact itself; and one that it corrects is judged as if it were only just recorded.
        new = later.number == fact.number or later.message != was.get(later.number, later).message
        then = pass_time(story, later.message.occurred_at).story
        if new:
            check(then, later.message, now)
        else:
            warnings += _recorded_although(then, later)
        try:
            results.append(step(story, later, book, strict=new))
        except Refusal as refusal:
            if new:
                raise
            losing.append(f"* {described(later)}: {refusal}")
            continue
        story = results[-1].story
        if count % MARK_EVERY == 0:
            marks.append(Mark(count, story))
    if losing:
        named = "\n".join(losing[:NAMED_AT_MOST])
        raise Refusal(f"This does not fit with what is already recorded. First withdraw or correct:\n{named}")
    return Tried(Base(book, story, tuple(marks)), together(results, story), tuple(warnings[:NAMED_AT_MOST]))


def _same_facts(before: Book, after: Book) -> int:
    """How many facts are the same at the beginning of two books; none where the stories start differently."""
    if before.start is not after.start and before.start != after.start:
        return 0
    for count, (old, new) in enumerate(zip(before.in_force, after.in_force, strict=False)):
        if old is not new and old != new:
            return count
    return min(len(before.in_force), len(after.in_force))


def _recorded_although(then: Story, fact: Fact) -> list[str]:
    """What the procedure asked for before a fact that was accepted, as is known now."""
    lacking = missing(then, fact.message)
    return [f"{described(fact)} was recorded although {why[0].lower()}{why[1:]}" for why in lacking]


WEIGHTY = (
    *(strand.field for strand in STRANDS.values()),
    *("deadlines", "circumstances", "withholding", "allocated_to", "procedure"),
    *("child", "died", "opened_at", "closed_at"),
)
"""The parts of a story on which a clock or a decision depends."""


def changes_something(case: Case, tried: Tried, now: datetime) -> bool:
    """Whether a clock or a decision depends on what is corrected: then a manager authorises it first."""
    without, with_it = pass_time(case.base.story, now).story, pass_time(tried.result.story, now).story

    def decisions(story: Story) -> dict[str, str]:
        return {name: r.state for name, r in story.requests.items() if r.subject is not Subject.CORRECTION}

    return decisions(without) != decisions(with_it) or any(
        getattr(without, part) != getattr(with_it, part) for part in WEIGHTY
    )


def lines_of(before: Book, tried: Tried, fact: Fact) -> list[Line]:
    """The lines of this fact, and then those of facts that read differently because of it, marked as corrected."""
    was = {earlier.number: earlier for earlier in before.in_force}
    later = [fact for fact in tried.base.book.in_force if was.get(fact.number, fact) is not fact]
    corrected = {fact.number for fact in later if was[fact.number] != fact}
    return [line for line in tried.result.lines if line.fact == fact.number] + [
        line._replace(text=f"No. {line.fact}, as corrected: {line.text}")
        for line in tried.result.lines
        if line.fact in corrected and line.fact != fact.number
    ]


def withdrawn_notices(case: Case, tried: Tried) -> list[NoticeDue]:
    """The notices that followed from facts that do not count any more."""
    gone = {fact.number for fact in case.book.in_force} - {fact.number for fact in tried.base.book.in_force}
    if not gone:
        return []
    numbers = {str(number) for number in gone}
    return [notice for notice in tell(case.book).notices if notice.key.partition(":")[0] in numbers]
