"""The core's contract: what a message means for a case, what time has brought about, and when to look again.

    receive(case, message, now) -> Decided | Refused
    wake(case, now)             -> Decided
    alarms(case)                -> {name: (instant, summary)}

All of them are total: no input raises. `now` is a UTC instant given by the caller.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from casework.acceptance import changes_something, fact_of, lines_of, try_fact, withdrawn_notices
from casework.calendar import LONDON, BankHolidays, local_date, spoken_instant
from casework.case import Announced, Case
from casework.checks import warnings
from casework.effects import Effect, Forwarded, Kept, Notice, NoticeKind, Refused
from casework.facts import Fact, Replacement, Withdrawal
from casework.incoming import sender
from casework.lapse import comes_of_age
from casework.messages import Message, as_sent, digest, in_words
from casework.model import Value
from casework.naming import cut
from casework.procedure import Procedure
from casework.reconcile import Turn, reconcile, request_rungs_to_come, rungs_to_come
from casework.snapshots import shared
from casework.stages import MESSAGES
from casework.stages.corrections import described
from casework.story import DeadlineState, Story
from casework.tell import pass_time, together
from casework.telling import Refusal

LONGEST_QUOTATION = 500
"""Of what came from outside and was refused, so many bytes are written down."""
LONGEST_KEPT = 16_000
"""Of a message that was refused, so many bytes are kept in the record."""


class Decided(Value):
    """A message was accepted, or time has passed: the case as it now is, and what follows outside it.

    `fact` is the number that an accepted message has; `duplicate`: it was recorded before, and nothing has changed;
    `repeated` are the lines of its first receipt.
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
    return decided.changed(effects=(*before.effects, *decided.effects))


def weigh(case: Case, message: Message, now: datetime) -> Story | Refused:
    """The story as it would be with this message, as `receive` would have it, without any effects."""
    try:
        fact, _ = fact_of(case, message, now)
        return pass_time(try_fact(case, fact, now).result.story, now).story
    except Refusal as refusal:
        return Refused(reason=str(refusal), field=refusal.field, closed=refusal.closed)


def wake(case: Case, now: datetime) -> Decided:
    """Decide what the passing of time has brought about."""
    if case.base.story.child is None or (case.announced.until is not None and now < case.announced.until):
        return Decided(case=case)
    result = pass_time(case.base.story, now)
    turn = _turn(case, result.story, now)
    reconcile(turn, case.story, result)
    return _ended(case, turn)


def alarms(case: Case) -> dict[str, tuple[datetime, str]]:
    """When each running deadline, waiting request and the case itself is looked at next, and what that is called."""
    story = case.story
    looks: dict[str, tuple[datetime, str]] = {}
    for deadline in story.running_deadlines:
        rungs = rungs_to_come(case.announced, story, deadline)
        if rungs:
            looks[deadline.id] = (rungs[0].at, f"{deadline.duty} — due {deadline.spoken_due}")
        elif deadline.state is DeadlineState.OVERDUE and deadline.due is not None:
            at = _anniversary(deadline.due, after=case.announced.until or deadline.due)
            looks[deadline.id] = (at, f"{deadline.duty} — OVERDUE, was due {deadline.spoken_due}")
    for request in story.waiting_requests:
        rungs = request_rungs_to_come(case.announced, story, request)
        if rungs:
            looks[request.id] = (rungs[0].at, f"{request.title} — asked {spoken_instant(request.asked_at)}")
    birthday = comes_of_age(story)
    if birthday is not None and case.announced.until is not None and (story.strands or story.running_deadlines):
        looks["look-again"] = (_looks_again(birthday, case.announced.until), "Look at the case again")
    return looks


def _anniversary(of: datetime, after: datetime) -> datetime:
    """When an overdue limit rings that has nothing more to announce: years later, which keeps its bar on a timeline."""
    years = max(after.year - of.year, 0) + 1
    return of + timedelta(days=366 * years)


