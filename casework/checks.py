"""What is checked of every message when it is recorded. What was accepted once is not checked again."""

from datetime import datetime, time, timedelta
from typing import Any

from casework import deadlines
from casework.calendar import LONDON, local_date, spoken_date, spoken_instant
from casework.conditions import all_hold, holds
from casework.messages import Message, in_words, times_in
from casework.procedure import Answer, Gate
from casework.requests import Authorisation, RequestFinished, RequestReassigned, request_named
from casework.stages.any_time import ProcedureAdopted, ReasonRecorded
from casework.stages.conference import ConferenceRequestsSent, ReportShared
from casework.stages.corrections import Corrected, RecordedInError
from casework.stages.duties import ActionCompleted, PromptAnswered
from casework.stages.ends import CaseEnded, StrandEnded, named_strand
from casework.stages.enquiry import ChildVisited
from casework.stages.referral import CaseClosed
from casework.stages.strategy import StrategyExtensionRequested, StrategyOutcome, StrategyScheduled
from casework.story import Story
from casework.tell import check_is_open
from casework.telling import Refusal, Telling, is_closed

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of the case's own clock a message may say that something happened."""
A_CHILDHOOD = timedelta(days=19 * 366)
"""Nothing on a child's case happened longer ago than this, and nothing is set for a day further ahead."""
AFTER_18 = (
    CaseClosed,
    CaseEnded,
    RecordedInError,
    Corrected,
    Authorisation,
    RequestFinished,
    RequestReassigned,
    ReasonRecorded,
    PromptAnswered,
    ProcedureAdopted,
)
"""What can still be recorded once the child is 18."""
NIGHT = (time(22), time(6))


def resolved(story: Story, message: Message) -> Message:
    """The message with the names of what it is about, where it says only what kind of thing that is.

    `story` is as it stood when this happened. Raises `Refusal` where nothing, or more than one thing, is meant.
    """
    if isinstance(message, Authorisation | RequestReassigned | RequestFinished):
        return message.changed(request=request_named(story, message.request).id)
    if isinstance(message, ActionCompleted):
        return message.changed(action=_deadline(story, message.action, "action"))
    if isinstance(message, ReasonRecorded):
        return message.changed(deadline=_deadline(story, message.deadline, "deadline"))
    if isinstance(message, StrategyOutcome | StrategyScheduled | StrategyExtensionRequested):
        # Whatever is recorded later, it stays the discussion that was meant.
        only = story.strategies[0].id if len(story.strategies) == 1 else None
        return message.changed(strategy=message.strategy or only)
    if isinstance(message, StrandEnded):
        return message.changed(strand=named_strand(Telling(story, message.occurred_at), message.strand))
    if isinstance(message, ReportShared | ConferenceRequestsSent) and message.which is None:
        if story.conference is not None and story.plan is not None:
            raise Refusal("which: both an initial conference and a review are to come. Say which.", "which")
        return message.changed(which="review" if story.plan is not None else "initial")
    return message


def _deadline(story: Story, name: str, field: str) -> str:
    """The deadline of this name; or the only one that is owed of the timescale of this name, or the last that was."""
    if name in story.deadlines:
        return name
    alike = [deadline for deadline in story.deadlines.values() if deadline.timescale == name]
    owed = [deadline for deadline in alike if deadline.closed_at is None]
    if len(owed) > 1:
        raise Refusal(f"{field}: more than one is due. Say which: {', '.join(d.id for d in owed)}.", field)
    return (owed or alike[-1:])[0].id if alike else name


def check(story: Story, message: Message, now: datetime) -> None:
    """Refuse what cannot be: by whom, when, or where this authority's procedure forbids it. Raises `Refusal`.

    `story` is as it stood when this happened, `now` the UTC instant at which it is recorded.
    """
    if story.closed_at is not None:
        raise is_closed(story.reference)
    check_is_open(story, message)
    _check_times(story, message, now)
    if story.of_age and not isinstance(message, AFTER_18):
        raise Refusal(
            "The child was 18 by then, so nothing more can be recorded "
            "about them as a child. Close the case: case_closed",
            "occurred_at",
        )
    _check_who(story, message)
    lacking = missing(story, message)
    if lacking:
        raise Refusal("\n".join(dict.fromkeys(lacking)))


