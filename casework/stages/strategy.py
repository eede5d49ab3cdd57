"""Strategy discussions: asked for, agreed, held, and what they decide.

One can start at any stage of the case, and several can be open (D-B-35, D-W-08). The discussion that initiates
section 47 enquiries keeps their clock, however many follow (B-07).
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from casework import deadlines, requests
from casework.calendar import last_second_of, local_date, spoken_date
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.happening import begin, happened
from casework.meetings import check_membership, role_key, tell_chair
from casework.messages import MANAGERS, Day, Id, Instant, Line, Message, Reason, RoleName, means
from casework.model import Value
from casework.requests import takes_effect
from casework.stages.any_time import withhold
from casework.story import Enquiry, Strategy
from casework.telling import Refusal, Telling, needed
from casework.vocabulary import Circumstance, Event, Ground, Kind, Stage, Subject

IMMEDIATE_RESPONSE_REQUIRED = Event("immediate response required", Stage.STRATEGY)
STRATEGY_REQUESTED = Event("strategy discussion requested", Stage.STRATEGY)
STRATEGY_AGREED = Event("strategy discussion agreed", Stage.STRATEGY)
STRATEGY_SCHEDULED = Event("strategy discussion scheduled", Stage.STRATEGY)
STRATEGY_HELD = Event("strategy discussion held", Stage.STRATEGY, completes="strategy")
STRATEGY_HELD_BY_TELEPHONE = Event("strategy discussion held by telephone", Stage.STRATEGY)
POLICE_STRATEGY_HELD = Event("strategy discussion with the police held", Stage.ENQUIRY)
FURTHER_STRATEGY_NEEDED = Event("further strategy discussion needed", Stage.STRATEGY)
STRATEGY_EXTENSION_AGREED = Event("strategy extension agreed", Stage.STRATEGY)
STRATEGY_RECORD_CIRCULATED = Event("strategy record circulated", Stage.STRATEGY)
STRATEGY_ENDED = Event("strategy discussion ended", Stage.STRATEGY, completes="strategy")
STRATEGY_ENDED_NFA = Event("strategy discussion ended with no further action", Stage.STRATEGY)
NEXT_ACTION_SENT = Event("next action sent", Stage.STRATEGY)
SECTION_47_INITIATED = Event("section 47 initiated", Stage.ENQUIRY)
SECTION_47_NOT_INITIATED = Event("section 47 not initiated", Stage.STRATEGY, completes="strategy")
MEDICAL_NEEDED = Event("medical assessment needed", Stage.ENQUIRY)
INTERVIEW_NEEDED = Event("joint interview needed", Stage.ENQUIRY)
LEGAL_ACTION_NEEDED = Event("legal action needed", Stage.STRATEGY)
STRATEGY_RECORD_AUTHORISED = Event("strategy record authorised", Stage.STRATEGY)


class StrategyRequested(Message, stage=Stage.STRATEGY):
    """Somebody asked for a strategy discussion. It can be asked for at any stage, and several can be open at once."""

    origin: (
        Literal["contact", "referral", "child in need review", "looked-after review", "asylum assessment", "assessment"]
        | None
    ) = Field(None, description="The work it comes from, which a manager may go back to")
    immediate: bool = Field(False, description="Whether an immediate response is required")
    complex: bool = Field(False, description="Whether the concerns are particularly complex, such as organised abuse")


class StrategyExtensionRequested(Message, stage=Stage.STRATEGY):
    """Somebody asks for more time to hold the strategy discussion."""

    reason: Reason
    strategy: Id | None = Field(None, description="Which discussion, if more than one is open, such as strategy-4")


class StrategyScheduled(Message, stage=Stage.STRATEGY):
    """The strategy discussion was arranged."""

    starts_at: Instant
    strategy: Id | None = Field(None, description="Which discussion, if more than one is open, such as strategy-4")


class Action(Value):
    """Who will do what by when."""

    what: Line
    owner: RoleName
    due: Day


class StrategyOutcome(Message, stage=Stage.STRATEGY):
    """A strategy discussion was held, with its decision. Deadlines count from when it was held."""

    decision: Literal["section 47", "no section 47", "further discussion", "no further action"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40, description="A role that took part")
    how: Literal["meeting", "telephone"] = "meeting"
    strategy: Id | None = Field(None, description="Which discussion, if more than one is open, such as strategy-4")
    joint_with_police: bool = Field(False, description="Whether the enquiry is joint with the police")
    criminal_investigation: Literal["none", "reactive", "proactive"] = Field(
        "none", description="Whether the police investigate a crime, and how"
    )
    investigation_timing: Reason | None = Field(None, description="How and when that investigation is done")
    legal_action: bool | None = Field(None, description="Whether legal action is required")
    share_with_family: Literal["share", "withhold"] | None = Field(
        None, description="Whether information is shared with the family or withheld"
    )
    ground: Ground | None = Field(None, description="If information is withheld: why")
    discharge_plan: Reason | None = Field(None, description="For a child in hospital: how discharge is made safe")
    further_action: Reason | None = Field(
        None, description="With an order or police powers in force: what is done next"
    )
    medical: Literal["needed", "not needed"] | None = Field(None, description="Whether a medical assessment is needed")
    medical_by: Day | None = Field(None, description="By when the medical assessment is done")
    joint_interview: bool = Field(False, description="Whether the child is interviewed jointly with the police")
    interview_by: Day | None = Field(None, description="By when the joint interview is held")
    doctor_consulted: bool | None = Field(
        None, description="Whether the named doctor took part, or was consulted about a medical assessment"
    )
    information_needed: Reason | None = Field(None, description="What else you need to know, and how you will find out")
    review_on: Day | None = Field(None, description="If a further discussion is needed: when it is reviewed")
    actions: tuple[Action, ...] = Field((), max_length=40, description="An action: who does what by when")
    reason: Reason | None = None


class StrategyRecordCirculated(Message, stage=Stage.STRATEGY):
    """The authorised record of the strategy discussion was sent to everybody who took part."""


class NextActionSent(Message, stage=Stage.STRATEGY, sent_by=MANAGERS):
    """After a strategy discussion with no further action, the manager sent the next action of the other work."""

    to: Literal["assessment", "child in need", "looked after"]
    worker: Id = Field(description="The id of the worker it was sent to, never a name")


MEETING = "strategy discussion"


@means(StrategyRequested)
def strategy_requested(telling: Telling, message: StrategyRequested) -> None:
    """Ask for a strategy discussion. An immediate response waits for no authorisation (C-10)."""
    telling.line("A strategy discussion was asked for" + (", at once" if message.immediate else ""))
    happened(telling, STRATEGY_REQUESTED)
    if message.immediate:
        happened(telling, IMMEDIATE_RESPONSE_REQUIRED)
    rule = telling.story.procedure.authorisation.get(Subject.STRATEGY_DISCUSSION)
    if message.immediate and rule is not None and all_hold(rule.only_if, telling.story):
        text = "A strategy discussion is being held at once. Record your decision"
        for role in rule.authorised_by:
            telling.notify(NoticeKind.TOLD, role, text, about="held at once")
        strategy_agreed(telling, message, message.occurred_at)
    else:
        requests.submit(telling, Subject.STRATEGY_DISCUSSION, message)


@takes_effect(Subject.STRATEGY_DISCUSSION)
def strategy_agreed(telling: Telling, message: StrategyRequested, at: datetime) -> None:
    """A strategy discussion is to be held."""
    strategy = _opened(telling, message)
    happened(telling, STRATEGY_AGREED, at, scope=strategy.id)


def _opened(telling: Telling, message: Message) -> Strategy:
    strategy = Strategy(id=telling.named("strategy-"), opened_at=message.occurred_at)
    if isinstance(message, StrategyRequested):
        strategy = strategy.changed(immediate=message.immediate, complex=message.complex, origin=message.origin)
    telling.change(strategies=(*telling.story.strategies, strategy), referral_open=False)
    return strategy


def _named(telling: Telling, strategy_id: str | None) -> Strategy | None:
    """The open discussion a message is about: the one it names, or the only one."""
    strategies = {strategy.id: strategy for strategy in telling.story.strategies}
    names = ", ".join(strategies) or "none"
    if strategy_id is not None:
        unknown = f"strategy: no strategy discussion {strategy_id} is open. These are open: {names}."
        return needed(strategies.get(strategy_id), unknown)
    telling.refuse_if(len(strategies) > 1, f"strategy: more than one strategy discussion is open. Say which: {names}.")
    return next(iter(strategies.values()), None)


def _change(telling: Telling, changed: Strategy) -> None:
    telling.change(strategies=tuple(changed if s.id == changed.id else s for s in telling.story.strategies))


@means(StrategyExtensionRequested)
def strategy_extension_requested(telling: Telling, message: StrategyExtensionRequested) -> None:
    """Ask for more time to hold the discussion, where the procedure has that (W-04)."""
    rule = telling.story.procedure.authorisation.get(Subject.STRATEGY_EXTENSION)
    telling.refuse_if(rule is None, "This procedure gives no extra time for a strategy discussion.")
    strategy = needed(
        _named(telling, message.strategy), "No strategy discussion is open. First record: strategy_requested"
    )
    telling.insist(strategy.immediate, "An immediate response is required, so the discussion cannot be put off.")
    telling.insist(
        not strategy.complex,
        "More time is only for particularly complex concerns, and the request did not say that they are (complex).",
    )
    named = message.changed(strategy=strategy.id)  # another may be open by the time it is agreed
    requests.submit(telling, Subject.STRATEGY_EXTENSION, named, strategy.id)


@takes_effect(Subject.STRATEGY_EXTENSION)
def strategy_extension_agreed(telling: Telling, message: StrategyExtensionRequested, at: datetime) -> None:
    """The longer limit replaces the shorter one, counted from the same event."""
    strategy = _named(telling, message.strategy)
    happened(telling, STRATEGY_EXTENSION_AGREED, at, scope=strategy.id if strategy else None)


@means(StrategyScheduled)
def strategy_scheduled(telling: Telling, message: StrategyScheduled) -> None:
    strategy = _named(telling, message.strategy) or _if_free_to_hold(telling, message)
    _change(telling, strategy.changed(scheduled_for=message.starts_at))
    telling.line("The strategy discussion was arranged")
    tell_chair(telling, MEETING)
    happened(telling, STRATEGY_SCHEDULED, scope=strategy.id, counts_from=message.starts_at)


def _if_free_to_hold(telling: Telling, message: Message) -> Strategy:
    """A discussion nobody had to agree to beforehand."""
    rule = telling.story.procedure.authorisation.get(Subject.STRATEGY_DISCUSSION)
    if rule is not None and all_hold(rule.only_if, telling.story):
        who = " or the ".join(rule.authorised_by)
        raise Refusal(
            f"No strategy discussion is agreed yet. The {who} decides first: {rule.title}. "
            "First record: strategy_requested. An immediate one needs no decision first."
        )
    return _opened(telling, message)


@means(StrategyOutcome)
def strategy_outcome(telling: Telling, message: StrategyOutcome) -> None:
    """The discussion was held; what it decided takes effect when its record is authorised, where that is required."""
    strategy = _named(telling, message.strategy) or _if_free_to_hold(telling, message)
    present = check_membership(telling, MEETING, message.attended_by, message)
    if message.decision == "further discussion":
        when = "review_on: say when the further discussion is reviewed (source: U-W-01)."
        telling.insist(message.review_on is None, when, "review_on")
    telling.line(f"Strategy discussion held by {message.how}: {message.decision}")
    _change(telling, strategy.changed(held_at=message.occurred_at))
    if message.criminal_investigation != "none":
        begin(telling, Circumstance.CRIMINAL_INVESTIGATION)
    happened(telling, STRATEGY_HELD, scope=strategy.id)
    if message.how == "telephone":
        happened(telling, STRATEGY_HELD_BY_TELEPHONE, scope=strategy.id)
    if any(requests.kind_of(telling, role) is Kind.POLICE for role in present):
        happened(telling, POLICE_STRATEGY_HELD, scope=strategy.id)
    _what_is_needed(telling, strategy, message)
    for action in message.actions:
        _open_action(telling, strategy, action)
    requests.submit(telling, Subject.STRATEGY_RECORD, message.changed(strategy=strategy.id), strategy.id)


def _what_is_needed(telling: Telling, strategy: Strategy, message: StrategyOutcome) -> None:
    """What the discussion found to be needed, whatever it decided."""
    if message.medical == "needed":
        happened(telling, MEDICAL_NEEDED, counts_from=_day(message, message.medical_by))
    if message.legal_action:
        happened(telling, LEGAL_ACTION_NEEDED, scope=strategy.id)
    if message.joint_interview:
        happened(telling, INTERVIEW_NEEDED, counts_from=_day(message, message.interview_by))
    if message.share_with_family == "withhold" and telling.story.withholding is None:
        ground = needed(message.ground, "ground: say why information is withheld from the family.", "ground")
        withhold(telling, ground, message)


def _open_action(telling: Telling, strategy: Strategy, action: Action) -> None:
    """An action is owed by its day. What to do stays in the record: a deadline's words are seen in notices."""
    owner = role_key(telling, "actions.owner", action.owner)
    earlier = sum(deadline.timescale == "action" for deadline in telling.story.deadlines.values())
    duty = f"Action {earlier + 1} agreed at {strategy.id}"
    deadlines.open_case_set(telling, "action", duty, owner, action.due, ("U-B-06",))
    telling.line(f"{duty}, for the {owner}. What to do is in the record", ("D-B-09",))