def _looks_again(birthday: datetime, now: datetime) -> datetime:
    """When a case is looked at although nothing is due: with each year, and each week of the year of the birthday.

    Many can see when a timer rings, so none may ring on the birthday itself. The story has it on its very day, and
    whatever wakes the case after that announces it.
    """
    today = local_date(now)
    if birthday.astimezone(LONDON).year > today.year:
        day = date(today.year + 1, 1, 1)
    else:
        day = today + timedelta(days=7 - today.weekday())
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def _repeated(case: Case, message: Message) -> Decided | None:
    """The answer to a message that was recorded before. Raises `Refusal` where its id was used for something else."""
    fact = case.fact(message.id)
    if fact is not None and fact.digest == digest(message):
        numbers = [in_force.number for in_force in case.book.in_force]
        lines = case.after(numbers.index(fact.number) + 1).lines if fact.number in numbers else ()
        receipt = tuple(line.text for line in lines if line.fact == fact.number)
        return Decided(case=case, duplicate=True, fact=fact.number, repeated=receipt)
    earlier = case.referrals.get(message.id)
    if earlier is not None and earlier == digest(message):
        return Decided(case=case, duplicate=True)
    if fact is not None:
        raise Refusal(
            f"id: {message.id} was used before, for something else: {described(fact)}. "
            "Send this with its own id. To change what is recorded, correct it: s47 correct",
            "id",
        )
    if earlier is not None:
        raise Refusal(f"id: {message.id} was used before, for an earlier referral. Send this with its own id.", "id")
    return None


def _record(case: Case, message: Message, now: datetime) -> Decided:
    """Accept a message. Raises `Refusal`."""
    fact, then = fact_of(case, message, now)
    tried = try_fact(case, fact, now)
    if isinstance(message, Withdrawal | Replacement) and changes_something(case, tried, now):
        fact = fact.changed(asks=bool(case.base.story.procedure.managers))
        tried = try_fact(case, fact, now)
    passed = pass_time(tried.result.story, now)
    turn = _turn(case, passed.story, now, fact)
    _keep(turn, message, message.name, as_sent(message), fact=fact)
    result = together((tried.result, passed), passed.story)
    reconcile(turn, case.story, result, lines_of(case.book, tried, fact), withdrawn_notices(case, tried))
    after = case.going_on((*case.facts, fact), turn.announced, tried.base, turn.story)
    unusual = (*warnings(then, fact.message), *tried.warnings)
    return Decided(case=after, effects=tuple(turn.effects), fact=fact.number, warnings=unusual)


def _turn(case: Case, story: Story, now: datetime, fact: Fact | None = None) -> Turn:
    return Turn(case.reference, case.episode, now, story, case.announced, fact)


def _ended(case: Case, turn: Turn) -> Decided:
    """The end of a turn that brought no new fact."""
    after = case.going_on(case.facts, turn.announced, case.base, turn.story)
    return Decided(case=after, effects=tuple(turn.effects))


def _keep(
    turn: Turn, message: Message | None, name: str, body: str, *, fact: Fact | None = None, refused: str | None = None
) -> None:
    """Let the record keep a message, whole as it was sent; of what is no message, who sent it if that can be read."""
    by = message.by if message else sender(body)
    turn.announce(kept=turn.announced.kept + 1)
    turn.effects.append(
        Kept(
            number=turn.announced.kept,
            fact=fact.number if fact else None,
            refused=refused,
            recorded_at=turn.now,
            occurred_at=message.occurred_at if message else None,
            name=name,
            message_id=message.id if message else None,
            person=by.person if by else None,
            role=by.role if by else None,
            body=body if message else cut(body, LONGEST_KEPT),
            state=fact.model_dump_json() if fact else None,
        )
    )


# --- What comes in otherwise --------------------------------------------------------------------------------------