def _check_times(story: Story, message: Message, now: datetime) -> None:
    """No time may be further away than a childhood, none beyond the calendar, and what happened not in the future."""
    for field, value in message:
        for time_or_day in times_in(value):
            instant = isinstance(time_or_day, datetime)
            day = local_date(time_or_day) if isinstance(time_or_day, datetime) else time_or_day
            if abs(day - now.date()) > A_CHILDHOOD:
                away = "longer ago" if day < now.date() else "further ahead"
                raise Refusal(f"{field}: {spoken_date(day)} is {away} than a childhood lasts. Check the year.", field)
            if instant and not story.bank_holidays.reaches(day):
                days = story.bank_holidays.dates
                reach = f"the bank holidays from {days[0].year} to {days[-1].year}" if days else "no bank holidays"
                text = f"{field}: S47 cannot count from {spoken_date(day)}. It knows {reach}. Check the year."
                raise Refusal(text, field)
    if message.occurred_at > now + CLOCK_SKEW:
        raise Refusal(
            f"occurred_at: {spoken_instant(message.occurred_at)} is in the future (it is now {spoken_instant(now)}). "
            "Record it once it has happened.",
            "occurred_at",
        )


def _check_who(story: Story, message: Message) -> None:
    procedure = story.procedure
    role = procedure.role_named(message.by.role)
    if role is None:
        raise Refusal(procedure.no_role(message.by.role), "by")
    if not procedure.may_record(role, message.name, message.sent_by):
        may = sorted(key for key in procedure.role if procedure.may_record(key, message.name, message.sent_by))
        raise Refusal(
            f"by: you cannot record “{in_words(message.name)}” as {role}. It is recorded by: {', '.join(may)}.", "by"
        )


def missing(story: Story, message: Message) -> list[str]:
    """Everything that this authority's procedure asks for before it accepts this message, a line each."""
    body = message.model_dump(mode="json")
    lacking = [
        f"{answer.field}: {answer.because} (source: {', '.join(answer.cites)})"
        for answer in story.procedure.answer
        if _applies(answer, story, message, body) and not _answered(answer, body.get(answer.field))
    ]
    return lacking + [
        f"{gate.because} (source: {', '.join(gate.cites)})"
        for gate in story.procedure.gate
        if _applies(gate, story, message, body) and _stands_in_the_way(gate, story, body)
    ]


def _applies(rule: Answer | Gate, story: Story, message: Message, body: dict[str, Any]) -> bool:
    """Whether a rule is about this message, with these fields, on this case as it stands."""
    return (
        rule.message == message.name
        and all(body.get(field) == value for field, value in rule.when.items())
        and all_hold(rule.only_if, story)
    )


def _answered(answer: Answer, given: object) -> bool:
    return given not in (None, [], "") and answer.must_be in (None, given)


def _stands_in_the_way(gate: Gate, story: Story, body: dict[str, Any]) -> bool:
    if gate.subject is not None:
        request = story.requests.get(str(body.get("request")))
        if request is None or request.subject is not gate.subject:
            return False
    if gate.while_owed is not None:
        # What is withheld from the family on a recorded ground holds nothing up.
        return any(deadline.running for deadline in deadlines.owed(story, gate.while_owed))
    return gate.needs is not None and not holds(gate.needs, story)


def warnings(then: Story, message: Message) -> tuple[str, ...]:
    """What is unusual in an accepted message, and may be a mistake."""
    unusual = []
    at = message.occurred_at.astimezone(LONDON)
    if isinstance(message, ChildVisited) and (at.time() >= NIGHT[0] or at.time() < NIGHT[1]):
        unusual.append(f"The visit was at {at.hour:02}:{at.minute:02}. Check that the time is right.")
    day_off = "weekend or a bank holiday. Check that the day is right."
    for field in ("starts_at", "first_core_group_at", "first_review_at"):
        meets = getattr(message, field, None)
        if isinstance(meets, datetime) and not then.bank_holidays.is_working_day(local_date(meets)):
            unusual.append(f"{field}: {spoken_instant(meets)} is on a {day_off}")
    if message.name.endswith("_held") and not then.bank_holidays.is_working_day(at.date()):
        unusual.append(f"It was held on {spoken_date(at.date())}, a {day_off}")
    return tuple(unusual)
