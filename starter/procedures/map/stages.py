"""Where on the map things stand: the stage of an event, of a rule, and the ways on from each stage.

The stages and the ways between them are the code's, the same for every procedure; the rules that stand in them are
the procedure's.
"""

from typing import NamedTuple

from casework.model import Value
from casework.procedure import Answer, Authorisation, Gate, Meeting, NoticeRule, Procedure, Prompt, Timescale
from casework.stages import MESSAGES
from casework.vocabulary import MEETINGS, Stage, Subject

ON_THE_MAP: tuple[Stage, ...] = tuple(
    stage for stage in Stage if any(kind.stage is stage for kind in MESSAGES.values())
)
"""The stages at which something is recorded, in their order."""


def stage_of_timescale(procedure: Procedure, rule: Timescale) -> Stage | None:
    """The stage in which what it asks for is done; None for what may be asked for at any time.

    It is the later of where it starts and where it is met: a visit that a plan asks for stands with the plan.
    """
    opens = (rule.opens_on,) if rule.opens_on else ()
    met = next((event.stage for event in rule.met_by if event.stage), None)
    started = next((event.stage for event in (*rule.from_, *opens) if event.stage), None)
    after = procedure.timescale.get(rule.after_duty or "")
    stages = [stage for stage in (met, started, stage_of_timescale(procedure, after) if after else None) if stage]
    return max(stages, key=list(Stage).index, default=None)


def stage_of_message(procedure: Procedure, message: str, when: dict[str, str | bool]) -> Stage | None:
    """The stage of a message with these answers: what is about a review, a duty or a form stands with that."""
    if when.get("which") == "review":
        return Stage.PLAN
    about = [
        rule
        for key, rule in procedure.timescale.items()
        if key == when.get("duty") or (rule.form is not None and rule.form == when.get("form"))
    ]
    return stage_of_timescale(procedure, about[0]) if about else MESSAGES[message].stage


def stage_of(procedure: Procedure, key: str, rule: Value) -> Stage | None:
    """The stage in which a rule of any kind stands; None for what may come at any time, and for roles and forms."""
    match rule:
        case Timescale():
            return stage_of_timescale(procedure, rule)
        case Authorisation():
            return Subject(key).stage
        case Meeting():
            return MEETINGS.get(key)
        case Gate(subject=Subject() as subject):
            return subject.stage
        case Gate() | Answer():
            return stage_of_message(procedure, rule.message, rule.when)
        case NoticeRule():
            return rule.on.stage
        case Prompt():
            return rule.stage
        case _:
            return None


class Way(NamedTuple):
    """A way on from a stage: what is decided by which field of which message, and where it leads."""

    stage: Stage
    message: str
    field: str | None
    value: str | bool | None
    says: str
    to: Stage


def ways(procedure: Procedure) -> list[Way]:
    """The ways through the map, in the order of the stages. They are the core's; the procedure's rules stand beside."""
    # Without an enquiry the assessment goes on, where this procedure has begun one before it.
    begun = {event.stage for event in procedure.assessment.starts}
    before_enquiry = begun & {Stage.REFERRAL, Stage.ASSESSMENT, Stage.STRATEGY}
    rest = Stage.ASSESSMENT if before_enquiry else Stage.CLOSING
    at_referral = Stage.ASSESSMENT if begun & {Stage.REFERRAL, Stage.ASSESSMENT} else Stage.CLOSING
    return [
        Way(Stage.REFERRAL, "screening_decided", "harm_suspected", True, "significant harm suspected", Stage.STRATEGY),
        Way(Stage.REFERRAL, "screening_decided", "harm_suspected", False, "not suspected", at_referral),
        Way(Stage.ASSESSMENT, "assessment_completed", None, None, "assessment ended", Stage.CLOSING),
        Way(Stage.STRATEGY, "strategy_outcome", "decision", "section 47", "section 47", Stage.ENQUIRY),
        Way(Stage.STRATEGY, "strategy_outcome", "decision", "no section 47", "no section 47", rest),
        Way(Stage.STRATEGY, "strategy_outcome", "decision", "further discussion", "further discussion", Stage.STRATEGY),
        Way(Stage.STRATEGY, "strategy_outcome", "decision", "no further action", "no further action", rest),
        Way(Stage.ENQUIRY, "section47_outcome", "outcome", "substantiated", "substantiated", Stage.CONFERENCE),
        Way(Stage.ENQUIRY, "section47_outcome", "conference", False, "no conference", Stage.CLOSING),
        Way(Stage.ENQUIRY, "section47_outcome", "outcome", "not substantiated", "not substantiated", Stage.ASSESSMENT),
        Way(Stage.CONFERENCE, "initial_conference_held", "plan", True, "plan made", Stage.PLAN),
        Way(Stage.CONFERENCE, "initial_conference_held", "plan", False, "no plan", Stage.CLOSING),
        Way(Stage.PLAN, "review_conference_held", "decision", "continue", "continues", Stage.PLAN),
        Way(Stage.PLAN, "review_conference_held", "decision", "change", "changes", Stage.PLAN),
        Way(Stage.PLAN, "review_conference_held", "decision", "end", "plan ends", Stage.CLOSING),
    ]
