"""Where on the map things stand: the stage of an event, of a rule, and the ways on from each stage.

The stages and the ways between them are the code's, the same for every procedure; the rules that stand in them are
the procedure's.
"""

from typing import NamedTuple

from casework.procedure import Gate, Procedure, Timescale
from casework.vocabulary import Event, Stage, Subject

ON_THE_MAP: tuple[Stage, ...] = tuple(stage for stage in Stage if stage is not Stage.CLOSED)

STAGE_OF: dict[Event, Stage] = {
    Event.REFERRAL_RECEIVED: Stage.REFERRAL,
    Event.NEW_INFORMATION_RECEIVED: Stage.REFERRAL,
    Event.CONCERN_RAISED: Stage.REFERRAL,
    Event.SCREENING_DECIDED: Stage.REFERRAL,
    Event.HARM_SUSPECTED: Stage.REFERRAL,
    Event.HARM_NOT_SUSPECTED: Stage.REFERRAL,
    Event.SOCIAL_WORKER_ALLOCATED: Stage.REFERRAL,
    Event.ASSESSMENT_STARTED: Stage.ASSESSMENT,
    Event.ASSESSMENT_ESTIMATE_AGREED: Stage.ASSESSMENT,
    Event.ASSESSMENT_COMPLETED: Stage.ASSESSMENT,
    Event.ASSESSMENT_ENDED: Stage.ASSESSMENT,
    Event.ASSESSMENT_LIMIT_PASSED: Stage.ASSESSMENT,
    Event.ASSESSMENT_OVERRUN_EXPLAINED: Stage.ASSESSMENT,
    Event.STRATEGY_REQUESTED: Stage.STRATEGY,
    Event.IMMEDIATE_RESPONSE_REQUIRED: Stage.STRATEGY,
    Event.STRATEGY_AGREED: Stage.STRATEGY,
    Event.STRATEGY_SCHEDULED: Stage.STRATEGY,
    Event.STRATEGY_HELD: Stage.STRATEGY,
    Event.STRATEGY_HELD_BY_TELEPHONE: Stage.STRATEGY,
    Event.FURTHER_STRATEGY_NEEDED: Stage.STRATEGY,
    Event.STRATEGY_EXTENSION_AGREED: Stage.STRATEGY,
    Event.STRATEGY_RECORD_AUTHORISED: Stage.STRATEGY,
    Event.STRATEGY_RECORD_CIRCULATED: Stage.STRATEGY,
    Event.STRATEGY_ENDED: Stage.STRATEGY,
    Event.STRATEGY_ENDED_NFA: Stage.STRATEGY,
    Event.NEXT_ACTION_SENT: Stage.STRATEGY,
    Event.SECTION_47_NOT_INITIATED: Stage.STRATEGY,
    Event.LEGAL_ACTION_NEEDED: Stage.STRATEGY,
    Event.SECTION_47_INITIATED: Stage.ENQUIRY,
    Event.MEDICAL_NEEDED: Stage.ENQUIRY,
    Event.INTERVIEW_NEEDED: Stage.ENQUIRY,
    Event.CHILD_VISITED: Stage.ENQUIRY,
    Event.CHILD_SEEN: Stage.ENQUIRY,
    Event.CHILD_SEEN_ALONE: Stage.ENQUIRY,
    Event.CHILD_SEEN_ALONE_UNANNOUNCED: Stage.ENQUIRY,
    Event.VISIT_RECORDED: Stage.ENQUIRY,
    Event.WHEREABOUTS_UNKNOWN: Stage.ENQUIRY,
    Event.POLICE_STRATEGY_HELD: Stage.ENQUIRY,
    Event.FURTHER_ACTION_AGREED: Stage.ENQUIRY,
    Event.CHILD_LOCATED: Stage.ENQUIRY,
    Event.ACCESS_REFUSED: Stage.ENQUIRY,
    Event.SECTION_47_OUTCOME_RECORDED: Stage.ENQUIRY,
    Event.SECTION_47_CONCLUDED: Stage.ENQUIRY,
    Event.FAMILY_TOLD_OUTCOME: Stage.ENQUIRY,
    Event.SECTION_47_SUBSTANTIATED: Stage.CONFERENCE,
    Event.CONFERENCE_REQUESTED: Stage.CONFERENCE,
    Event.CONFERENCE_SERVICE_INFORMED: Stage.CONFERENCE,
    Event.CHAIR_ALLOCATED: Stage.CONFERENCE,
    Event.CONFERENCE_ARRANGED: Stage.CONFERENCE,
    Event.INITIAL_CONFERENCE_SCHEDULED: Stage.CONFERENCE,
    Event.INITIAL_CONFERENCE_HELD: Stage.CONFERENCE,
    Event.REPORT_SHARING_DECIDED: Stage.CONFERENCE,
    Event.REPORT_TO_BE_SHARED: Stage.CONFERENCE,
    Event.REPORT_SHARED: Stage.CONFERENCE,
    Event.REPORT_SENT: Stage.CONFERENCE,
    Event.CONFERENCE_REQUESTS_SENT: Stage.CONFERENCE,
    Event.INVITATIONS_REQUESTED: Stage.CONFERENCE,
    Event.INVITATIONS_SENT: Stage.CONFERENCE,
    Event.MINUTES_FINISHED: Stage.CONFERENCE,
    Event.CONFERENCE_RECORD_AUTHORISED: Stage.CONFERENCE,
    Event.CONFERENCE_DISPUTED: Stage.CONFERENCE,
    Event.CONFERENCE_DISPUTE_RESOLVED: Stage.CONFERENCE,
    Event.CONFERENCE_CALLED_ON_DISPUTE: Stage.CONFERENCE,
    Event.PLAN_STARTED: Stage.PLAN,
    Event.PLAN_CHANGED: Stage.PLAN,
    Event.CORE_GROUP_SCHEDULED: Stage.PLAN,
    Event.FIRST_CORE_GROUP_HELD: Stage.PLAN,
    Event.CORE_GROUP_HELD: Stage.PLAN,
    Event.CORE_GROUP_RECORD_DISTRIBUTED: Stage.PLAN,
    Event.REVIEW_CONFERENCE_SCHEDULED: Stage.PLAN,
    Event.REVIEW_CONFERENCE_HELD: Stage.PLAN,
    Event.REVIEW_REPORT_COMPLETED: Stage.PLAN,
    Event.REVIEW_REPORT_AUTHORISED: Stage.PLAN,
    Event.REVIEW_REPORT_SHARED: Stage.PLAN,
    Event.REVIEW_REQUESTS_SENT: Stage.PLAN,
    Event.MINUTES_SENT: Stage.PLAN,
    Event.MINUTES_SHARED: Stage.PLAN,
    Event.SECTION_47_NOT_SUBSTANTIATED: Stage.CLOSING,
    Event.CONFERENCE_NOT_REQUIRED: Stage.CLOSING,
    Event.ADVICE_CHOSEN: Stage.CLOSING,
    Event.EARLY_HELP_CHOSEN: Stage.CLOSING,
    Event.STATUTORY_SERVICE_CHOSEN: Stage.CLOSING,
    Event.ADVICE_GIVEN: Stage.CLOSING,
    Event.EARLY_HELP_TRANSFERRED: Stage.CLOSING,
    Event.STATUTORY_SERVICE_TRANSFERRED: Stage.CLOSING,
    Event.REASSESSMENT_ARRANGED: Stage.CLOSING,
    Event.NO_PLAN_MADE: Stage.CLOSING,
    Event.STEP_DOWN_CONSIDERED: Stage.CLOSING,
    Event.STEP_DOWN_AUTHORISED: Stage.CLOSING,
    Event.PLAN_ENDED: Stage.CLOSING,
    Event.CASE_CLOSED: Stage.CLOSING,
}
"""The stage an event belongs to; one that begins a stage belongs to the stage it begins.

What may happen at any time is not here: urgent need, a death, a complaint, what is so about a child or a family.
"""

