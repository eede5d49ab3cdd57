"""Strategy discussions: asked for, agreed, held, and what they decide.

One can start in any state of the case and more than one can run (D-B-35, D-W-08). The discussion that initiates
section 47 enquiries keeps their clock, however many follow (B-07).
"""

from datetime import date, datetime

from casework import deadlines, requests
from casework.calendar import end_of_day, local_date
from casework.case import Enquiry, Strategy
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.facts import begin, happened
from casework.meetings import check_membership, known_role
from casework.messages import (
    Message,
    NextActionSent,
    StrategyExtensionRequested,
    StrategyOutcome,
    StrategyRecordCirculated,
    StrategyRequested,
    StrategyScheduled,
)
from casework.requests import takes_effect
from casework.stages.any_time import withhold
from casework.turn import Refusal, Turn
from casework.vocabulary import Circumstance, Event, Kind, Subject

MEETING = "strategy discussion"


def strategy_requested(turn: Turn, message: StrategyRequested) -> None:
    """Ask for a strategy discussion. An immediate response waits for no authorisation (C-10)."""
    turn.entry("A strategy discussion was asked for" + (", at once" if message.immediate else ""))
    happened(turn, Event.STRATEGY_REQUESTED)
    if message.immediate:
        happened(turn, Event.IMMEDIATE_RESPONSE_REQUIRED)
    rule = turn.case.procedure.authorisation.get(Subject.STRATEGY_DISCUSSION)
    if message.immediate and rule is not None and all_hold(rule.only_if, turn.case):
        for role in rule.authorised_by:
            turn.tell(
                NoticeKind.TOLD,
                role,
                "A strategy discussion is held at once; your decision is to be recorded",
            )
        strategy_agreed(turn, message, message.occurred_at)
    else:
        requests.put_to(turn, Subject.STRATEGY_DISCUSSION, message)


@takes_effect(Subject.STRATEGY_DISCUSSION)
def strategy_agreed(turn: Turn, message: StrategyRequested, at: datetime) -> None:
    """A strategy discussion is to be held."""
    strategy = _opened(turn, message)
    happened(turn, Event.STRATEGY_AGREED, at, scope=strategy.id)


def _opened(turn: Turn, message: Message) -> Strategy:
    asked = message if isinstance(message, StrategyRequested) else None
    strategy = Strategy(
        id=f"strategy-{turn.number('strategy')}",
        opened_at=message.occurred_at,
        agreed=True,
        immediate=bool(asked and asked.immediate),
        complex=bool(asked and asked.complex),
        origin=asked.origin if asked else None,
    )
    turn.change(strategies=(*turn.case.strategies, strategy), referral_open=False)
    return strategy


def _named(turn: Turn, strategy_id: str | None) -> Strategy | None:
    """The open discussion a message is about: the one it names, or the only one."""
    open_ones = turn.case.strategies
    if strategy_id is not None:
        for strategy in open_ones:
            if strategy.id == strategy_id:
                return strategy
        there_are = ", ".join(strategy.id for strategy in open_ones) or "none"
        raise Refusal(f"There is no open strategy discussion {strategy_id}. Open: {there_are}.")
    turn.refuse_if(
        len(open_ones) > 1,
        f"More than one strategy discussion is open ({', '.join(s.id for s in open_ones)}): say which with strategy.",
    )
    return open_ones[0] if open_ones else None


def _change(turn: Turn, changed: Strategy) -> None:
    turn.change(strategies=tuple(changed if s.id == changed.id else s for s in turn.case.strategies))


