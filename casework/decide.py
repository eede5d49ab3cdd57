"""The core's contract: what a message means for a case, what time has brought about, and when to look again.

    receive(case, message, now) -> Decided | Refused
    wake(case, now)             -> Decided
    alarms(case)                -> {name: (instant, summary)}

All of them are total: no input raises. `now` is a UTC instant given by the caller. Within `receive` the story is told
with the new fact where it belongs by when it happened; it is accepted when that story gives it ground, this
authority's procedure allows it, and nothing that was accepted before loses its ground by it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from casework.calendar import LONDON, BankHolidays, local_date, spoken_instant
from casework.case import MARK_EVERY, Announced, Base, Case, Mark
from casework.checks import check, missing, resolved, warnings
from casework.deadlines.words import spoken_due
from casework.effects import Effect, Forwarded, Kept, Notice, NoticeKind, Refused
from casework.facts import Fact, Opening, Replacement, Withdrawal
from casework.incoming import read, sender
from casework.lapse import comes_of_age
from casework.messages import Message, as_sent, digest, in_words, without_narrative
from casework.model import Value
from casework.naming import cut
from casework.procedure import Procedure
from casework.reconcile import Speaking, next_request_rung, next_rung, reconcile
from casework.snapshots import shared
from casework.stages import MESSAGES
from casework.stages.corrections import Corrected, RecordedInError, described, without_words
from casework.story import DeadlineState, Story
from casework.tell import book_with, followed_by, pass_time, step, tell, together
from casework.telling import Book, Line, Refusal, Saying, Told, is_closed
from casework.vocabulary import Subject

LONGEST_QUOTATION = 500
"""Of what came from outside and was refused, so many bytes are written down."""
LONGEST_KEPT = 16_000
"""Of a message that was refused, so many bytes are kept in the record."""
NAMED_AT_MOST = 8
"""Of the facts that would lose their ground, so many are named."""


class Decided(Value):
    """A message was accepted, or time has passed: the case as it now is, and what follows outside it.

    `fact` is the number that an accepted message has; `duplicate`: it was recorded before, and nothing has changed;
    `repeated` is what it said then.
    """

    case: Case
    effects: tuple[Effect, ...] = ()
    duplicate: bool = False
    fact: int | None = None
    repeated: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def unopened(reference: str, episode: int, procedure: Procedure, bank_holidays: BankHolidays) -> Case:
    """A case that waits for its referral."""
    return Case(reference=reference, episode=episode, procedure=shared(procedure), bank_holidays=bank_holidays)


def receive(case: Case, message: Message, now: datetime) -> Decided | Refused:
    """Decide what a message means. Accepted, it is a fact of the case; refused, nothing has changed."""
    try:
        repeated = _repeated(case, message)
        if repeated is not None:
            return repeated
        before = wake(case, now)  # a limit missed before the message came stays on the record as missed
        decided = _record(before.case, message, now)
    except Refusal as refusal:
        return Refused(reason=str(refusal), field=refusal.field, closed=refusal.closed)
    return decided.model_copy(update={"effects": (*before.effects, *decided.effects)})


def weigh(case: Case, message: Message, now: datetime) -> Story | Refused:
    """The story as it would be with this message, as `receive` would have it; nothing is said of it."""
    try:
        fact, _ = _fact_of(case, message, now)
        return pass_time(_tried(case, fact, now).told.story, now).story
    except Refusal as refusal:
        return Refused(reason=str(refusal), field=refusal.field, closed=refusal.closed)


def wake(case: Case, now: datetime) -> Decided:
    """Decide what the passing of time has brought about."""
    if case.base.child is None or (case.announced.until is not None and now < case.announced.until):
        return Decided(case=case)
    told = pass_time(case.base, now)
    speaking = _speaking(case, told.story, now)
    reconcile(speaking, case.story, told)
    after = case.going_on(case.facts, speaking.announced, case.told, told.story)
    return Decided(case=after, effects=tuple(speaking.effects))


def alarms(case: Case) -> dict[str, tuple[datetime, str]]:
    """When each running deadline, waiting request and the case itself is looked at next, and what that is called."""
    story = case.story
    found: dict[str, tuple[datetime, str]] = {}
    for deadline in story.running_deadlines:
        rung = next_rung(case.announced, story, deadline)
        if rung is not None:
            found[deadline.id] = (rung.at, f"{deadline.duty} — due {spoken_due(deadline)}")
        elif deadline.state is DeadlineState.OVERDUE and deadline.due is not None:
            at = _anniversary(deadline.due, after=case.announced.until or deadline.due)
            found[deadline.id] = (at, f"{deadline.duty} — OVERDUE, was due {spoken_due(deadline)}")
    for request in story.waiting_requests:
        asked = next_request_rung(case.announced, story, request)
        if asked is not None:
            found[request.id] = (asked.at, f"{request.title} — asked {spoken_instant(request.asked_at)}")
    birthday = comes_of_age(story)
    if birthday is not None and case.announced.until is not None and (story.strands or story.running_deadlines):
        found["look-again"] = (_looks_again(birthday, case.announced.until), "Look at the case again")
    return found


def _anniversary(of: datetime, after: datetime) -> datetime:
    """When a limit rings of which everything has been said: years later. It keeps its bar on a timeline by that."""
    years = max(after.year - of.year, 0) + 1
    return of + timedelta(days=366 * years)


def _looks_again(birthday: datetime, now: datetime) -> datetime:
    """When a case is looked at although nothing is due: with each year, and each week of the year of the birthday.

    Many can see when a timer rings, so none may ring on the birthday itself. The story has it on its very day, and
    whatever wakes the case after that says so.
    """
    today = local_date(now)
    if birthday.astimezone(LONDON).year > today.year:
        day = date(today.year + 1, 1, 1)
    else:
        day = today + timedelta(days=7 - today.weekday())
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


# --- A message becomes a fact -------------------------------------------------------------------------------------


def _repeated(case: Case, message: Message) -> Decided | None:
    """The answer to a message that was recorded before. Raises `Refusal` where its id was used for something else."""
    known = case.fact(message.id)
    if known is not None and known.digest == digest(message):
        numbers = [fact.number for fact in case.book.order]
        told = case.told_after(numbers.index(known.number) + 1) if known.number in numbers else Told(case.base)
        said = tuple(line.text for line in told.lines if line.fact == known.number)
        return Decided(case=case, duplicate=True, fact=known.number, repeated=said)
    earlier = case.referrals.get(message.id)
    if earlier is not None and earlier == digest(message):
        return Decided(case=case, duplicate=True)
    if known is not None:
        raise Refusal(
            f"id: {message.id} was used before, for something else: {described(known)}. "
            "Send this with its own id. To change what is recorded, correct it: s47 correct",
            "id",
        )
    if earlier is not None:
        raise Refusal(f"id: {message.id} was used before, for an earlier referral. Send this with its own id.", "id")
    return None


class _Tried(NamedTuple):
    """A fact where it belongs in the story: what that is told from, what came of telling it, and what was recorded
    later although, as is known now, the procedure asked for something first."""

    base: Base
    told: Told
    unlike: tuple[str, ...] = ()


def _record(case: Case, message: Message, now: datetime) -> Decided:
    """Accept a message. Raises `Refusal`."""
    fact, then = _fact_of(case, message, now)
    tried = _tried(case, fact, now)
    if isinstance(message, Withdrawal | Replacement) and _changes_something(case, tried, now):
        fact = fact.model_copy(update={"asks": bool(case.base.procedure.managers)})
        tried = _tried(case, fact, now)
    passed = pass_time(tried.told.story, now)
    told = followed_by(tried.told, passed)
    speaking = _speaking(case, told.story, now, fact)
    _keep(speaking, message, fact=fact)
    reconcile(speaking, case.story, told, _lines(case.book, tried, fact), _withdrawn(case, tried))
    after = case.going_on((*case.facts, fact), speaking.announced, tried.base, told.story)
    unusual = (*warnings(then, fact.message), *tried.unlike)
    return Decided(case=after, effects=tuple(speaking.effects), fact=fact.number, warnings=unusual)


def _fact_of(case: Case, message: Message, now: datetime) -> tuple[Fact, Story]:
    """The fact that a message would be, and the story as it stood when this happened. Raises `Refusal`."""
    _check_is_opened(case, message)
    _check_correction(case, message)
    then = _story_then(case, message)
    kept = _as_state_keeps_it(case, resolved(then, message))
    return Fact(number=len(case.facts) + 1, recorded_at=now, digest=digest(message), message=kept), then


def _check_is_opened(case: Case, message: Message) -> None:
    """A case begins with its referral. While it waits for that, nothing else is taken. Raises `Refusal`."""
    if case.facts or isinstance(message, Opening):
        return
    if case.episode > 1:
        raise is_closed(case.reference)
    raise Refusal(f"Case {case.reference} is not open yet. Open it with a referral: s47 refer FILE")


def _check_correction(case: Case, message: Message) -> None:
    """A correction names facts that there are, and what it puts in their place can be read. Raises `Refusal`."""
    counting = {fact.number: fact for fact in case.book.order}
    if isinstance(message, RecordedInError) and 1 in message.facts:
        raise Refusal(
            "No. 1 opened the case, so it cannot be withdrawn. If the case was opened in error, record: case_ended",
            "facts",
        )
    named = message.withdrawn() if isinstance(message, Withdrawal) else ()
    named = (message.replaced(),) if isinstance(message, Replacement) else named
    for number in named:
        if number not in counting:
            why = "is already withdrawn" if 0 < number <= len(case.facts) else "is not on this case"
            raise Refusal(f"No. {number} {why}. s47 show lists the numbers.", "facts")
    if isinstance(message, Corrected):
        wrong = counting[message.fact].message
        right = read(wrong.name, message.body_instead_of(wrong))
        if isinstance(right, Refused):
            raise Refusal(right.reason, "changes")


def _as_state_keeps_it(case: Case, message: Message) -> Message:
    kept = without_narrative(message)
    if isinstance(kept, Corrected):
        wrong = next((fact for fact in case.facts if fact.number == kept.fact), None)
        return without_words(kept, type(wrong.message)) if wrong else kept
    return kept


def _story_then(case: Case, message: Message) -> Story:
    """The story as it stood when this happened, as far as it is known now."""
    order = case.book.order
    count = bisect_right(order, message.occurred_at, key=lambda one: one.message.occurred_at)
    return case.base if count == len(order) else case.told_after(count).story


def _tried(case: Case, fact: Fact, now: datetime) -> _Tried:
    """Tell the story with this fact in its place. Raises `Refusal` where it, or a later one, has no ground."""
    before = case.told
    book = book_with(before.book, case.start, fact)
    same = _alike(before.book, book)
    whole = same == len(before.book.order)
    if whole:
        story = before.story
    elif same:
        story = case.told_after(same).story
    else:
        story = book.start  # by another calendar, it may be
    marks = [mark for mark in before.marks if mark.facts <= same]
    was = {one.number: one for one in before.book.order[same:]}
    told: list[Told] = []
    losing: list[tuple[Fact, str]] = []
    unlike: list[str] = []
    for count, one in enumerate(book.order[same:], same + 1):
        # The fact itself; and one that is put right by it is judged as if it were only just recorded.
        new = one.number == fact.number or one.message != was.get(one.number, one).message
        then = pass_time(story, one.message.occurred_at).story
        if new:
            check(then, one.message, now)
        elif not whole:
            unlike += [
                f"{described(one)} was recorded although {why[0].lower()}{why[1:]}"
                for why in missing(then, one.message)
            ]
        try:
            told.append(step(story, one, book, strict=new))
        except Refusal as refusal:
            if new:
                raise
            losing.append((one, str(refusal)))
            continue
        story = told[-1].story
        if count % MARK_EVERY == 0:
            marks.append(Mark(count, story))
    if losing:
        named = "\n".join(f"* {described(one)}: {why}" for one, why in losing[:NAMED_AT_MOST])
        raise Refusal(f"This does not fit with what is already recorded. First withdraw or correct:\n{named}")
    return _Tried(Base(book, story, tuple(marks)), together(told, story), tuple(unlike[:NAMED_AT_MOST]))


def _alike(one: Book, other: Book) -> int:
    """How many facts two books begin with that are the same, told from the same start."""
    if one.start is not other.start and one.start != other.start:
        return 0
    for count, (a, b) in enumerate(zip(one.order, other.order, strict=False)):
        if a is not b and a != b:
            return count
    return min(len(one.order), len(other.order))


WEIGHTY = (
    "deadlines",
    "strategies",
    "assessment",
    "enquiry",
    "conference",
    "plan",
    "missing",
    "referral_open",
    "circumstances",
    "withholding",
    "child",
    "died",
    "opened_at",
    "closed_at",
    "allocated_to",
    "procedure",
)
"""The parts of a story on which a clock or a decision hangs."""


def _changes_something(case: Case, tried: _Tried, now: datetime) -> bool:
    """Whether a clock or a decision hangs on what is corrected: then a manager authorises it first."""
    without, with_it = pass_time(case.base, now).story, pass_time(tried.told.story, now).story

    def decisions(story: Story) -> dict[str, str]:
        return {name: r.state for name, r in story.requests.items() if r.subject is not Subject.CORRECTION}

    return decisions(without) != decisions(with_it) or any(
        getattr(without, part) != getattr(with_it, part) for part in WEIGHTY
    )


def _lines(before: Book, tried: _Tried, fact: Fact) -> list[Line]:
    """The lines of this fact, and then those of one that is told otherwise because of it, as such."""
    known = {one.number: one for one in before.order}
    changed = (one for one in tried.base.book.order if (was := known.get(one.number, one)) is not one and was != one)
    anew = {one.number for one in changed}
    own = [line for line in tried.told.lines if line.fact == fact.number]
    return own + [
        line._replace(text=f"No. {line.fact}, as corrected: {line.text}")
        for line in tried.told.lines
        if line.fact in anew and line.fact != fact.number
    ]


def _withdrawn(case: Case, tried: _Tried) -> list[Saying]:
    """What was said on the ground of facts that do not count any more."""
    gone = {fact.number for fact in case.book.order} - {fact.number for fact in tried.base.book.order}
    if not gone:
        return []
    numbers = {str(number) for number in gone}
    return [saying for saying in tell(case.book).sayings if saying.key.partition(":")[0] in numbers]


def _speaking(case: Case, story: Story, now: datetime, fact: Fact | None = None) -> Speaking:
    return Speaking(case.reference, case.episode, now, story, case.announced, fact)


def _keep(speaking: Speaking, message: Message, *, fact: Fact | None = None, why: str | None = None) -> None:
    """Let the record keep a message, whole as it was sent."""
    speaking.announced = speaking.announced.model_copy(update={"kept": speaking.announced.kept + 1})
    speaking.effects.append(
        Kept(
            number=speaking.announced.kept,
            fact=fact.number if fact else None,
            refused=why,
            recorded_at=speaking.now,
            occurred_at=message.occurred_at,
            name=message.name,
            message_id=message.id,
            person=message.by.person,
            role=message.by.role,
            body=as_sent(message),
            state=fact.model_dump_json() if fact else None,
        )
    )


# --- What comes in otherwise --------------------------------------------------------------------------------------


def refused(
    case: Case, name: str, message: Message | None, body: str, reason: str, now: datetime, *, tell_sender: bool
) -> Decided:
    """Let the record keep a message that was refused, and why. `body` is what came, as JSON, where it is no message.

    `tell_sender`: nobody waits for the answer, so that whoever sent it is told that it was refused.
    """
    speaking = _speaking(case, case.story, now)
    _count(speaking, case.announced.refusals + 1)
    by = message.by if message is not None else sender(body)
    if message is not None:
        _keep(speaking, message, why=cut(reason, LONGEST_KEPT))
    else:
        speaking.announced = speaking.announced.model_copy(update={"kept": speaking.announced.kept + 1})
        speaking.effects.append(
            Kept(
                number=speaking.announced.kept,
                fact=None,
                refused=cut(reason, LONGEST_KEPT),
                recorded_at=now,
                occurred_at=None,
                name=cut(name, LONGEST_QUOTATION),
                message_id=None,
                person=by.person if by else None,
                role=by.role if by else None,
                body=cut(body, LONGEST_KEPT),
            )
        )
    if tell_sender:
        role = by.role if by else None
        procedure = case.story.procedure
        known = procedure.role_named(role) if role else None
        what = in_words(name) if name in MESSAGES else "a message"
        speaking.entry(f"Refused: {what}. What was sent, and why it was refused, is in the record")
        # Without the reason, which may repeat what was sent: a notice carries nothing of a child.
        whose = "What you sent" if known else "Something sent by somebody unknown"
        text = f"{whose} was refused: {what}. To see why: s47 show {case.reference} --refused"
        person = by.person if by else None
        speaking.tell(NoticeKind.REFUSED, known or case.story.acting, text, person=person if known else None)
    return _said(case, speaking)


def refused_together(case: Case, refusals: int, now: datetime) -> Decided:
    """Say of how many messages, of so many that were refused in all, the record has not heard one by one."""
    speaking = _speaking(case, case.story, now)
    count = refusals - case.announced.refusals
    _count(speaking, refusals)
    messages = "1 more message was" if count == 1 else f"{count:,} more messages were"
    text = f"{messages} refused. Too many came at once to keep each: only their number is recorded"
    speaking.entry(text)
    speaking.tell(NoticeKind.REFUSED, case.story.acting, text)
    return _said(case, speaking)


def _count(speaking: Speaking, refusals: int) -> None:
    speaking.announced = speaking.announced.model_copy(update={"refusals": refusals})


def notice_undelivered(case: Case, notice: Notice, now: datetime) -> Decided:
    """A notice that could not be delivered escalates to whoever acts at this stage; it is never only a log line.

    The escalation itself is not escalated again when it fails too: it stays in the tray and in the chronology.
    """
    speaking = _speaking(case, case.story, now)
    speaking.entry(f"Notice {notice.id} could not be delivered to the {notice.to}")
    if notice.kind is not NoticeKind.UNDELIVERED:
        text = f"Notice {notice.id} did not reach the {notice.to}. Tell them yourself"
        speaking.tell(NoticeKind.UNDELIVERED, case.story.acting, text)
    return _said(case, speaking)


def forwarded(case: Case, what: Forwarded, why_not: str | None, now: datetime) -> Decided:
    """What belongs to another case is recorded there now; or it could not be, and somebody has to do it."""
    speaking = _speaking(case, case.story, now)
    still = tuple(one for one in case.announced.forwarding if one != what)
    speaking.announced = speaking.announced.model_copy(update={"forwarding": still})
    if why_not is None:
        speaking.entry(f"No. {what.fact} is now recorded on case {what.to}")
        return _said(case, speaking)
    speaking.entry(f"No. {what.fact} could not be recorded on case {what.to}: {cut(why_not, LONGEST_QUOTATION)}")
    text = f"No. {what.fact} belongs to case {what.to} but could not be recorded there. Record it there yourself"
    for role in case.story.procedure.managers or (case.story.acting,):
        speaking.tell(NoticeKind.WARNING, role, text)
    return _said(case, speaking)


def cancellation_refused(case: Case, now: datetime) -> Decided:
    """Somebody tried to end the case from outside; it goes on, and it is written down that they tried."""
    speaking = _speaking(case, case.story, now)
    speaking.entry("Somebody asked Temporal to cancel this case. It goes on: a case ends only when it is closed")
    return _said(case, speaking)


def _said(case: Case, speaking: Speaking) -> Decided:
    after = case.going_on(case.facts, speaking.announced, case.told, speaking.story)
    return Decided(case=after, effects=tuple(speaking.effects))


def rebuilt(case: Case, kept: Sequence[Kept], announced: Announced) -> Case:
    """The case as the record has it: its facts, and what it had said."""
    facts = tuple(Fact.model_validate_json(one.state) for one in kept if one.state is not None)
    return case.model_copy(update={"facts": facts, "announced": announced})