STAGE_OF_SUBJECT: dict[Subject, Stage] = {
    Subject.STRATEGY_DISCUSSION: Stage.STRATEGY,
    Subject.STRATEGY_EXTENSION: Stage.STRATEGY,
    Subject.STRATEGY_RECORD: Stage.STRATEGY,
    Subject.SECTION_47_OUTCOME: Stage.ENQUIRY,
    Subject.ASSESSMENT: Stage.ASSESSMENT,
    Subject.ASSESSMENT_ESTIMATE: Stage.ASSESSMENT,
    Subject.INVITATIONS: Stage.CONFERENCE,
    Subject.MINUTES: Stage.CONFERENCE,
    Subject.CONFERENCE_RECORD: Stage.CONFERENCE,
    Subject.REVIEW_REPORT: Stage.PLAN,
    Subject.STEP_DOWN: Stage.CLOSING,
}

STAGE_OF_MEETING: dict[str, Stage] = {
    "strategy discussion": Stage.STRATEGY,
    "initial conference": Stage.CONFERENCE,
    "core group": Stage.PLAN,
    "review conference": Stage.PLAN,
}

STAGE_OF_MESSAGE: dict[str, Stage] = {
    "referral_received": Stage.REFERRAL,
    "new_information_received": Stage.REFERRAL,
    "screening_decided": Stage.REFERRAL,
    "social_worker_allocated": Stage.REFERRAL,
    "assessment_completed": Stage.ASSESSMENT,
    "assessment_estimate_proposed": Stage.ASSESSMENT,
    "assessment_overrun_explained": Stage.ASSESSMENT,
    "strategy_requested": Stage.STRATEGY,
    "strategy_extension_requested": Stage.STRATEGY,
    "strategy_scheduled": Stage.STRATEGY,
    "strategy_outcome": Stage.STRATEGY,
    "strategy_record_circulated": Stage.STRATEGY,
    "next_action_sent": Stage.STRATEGY,
    "child_visited": Stage.ENQUIRY,
    "visit_recorded": Stage.ENQUIRY,
    "whereabouts_unknown": Stage.ENQUIRY,
    "further_action_agreed": Stage.ENQUIRY,
    "child_located": Stage.ENQUIRY,
    "section47_outcome": Stage.ENQUIRY,
    "conference_service_informed": Stage.CONFERENCE,
    "conference_requested": Stage.CONFERENCE,
    "chair_allocated": Stage.CONFERENCE,
    "conference_scheduled": Stage.CONFERENCE,
    "invitations_requested": Stage.CONFERENCE,
    "report_sharing_decided": Stage.CONFERENCE,
    "report_shared": Stage.CONFERENCE,
    "conference_requests_sent": Stage.CONFERENCE,
    "initial_conference_held": Stage.CONFERENCE,
    "conference_disputed": Stage.CONFERENCE,
    "conference_dispute_resolved": Stage.CONFERENCE,
    "core_group_held": Stage.PLAN,
    "core_group_record_distributed": Stage.PLAN,
    "core_group_minutes_sent": Stage.PLAN,
    "review_report_completed": Stage.PLAN,
    "review_conference_held": Stage.PLAN,
    "disposal_completed": Stage.CLOSING,
    "reassessment_arranged": Stage.CLOSING,
    "step_down_considered": Stage.CLOSING,
    "step_down_agreed": Stage.CLOSING,
    "case_closed": Stage.CLOSING,
}
"""The stage of a message; one that is not here may come at any time."""