def strategy_extension_requested(turn: Turn, message: StrategyExtensionRequested) -> None:
    """Ask for more time to hold the discussion, where the procedure has that (W-04)."""
    rule = turn.case.procedure.authorisation.get(Subject.STRATEGY_EXTENSION)
    turn.refuse_if(rule is None, "This procedure has no longer limit for a strategy discussion.")
    strategy = _named(turn, message.strategy)
    turn.refuse_if(strategy is None, "No strategy discussion is open.")
    assert strategy is not None
    turn.refuse_if(strategy.immediate, "An immediate response is required: the discussion cannot be put off.")
    turn.refuse_if(not strategy.complex, "Only for particularly complex concerns: the request did not say complex.")
    named = message.model_copy(update={"strategy": strategy.id})  # another may be open by the time it is agreed
    requests.put_to(turn, Subject.STRATEGY_EXTENSION, named, strategy.id)


@takes_effect(Subject.STRATEGY_EXTENSION)
def strategy_extension_agreed(turn: Turn, message: StrategyExtensionRequested, at: datetime) -> None:
    """The longer limit replaces the shorter one, counted from the same event."""
    strategy = _named(turn, message.strategy)
    happened(turn, Event.STRATEGY_EXTENSION_AGREED, at, scope=strategy.id if strategy else None)


def strategy_scheduled(turn: Turn, message: StrategyScheduled) -> None:
    """The discussion has a time."""
    strategy = _named(turn, message.strategy) or _if_free_to_hold(turn, message)
    _change(turn, strategy.model_copy(update={"scheduled_for": message.starts_at}))
    turn.entry("The strategy discussion was arranged")
    happened(turn, Event.STRATEGY_SCHEDULED, scope=strategy.id, counts_from=message.starts_at)


def _if_free_to_hold(turn: Turn, message: Message) -> Strategy:
    """A discussion nobody had to agree to beforehand."""
    rule = turn.case.procedure.authorisation.get(Subject.STRATEGY_DISCUSSION)
    if rule is not None and all_hold(rule.only_if, turn.case):
        who = " or the ".join(rule.authorised_by)
        raise Refusal(
            f"No strategy discussion is agreed: the {who} decides first ({rule.title}). "
            "Send strategy_requested; an immediate one waits for nobody."
        )
    return _opened(turn, message)


def strategy_outcome(turn: Turn, message: StrategyOutcome) -> None:
    """The discussion was held; what it decided takes effect when its record is authorised, where that is required."""
    strategy = _named(turn, message.strategy) or _if_free_to_hold(turn, message)
    present = check_membership(turn, MEETING, message.attended_by, message)
    if message.decision == "further discussion":
        turn.refuse_if(message.review_on is None, "review_on: say when the further discussion is reviewed (U-W-01).")
    turn.entry(f"Strategy discussion held by {message.how}: {message.decision}")
    _change(turn, strategy.model_copy(update={"held_at": message.occurred_at}))
    if message.criminal_investigation != "none":
        begin(turn, Circumstance.CRIMINAL_INVESTIGATION)
    happened(turn, Event.STRATEGY_HELD, scope=strategy.id)
    if message.how == "telephone":
        happened(turn, Event.STRATEGY_HELD_BY_TELEPHONE, scope=strategy.id)
    if any(turn.case.procedure.role[role].kind is Kind.POLICE for role in present):
        happened(turn, Event.POLICE_STRATEGY_HELD, scope=strategy.id)
    if message.medical == "needed":
        happened(turn, Event.MEDICAL_NEEDED, counts_from=_day(message, message.medical_by))
    if message.legal_action:
        happened(turn, Event.LEGAL_ACTION_NEEDED, scope=strategy.id)
    if message.joint_interview:
        happened(turn, Event.INTERVIEW_NEEDED, counts_from=_day(message, message.interview_by))
    if message.share_with_family == "withhold" and turn.case.withholding is None:
        turn.refuse_if(message.ground is None, "ground: say on which ground information is withheld from the family.")
        assert message.ground is not None
        withhold(turn, message.ground, message)
    for action in message.actions:
        owner = known_role(turn, "actions.owner", action.owner)
        # The action itself stays in the record: a deadline's words are seen on timelines and in notices.
        deadline = deadlines.open_case_set(
            turn,
            "action",
            f"Action {turn.case.numbers.get('action', 0) + 1} agreed at {strategy.id}",
            owner,
            end_of_day(action.due) - deadlines.GRACE,
            ("U-B-06",),
        )
        turn.entry(f"{deadline.duty}: {action.what}", ("D-B-09",))
    requests.put_to(turn, Subject.STRATEGY_RECORD, message.model_copy(update={"strategy": strategy.id}), strategy.id)