def refused(
    case: Case, name: str, message: Message | None, body: str, reason: str, now: datetime, *, tell_sender: bool
) -> Decided:
    """Let the record keep a message that was refused, and why. `body` is what came, as JSON, where it is no message.

    `tell_sender`: nobody waits for the answer, so whoever sent it has a notice that it was refused.
    """
    turn = _turn(case, case.story, now)
    turn.announce(refusals=case.announced.refusals + 1)
    body = as_sent(message) if message is not None else body
    _keep(turn, message, cut(name, LONGEST_QUOTATION), body, refused=cut(reason, LONGEST_KEPT))
    if tell_sender:
        by = message.by if message else sender(body)
        role = case.story.procedure.role_named(by.role) if by else None
        what = in_words(name) if name in MESSAGES else "a message"
        turn.entry(f"Refused: {what}. What was sent, and why it was refused, is in the record")
        # Without the reason, which may repeat what was sent: a notice carries nothing of a child.
        whose = "What you sent" if role else "Something sent by somebody unknown"
        text = f"{whose} was refused: {what}. To see why: s47 show {case.reference} --refused"
        turn.notify(NoticeKind.REFUSED, role or case.story.acting, text, person=by.person if by and role else None)
    return _ended(case, turn)


def refused_together(case: Case, refusals: int, now: datetime) -> Decided:
    """Announce how many messages, of so many that were refused in all, the record does not have one by one."""
    turn = _turn(case, case.story, now)
    count = refusals - case.announced.refusals
    turn.announce(refusals=refusals)
    messages = "1 more message was" if count == 1 else f"{count:,} more messages were"
    text = f"{messages} refused. Too many came at once to keep each: only their number is recorded"
    turn.entry(text)
    turn.notify(NoticeKind.REFUSED, case.story.acting, text)
    return _ended(case, turn)


def notice_undelivered(case: Case, notice: Notice, now: datetime) -> Decided:
    """A notice that could not be delivered escalates to whoever acts at this stage; it is never only a log line.

    The escalation itself is not escalated again when it fails too: it stays in the tray and in the chronology.
    """
    turn = _turn(case, case.story, now)
    turn.entry(f"Notice {notice.id} could not be delivered to the {notice.to}")
    if notice.kind is not NoticeKind.UNDELIVERED:
        text = f"Notice {notice.id} did not reach the {notice.to}. Tell them yourself"
        turn.notify(NoticeKind.UNDELIVERED, case.story.acting, text)
    return _ended(case, turn)


def forwarded(case: Case, what: Forwarded, why_not: str | None, now: datetime) -> Decided:
    """What belongs to another case is recorded there now; or it could not be, and somebody has to do it."""
    turn = _turn(case, case.story, now)
    turn.announce(forwarding=tuple(other for other in case.announced.forwarding if other != what))
    if why_not is None:
        turn.entry(f"No. {what.fact} is now recorded on case {what.to}")
        return _ended(case, turn)
    turn.entry(f"No. {what.fact} could not be recorded on case {what.to}: {cut(why_not, LONGEST_QUOTATION)}")
    text = f"No. {what.fact} belongs to case {what.to} but could not be recorded there. Record it there yourself"
    for role in case.story.procedure.managers or (case.story.acting,):
        turn.notify(NoticeKind.WARNING, role, text)
    return _ended(case, turn)


def cancellation_refused(case: Case, now: datetime) -> Decided:
    """Somebody tried to end the case from outside; it goes on, and an entry says that they tried."""
    turn = _turn(case, case.story, now)
    turn.entry("Somebody asked Temporal to cancel this case. It goes on: a case ends only when it is closed")
    return _ended(case, turn)


def rebuilt(case: Case, kept: Sequence[Kept], announced: Announced) -> Case:
    """The case as the record has it: its facts, and what it had announced."""
    facts = tuple(Fact.model_validate_json(record.state) for record in kept if record.state is not None)
    return case.changed(facts=facts, announced=announced)