@takes_effect(Subject.STRATEGY_RECORD, STRATEGY_RECORD_AUTHORISED)
def strategy_decided(telling: Telling, message: StrategyOutcome, at: datetime) -> None:
    """What the discussion decided takes effect (D-P-02, D-B-06, D-T-02, D-W-04): the clocks count from when it was
    held (Q-12)."""
    strategy = _named(telling, message.strategy)
    assert strategy is not None
    match message.decision:
        case "section 47":
            _close(telling, strategy)
            _initiate_enquiry(telling, strategy, message)
        case "no section 47":
            _close(telling, strategy)
            happened(telling, SECTION_47_NOT_INITIATED, scope=strategy.id)
        case "no further action":
            _close(telling, strategy)
            if strategy.origin:
                telling.line(f"It came out of: {strategy.origin}", ("D-M-01", "SP-M-01"))
            happened(telling, STRATEGY_ENDED_NFA, at, scope=strategy.id)
        case "further discussion":
            duty, owner = "Review the further strategy discussion", telling.story.acting
            on = message.review_on or local_date(message.occurred_at)
            deadlines.open_case_set(telling, "strategy-review", duty, owner, on, ("U-W-01",))
            happened(telling, FURTHER_STRATEGY_NEEDED, scope=strategy.id)


def _day(message: Message, day: Day | None) -> datetime:
    """An instant on the day a thing is set for; on the day of the message where it is to be done at once."""
    return last_second_of(day) if day else message.occurred_at