@takes_effect(Subject.STRATEGY_RECORD)
def strategy_decided(turn: Turn, message: StrategyOutcome, at: datetime) -> None:
    """What the discussion decided takes effect (D-P-02, D-B-06, D-T-02, D-W-04): the clocks count from when it was
    held (Q-12)."""
    strategy = _named(turn, message.strategy)
    assert strategy is not None
    match message.decision:
        case "section 47":
            _close(turn, strategy)
            _initiate_enquiry(turn, strategy, message)
        case "no section 47":
            _close(turn, strategy)
            happened(turn, Event.SECTION_47_NOT_INITIATED, scope=strategy.id)
        case "no further action":
            _close(turn, strategy)
            if strategy.origin:
                turn.entry(f"It came out of the step: {strategy.origin}", ("D-M-01", "SP-M-01"))
            happened(turn, Event.STRATEGY_ENDED_NFA, at, scope=strategy.id)
        case "further discussion":
            assert message.review_on is not None
            due = end_of_day(message.review_on) - deadlines.GRACE
            owner = turn.case.procedure.acts[turn.case.stage]
            deadlines.open_case_set(
                turn, "strategy-review", "Review the further strategy discussion", owner, due, ("U-W-01",)
            )
            happened(turn, Event.FURTHER_STRATEGY_NEEDED, scope=strategy.id)


def _day(message: Message, day: date | None) -> datetime:
    """An instant on the day a thing is set for; on the day of the message where it is to be done at once."""
    return end_of_day(day) - deadlines.GRACE if day else message.occurred_at


def next_action_sent(turn: Turn, message: NextActionSent) -> None:
    """The manager sent the worker the next action of the work that goes on (D-M-04)."""
    turn.refuse_if(Event.STRATEGY_ENDED_NFA not in turn.case.clock, "No strategy discussion ended without action.")
    name = turn.case.procedure.assessment.name
    turn.refuse_if(
        message.to == "assessment" and turn.case.assessment is None,
        f"to: no {name} is being completed; the case goes back to the child in need or looked-after work.",
    )
    turn.entry(f"The next action of the {message.to} work was sent to {message.worker}")
    happened(turn, Event.NEXT_ACTION_SENT)


def _close(turn: Turn, strategy: Strategy) -> None:
    turn.change(strategies=tuple(s for s in turn.case.strategies if s.id != strategy.id))
    happened(turn, Event.STRATEGY_ENDED, scope=strategy.id)


def _initiate_enquiry(turn: Turn, strategy: Strategy, message: StrategyOutcome) -> None:
    enquiry = turn.case.enquiry
    if enquiry is not None:
        turn.entry(f"Section 47 enquiries run since {local_date(enquiry.initiated_at)}; their clock stays", ("B-07",))
        return
    enquiry = Enquiry(
        id=f"enquiry-{turn.number('enquiry')}",
        initiated_at=message.occurred_at,
        strategy=strategy.id,
        joint_with_police=message.joint_with_police,
    )
    turn.change(enquiry=enquiry)
    turn.entry("Section 47 enquiries were initiated")
    happened(turn, Event.SECTION_47_INITIATED, scope=enquiry.id)


def strategy_record_circulated(turn: Turn, message: StrategyRecordCirculated) -> None:
    """The authorised record went to those who took part."""
    turn.refuse_if(Event.STRATEGY_HELD not in turn.case.clock, "No strategy discussion was held yet.")
    turn.entry("The record of the strategy discussion was circulated")
    happened(turn, Event.STRATEGY_RECORD_CIRCULATED)
