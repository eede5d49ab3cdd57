"""What is asked of every message when it is recorded, whatever it says. What was accepted once is not asked again."""

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
"""What can still be recorded of a child who is an adult by then."""
NIGHT = (time(22), time(6))


def resolved(story: Story, message: Message) -> Message:
    """The message with what it names by kind named by its name, as the story stood when it happened.

    Raises `Refusal` where nothing, or more than one thing, is meant.
    """
    if isinstance(message, Authorisation | RequestReassigned | RequestFinished):
        return message.changed(request=request_named(story, message.request).id)
    if isinstance(message, ActionCompleted):
        return message.changed(action=_deadline(story, message.action, "action"))
    if isinstance(message, ReasonRecorded):
        return message.changed(deadline=_deadline(story, message.deadline, "deadline"))
    if isinstance(message, StrategyOutcome | StrategyScheduled | StrategyExtensionRequested):
        # Whatever is heard of later, it stays the discussion that was meant.
        only = story.strategies[0].id if len(story.strategies) == 1 else None
        return message.changed(strategy=message.strategy or only)
    if isinstance(message, StrandEnded):
        return message.changed(strand=named_strand(Telling(story, message.occurred_at), message.strand))
    if isinstance(message, ReportShared | ConferenceRequestsSent) and message.which is None:
        both = story.conference is not None and story.plan is not None
        if both:
            raise Refusal("which: both an initial conference and a review are to come. Say which.", "which")
        return message.changed(which="review" if story.plan is not None else "initial")
    return message


def _deadline(story: Story, named: str, field: str) -> str:
    """The deadline that is called so; or the only one that runs of a timescale of that name, or the last that did."""
    if named in story.deadlines:
        return named
    alike = [deadline for deadline in story.deadlines.values() if deadline.timescale == named]
    running = [deadline for deadline in alike if deadline.closed_at is None]
    if len(running) > 1:
        raise Refusal(f"{field}: more than one is due. Say which: {', '.join(one.id for one in running)}.", field)
    return (running or alike[-1:])[0].id if alike else named


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
    _check_rules(story, message)


def _check_times(story: Story, message: Message, now: datetime) -> None:
    """A time further away than a childhood is a slip of the pen, and where no calendar reaches none can be counted."""
    for field, value in message:
        for said in times_in(value):
            instant = isinstance(said, datetime)
            day = local_date(said) if isinstance(said, datetime) else said
            if abs(day - now.date()) > A_CHILDHOOD:
                away = "longer ago" if day < now.date() else "further ahead"
                raise Refusal(f"{field}: {spoken_date(day)} is {away} than a childhood lasts. Check the year.", field)
            if instant and not story.bank_holidays.reaches(day):
                raise Refusal(
                    f"{field}: S47 cannot count from {spoken_date(day)}. {_reach(story)} Check the year.", field
                )
    if message.occurred_at > now + CLOCK_SKEW:
        raise Refusal(
            f"occurred_at: {spoken_instant(message.occurred_at)} is in the future (it is now {spoken_instant(now)}). "
            "Record it once it has happened.",
            "occurred_at",
        )


def _reach(story: Story) -> str:
    days = story.bank_holidays.dates
    return (
        f"It knows the bank holidays from {days[0].year} to {days[-1].year}." if days else "It knows no bank holidays."
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


def _check_rules(story: Story, message: Message) -> None:
    """What this authority's procedure asks before it accepts this message: everything that is lacking, said at once."""
    lacking = missing(story, message)
    if lacking:
        raise Refusal("\n".join(dict.fromkeys(lacking)))


def missing(story: Story, message: Message) -> list[str]:
    """What this authority's procedure asks for first, a line each."""
    said = message.model_dump(mode="json")
    lacking = [
        f"{answer.field}: {answer.because} (source: {', '.join(answer.cites)})"
        for answer in story.procedure.answer
        if _applies(answer, story, message, said) and not _answered(answer, said.get(answer.field))
    ]
    return lacking + [
        f"{gate.because} (source: {', '.join(gate.cites)})"
        for gate in story.procedure.gate
        if _applies(gate, story, message, said) and _stands_in_the_way(gate, story, said)
    ]


def _applies(rule: Answer | Gate, story: Story, message: Message, said: dict[str, Any]) -> bool:
    """Whether a rule is about this message, with what it says, on this case as it stands."""
    return (
        rule.message == message.name
        and all(said.get(field) == value for field, value in rule.when.items())
        and all_hold(rule.only_if, story)
    )


def _answered(answer: Answer, given: object) -> bool:
    return given not in (None, [], "") and answer.must_be in (None, given)


def _stands_in_the_way(gate: Gate, story: Story, said: dict[str, Any]) -> bool:
    if gate.subject is not None:
        request = story.requests.get(str(said.get("request")))
        if request is None or request.subject is not gate.subject:
            return False
    if gate.while_owed is not None:
        # What is withheld from the family on a recorded ground holds nothing up.
        return any(deadline.running for deadline in deadlines.owed(story, gate.while_owed))
    return gate.needs is not None and not holds(gate.needs, story)


def warnings(then: Story, message: Message) -> tuple[str, ...]:
    """What is unusual in an accepted message, and may be a slip of the pen."""
    said = []
    at = message.occurred_at.astimezone(LONDON)
    if isinstance(message, ChildVisited) and (at.time() >= NIGHT[0] or at.time() < NIGHT[1]):
        said.append(f"The visit was at {at.hour:02}:{at.minute:02}. Check that the time is right.")
    for field in ("starts_at", "first_core_group_at", "first_review_at"):
        meets = getattr(message, field, None)
        if isinstance(meets, datetime) and not then.bank_holidays.is_working_day(local_date(meets)):
            said.append(
                f"{field}: {spoken_instant(meets)} is on a weekend or a bank holiday. Check that the day is right."
            )
    if message.name.endswith("_held") and not then.bank_holidays.is_working_day(local_date(message.occurred_at)):
        said.append(
            f"It was held on {spoken_date(local_date(message.occurred_at))}, a "
            "weekend or a bank holiday. Check that the day is right."
        )
    return tuple(said)