def stage_of_timescale(procedure: Procedure, rule: Timescale) -> Stage | None:
    """The stage in which what it asks for is done; None for what may be asked for at any time.

    It is the later of where it starts and where it is met: a visit that a plan asks for stands with the plan.
    """
    opens = (rule.opens_on,) if rule.opens_on else ()
    met = next((STAGE_OF[event] for event in rule.met_by if event in STAGE_OF), None)
    started = next((STAGE_OF[event] for event in (*rule.from_, *opens) if event in STAGE_OF), None)
    after = procedure.timescale.get(rule.after_duty or "")
    found = [stage for stage in (met, started, stage_of_timescale(procedure, after) if after else None) if stage]
    return max(found, key=ON_THE_MAP.index, default=None)


def stage_of_message(procedure: Procedure, message: str, when: dict[str, str | bool]) -> Stage | None:
    """The stage of a message with these answers: what is about a review, a duty or a form stands with that."""
    if when.get("which") == "review":
        return Stage.PLAN
    about = [
        rule
        for key, rule in procedure.timescale.items()
        if key == when.get("duty") or (rule.form is not None and rule.form == when.get("form"))
    ]
    return stage_of_timescale(procedure, about[0]) if about else STAGE_OF_MESSAGE.get(message)


def stage_of_gate(procedure: Procedure, rule: Gate) -> Stage | None:
    """The stage in which a gate stands."""
    if rule.subject is not None:
        return STAGE_OF_SUBJECT[rule.subject]
    return stage_of_message(procedure, rule.message, rule.when)


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
    begun = {STAGE_OF.get(event) for event in procedure.assessment.starts if event is not Event.SECTION_47_INITIATED}
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
