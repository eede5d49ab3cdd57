"""Strategy discussions: asked for, agreed, held, and what they decide.

One can start in any state of the case and more than one can run (D-B-35, D-W-08). The discussion that initiates
section 47 enquiries keeps their clock, however many follow (B-07).
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from casework import deadlines, requests
from casework.calendar import end_of_day
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.happening import begin, happened
from casework.meetings import check_membership, known_role, tell_chair
from casework.messages import MANAGERS, Day, Id, Instant, Line, Message, Reason, RoleName, means
from casework.model import Value
from casework.requests import takes_effect
from casework.stages.any_time import withhold
from casework.story import Enquiry, Strategy
from casework.telling import Refusal, Telling, day_of
from casework.vocabulary import Circumstance, Event, Ground, Kind, Stage, Subject

IMMEDIATE_RESPONSE_REQUIRED = Event("immediate response required", Stage.STRATEGY)
STRATEGY_REQUESTED = Event("strategy discussion requested", Stage.STRATEGY)
STRATEGY_AGREED = Event("strategy discussion agreed", Stage.STRATEGY)
STRATEGY_SCHEDULED = Event("strategy discussion scheduled", Stage.STRATEGY)
STRATEGY_HELD = Event("strategy discussion held", Stage.STRATEGY)
STRATEGY_HELD_BY_TELEPHONE = Event("strategy discussion held by telephone", Stage.STRATEGY)
POLICE_STRATEGY_HELD = Event("strategy discussion with the police held", Stage.ENQUIRY)
FURTHER_STRATEGY_NEEDED = Event("further strategy discussion needed", Stage.STRATEGY)
STRATEGY_EXTENSION_AGREED = Event("strategy extension agreed", Stage.STRATEGY)
STRATEGY_RECORD_CIRCULATED = Event("strategy record circulated", Stage.STRATEGY)
STRATEGY_ENDED = Event("strategy discussion ended", Stage.STRATEGY)
STRATEGY_ENDED_NFA = Event("strategy discussion ended with no further action", Stage.STRATEGY)
NEXT_ACTION_SENT = Event("next action sent", Stage.STRATEGY)
SECTION_47_INITIATED = Event("section 47 initiated", Stage.ENQUIRY)
SECTION_47_NOT_INITIATED = Event("section 47 not initiated", Stage.STRATEGY)
MEDICAL_NEEDED = Event("medical assessment needed", Stage.ENQUIRY)
INTERVIEW_NEEDED = Event("joint interview needed", Stage.ENQUIRY)
LEGAL_ACTION_NEEDED = Event("legal action needed", Stage.STRATEGY)


class StrategyRequested(Message, stage=Stage.STRATEGY):
    """Somebody asks for a strategy discussion. It may start in any state of the case, and more than one may run."""

    origin: (
        Literal["contact", "referral", "child in need review", "looked-after review", "asylum assessment", "assessment"]
        | None
    ) = Field(None, description="the step of work it comes from, to which a manager may have to return")
    immediate: bool = Field(False, description="an immediate response is required")
    complex: bool = Field(False, description="particularly complex concerns, such as organised abuse")


class StrategyExtensionRequested(Message, stage=Stage.STRATEGY):
    """Somebody asks for more time to hold the strategy discussion."""

    reason: Reason
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class StrategyScheduled(Message, stage=Stage.STRATEGY):
    """The strategy discussion was arranged."""

    starts_at: Instant
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class Action(Value):
    """Who will do what by when."""

    what: Line
    owner: RoleName
    due: Day


class StrategyOutcome(Message, stage=Stage.STRATEGY):
    """A strategy discussion was held, and what it decided. `occurred_at`, when it was, is what starts clocks."""

    decision: Literal["section 47", "no section 47", "further discussion", "no further action"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40, description="the roles that took part")
    how: Literal["meeting", "telephone"] = "meeting"
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")
    joint_with_police: bool = Field(False, description="the enquiry is joint with the police")
    criminal_investigation: Literal["none", "reactive", "proactive"] = Field(
        "none", description="whether the police investigate a crime, and how"
    )
    investigation_timing: Reason | None = Field(None, description="the conduct and timing of that investigation")
    legal_action: bool | None = Field(None, description="legal action is required")
    share_with_family: Literal["share", "withhold"] | None = Field(None, description="what the family is told")
    ground: Ground | None = Field(None, description="where it is withheld: why")
    discharge_plan: Reason | None = Field(None, description="for a child in hospital: how discharge is made safe")
    further_action: Reason | None = Field(None, description="where an order or police powers are in force: what next")
    medical: Literal["needed", "not needed"] | None = Field(None, description="a medical assessment of the child")
    medical_by: Day | None = Field(None, description="by when the medical assessment is made")
    joint_interview: bool = Field(False, description="the child is interviewed jointly with the police")
    interview_by: Day | None = Field(None, description="by when the joint interview is held")
    doctor_consulted: bool | None = Field(
        None, description="the named doctor took part, or was consulted about a medical assessment"
    )
    information_needed: Reason | None = Field(None, description="what further information is needed, and how it is got")
    review_on: Day | None = Field(None, description="when a further discussion is reviewed, where one is needed")
    actions: tuple[Action, ...] = Field((), max_length=40, description="who will do what by when")
    reason: Reason | None = None


class StrategyRecordCirculated(Message, stage=Stage.STRATEGY):
    """The authorised record of the strategy discussion was circulated to those who took part."""


class NextActionSent(Message, stage=Stage.STRATEGY, sent_by=MANAGERS):
    """After a strategy discussion ended without further action, the manager sent the next action of other work."""

    to: Literal["assessment", "child in need", "looked after"]
    worker: Id = Field(description="an opaque id of the worker it was sent to")


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
        for role in rule.authorised_by:
            telling.tell(
                NoticeKind.TOLD,
                role,
                "A strategy discussion is held at once; your decision is to be recorded",
                about="held at once",
            )
        strategy_agreed(telling, message, message.occurred_at)
    else:
        requests.submit(telling, Subject.STRATEGY_DISCUSSION, message)


@takes_effect(Subject.STRATEGY_DISCUSSION)
def strategy_agreed(telling: Telling, message: StrategyRequested, at: datetime) -> None:
    """A strategy discussion is to be held."""
    strategy = _opened(telling, message)
    happened(telling, STRATEGY_AGREED, at, scope=strategy.id)


def _opened(telling: Telling, message: Message) -> Strategy:
    asked = message if isinstance(message, StrategyRequested) else None
    strategy = Strategy(
        id=telling.named("strategy-"),
        opened_at=message.occurred_at,
        agreed=True,
        immediate=bool(asked and asked.immediate),
        complex=bool(asked and asked.complex),
        origin=asked.origin if asked else None,
    )
    telling.change(strategies=(*telling.story.strategies, strategy), referral_open=False)
    return strategy


def _named(telling: Telling, strategy_id: str | None) -> Strategy | None:
    """The open discussion a message is about: the one it names, or the only one."""
    open_ones = telling.story.strategies
    if strategy_id is not None:
        for strategy in open_ones:
            if strategy.id == strategy_id:
                return strategy
        there_are = ", ".join(strategy.id for strategy in open_ones) or "none"
        raise Refusal(f"There is no open strategy discussion {strategy_id}. Open: {there_are}.")
    telling.refuse_if(
        len(open_ones) > 1,
        f"More than one strategy discussion is open ({', '.join(s.id for s in open_ones)}): say which with strategy.",
    )
    return open_ones[0] if open_ones else None


def _change(telling: Telling, changed: Strategy) -> None:
    telling.change(strategies=tuple(changed if s.id == changed.id else s for s in telling.story.strategies))


@means(StrategyExtensionRequested)
def strategy_extension_requested(telling: Telling, message: StrategyExtensionRequested) -> None:
    """Ask for more time to hold the discussion, where the procedure has that (W-04)."""
    rule = telling.story.procedure.authorisation.get(Subject.STRATEGY_EXTENSION)
    telling.refuse_if(rule is None, "This procedure has no longer limit for a strategy discussion.")
    strategy = _named(telling, message.strategy)
    telling.refuse_if(strategy is None, "No strategy discussion is open.")
    assert strategy is not None
    telling.insist(strategy.immediate, "An immediate response is required: the discussion cannot be put off.")
    telling.insist(not strategy.complex, "Only for particularly complex concerns: the request did not say complex.")
    named = message.model_copy(update={"strategy": strategy.id})  # another may be open by the time it is agreed
    requests.submit(telling, Subject.STRATEGY_EXTENSION, named, strategy.id)


@takes_effect(Subject.STRATEGY_EXTENSION)
def strategy_extension_agreed(telling: Telling, message: StrategyExtensionRequested, at: datetime) -> None:
    """The longer limit replaces the shorter one, counted from the same event."""
    strategy = _named(telling, message.strategy)
    happened(telling, STRATEGY_EXTENSION_AGREED, at, scope=strategy.id if strategy else None)


@means(StrategyScheduled)
def strategy_scheduled(telling: Telling, message: StrategyScheduled) -> None:
    """The discussion has a time."""
    strategy = _named(telling, message.strategy) or _if_free_to_hold(telling, message)
    _change(telling, strategy.model_copy(update={"scheduled_for": message.starts_at}))
    telling.line("The strategy discussion was arranged")
    tell_chair(telling, MEETING)
    happened(telling, STRATEGY_SCHEDULED, scope=strategy.id, counts_from=message.starts_at)


def _if_free_to_hold(telling: Telling, message: Message) -> Strategy:
    """A discussion nobody had to agree to beforehand."""
    rule = telling.story.procedure.authorisation.get(Subject.STRATEGY_DISCUSSION)
    if rule is not None and all_hold(rule.only_if, telling.story):
        who = " or the ".join(rule.authorised_by)
        raise Refusal(
            f"No strategy discussion is agreed: the {who} decides first ({rule.title}). "
            "Send strategy_requested; an immediate one waits for nobody."
        )
    return _opened(telling, message)


@means(StrategyOutcome)
def strategy_outcome(telling: Telling, message: StrategyOutcome) -> None:
    """The discussion was held; what it decided takes effect when its record is authorised, where that is required."""
    strategy = _named(telling, message.strategy) or _if_free_to_hold(telling, message)
    present = check_membership(telling, MEETING, message.attended_by, message)
    if message.decision == "further discussion":
        telling.insist(
            message.review_on is None, "review_on: say when the further discussion is reviewed (U-W-01).", "review_on"
        )
    telling.line(f"Strategy discussion held by {message.how}: {message.decision}")
    _change(telling, strategy.model_copy(update={"held_at": message.occurred_at}))
    if message.criminal_investigation != "none":
        begin(telling, Circumstance.CRIMINAL_INVESTIGATION)
    happened(telling, STRATEGY_HELD, scope=strategy.id)
    if message.how == "telephone":
        happened(telling, STRATEGY_HELD_BY_TELEPHONE, scope=strategy.id)
    if any(requests.kind_of(telling, role) is Kind.POLICE for role in present):
        happened(telling, POLICE_STRATEGY_HELD, scope=strategy.id)
    if message.medical == "needed":
        happened(telling, MEDICAL_NEEDED, counts_from=_day(message, message.medical_by))
    if message.legal_action:
        happened(telling, LEGAL_ACTION_NEEDED, scope=strategy.id)
    if message.joint_interview:
        happened(telling, INTERVIEW_NEEDED, counts_from=_day(message, message.interview_by))
    if message.share_with_family == "withhold" and telling.story.withholding is None:
        telling.refuse_if(
            message.ground is None, "ground: say on which ground information is withheld from the family.", "ground"
        )
        assert message.ground is not None
        withhold(telling, message.ground, message)
    for action in message.actions:
        owner = known_role(telling, "actions.owner", action.owner)
        # What is to be done stays in the record: a deadline's words are seen on timelines and in notices.
        earlier = sum(deadline.timescale == "action" for deadline in telling.story.deadlines.values())
        deadline = deadlines.open_case_set(
            telling,
            "action",
            f"Action {earlier + 1} agreed at {strategy.id}",
            owner,
            end_of_day(action.due) - deadlines.GRACE,
            ("U-B-06",),
        )
        telling.line(f"{deadline.duty}, for the {owner} (what is to be done is in the record)", ("D-B-09",))
    requests.submit(telling, Subject.STRATEGY_RECORD, message.model_copy(update={"strategy": strategy.id}), strategy.id)


@takes_effect(Subject.STRATEGY_RECORD)
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
                telling.line(f"It came out of the step: {strategy.origin}", ("D-M-01", "SP-M-01"))
            happened(telling, STRATEGY_ENDED_NFA, at, scope=strategy.id)
        case "further discussion":
            assert message.review_on is not None
            due = end_of_day(message.review_on) - deadlines.GRACE
            owner = telling.story.acting
            deadlines.open_case_set(
                telling, "strategy-review", "Review the further strategy discussion", owner, due, ("U-W-01",)
            )
            happened(telling, FURTHER_STRATEGY_NEEDED, scope=strategy.id)


def _day(message: Message, day: Day | None) -> datetime:
    """An instant on the day a thing is set for; on the day of the message where it is to be done at once."""
    return end_of_day(day) - deadlines.GRACE if day else message.occurred_at


@means(NextActionSent)
def next_action_sent(telling: Telling, message: NextActionSent) -> None:
    """The manager sent the worker the next action of the work that goes on (D-M-04)."""
    telling.refuse_if(STRATEGY_ENDED_NFA not in telling.story.clock, "No strategy discussion ended without action.")
    name = telling.story.procedure.assessment.name
    telling.insist(
        message.to == "assessment" and telling.story.assessment is None,
        f"to: no {name} is being completed; the case goes back to the child in need or looked-after work.",
    )
    telling.line(f"The next action of the {message.to} work was sent to {message.worker}")
    happened(telling, NEXT_ACTION_SENT, person=message.worker)


def _close(telling: Telling, strategy: Strategy) -> None:
    telling.change(strategies=tuple(s for s in telling.story.strategies if s.id != strategy.id))
    happened(telling, STRATEGY_ENDED, scope=strategy.id)


def _initiate_enquiry(telling: Telling, strategy: Strategy, message: StrategyOutcome) -> None:
    enquiry = telling.story.enquiry
    if enquiry is not None:
        telling.descend(enquiry.id, strategy.id)
        telling.line(f"Section 47 enquiries run since {day_of(enquiry.initiated_at)}; their clock stays", ("B-07",))
        return
    enquiry = Enquiry(
        id=telling.named("enquiry-"),
        initiated_at=message.occurred_at,
        joint_with_police=message.joint_with_police,
    )
    telling.change(enquiry=enquiry)
    telling.descend(enquiry.id, strategy.id)
    telling.line("Section 47 enquiries were initiated")
    happened(telling, SECTION_47_INITIATED, scope=enquiry.id)


@means(StrategyRecordCirculated)
def strategy_record_circulated(telling: Telling, message: StrategyRecordCirculated) -> None:
    """The authorised record went to those who took part."""
    telling.refuse_if(STRATEGY_HELD not in telling.story.clock, "No strategy discussion was held yet.")
    telling.line("The record of the strategy discussion was circulated")
    happened(telling, STRATEGY_RECORD_CIRCULATED)