@means(NextActionSent)
def next_action_sent(telling: Telling, message: NextActionSent) -> None:
    """The manager sent the worker the next action of the work that goes on (D-M-04)."""
    none_ended = "No strategy discussion ended with no further action."
    telling.refuse_if(STRATEGY_ENDED_NFA not in telling.story.clock, none_ended)
    name = telling.story.procedure.assessment.name
    telling.insist(
        message.to == "assessment" and telling.story.assessment is None,
        f"to: no {name} is open. Send the next action of the child in need or looked after work.",
    )
    telling.line(f"The next action of the {message.to} work was sent to {message.worker}")
    happened(telling, NEXT_ACTION_SENT, person=message.worker)


def _close(telling: Telling, strategy: Strategy) -> None:
    telling.close(strategy.id)
    happened(telling, STRATEGY_ENDED, scope=strategy.id)


def _initiate_enquiry(telling: Telling, strategy: Strategy, message: StrategyOutcome) -> None:
    enquiry = telling.story.enquiry
    if enquiry is not None:
        telling.descend(enquiry.id, strategy.id)
        telling.line(
            f"Section 47 enquiries have been open since {spoken_date(local_date(enquiry.initiated_at))}. "
            "Their time limits do not change",
            ("B-07",),
        )
        return
    name, joint = telling.named("enquiry-"), message.joint_with_police
    enquiry = Enquiry(id=name, initiated_at=message.occurred_at, joint_with_police=joint)
    telling.change(enquiry=enquiry)
    telling.descend(enquiry.id, strategy.id)
    telling.line("Section 47 enquiries were initiated")
    happened(telling, SECTION_47_INITIATED, scope=enquiry.id)


@means(StrategyRecordCirculated)
def strategy_record_circulated(telling: Telling, message: StrategyRecordCirculated) -> None:
    telling.refuse_if(
        STRATEGY_HELD not in telling.story.clock,
        "No strategy discussion is recorded as held. First record: strategy_outcome",
    )
    telling.line("The record of the strategy discussion was sent out")
    happened(telling, STRATEGY_RECORD_CIRCULATED)
