"""The closed vocabulary between the rules in a procedure file and the code: events, conditions, subjects, stages.

A stage of the casework says that an event happened; the rules of the procedure say what follows from it. Every
value is the name as it is written in a procedure file. `docs/writing-a-procedure.md` explains each to an authority.
"""

from enum import StrEnum


class Event(StrEnum):
    """Something that happened on a case, at an instant: what starts, meets and ends a clock (catalogue 1D)."""

    # Referral
    REFERRAL_RECEIVED = "referral received"
    NEW_INFORMATION_RECEIVED = "new information received"
    CONCERN_RAISED = "concern raised"
    SCREENING_DECIDED = "screening decided"
    HARM_SUSPECTED = "harm suspected at screening"
    HARM_NOT_SUSPECTED = "no significant harm suspected at screening"
    IMMEDIATE_RESPONSE_REQUIRED = "immediate response required"
    SOCIAL_WORKER_ALLOCATED = "social worker allocated"
    CASE_CLOSED = "case closed"
    # Strategy discussion
    STRATEGY_REQUESTED = "strategy discussion requested"
    STRATEGY_AGREED = "strategy discussion agreed"
    STRATEGY_SCHEDULED = "strategy discussion scheduled"
    STRATEGY_HELD = "strategy discussion held"
    STRATEGY_HELD_BY_TELEPHONE = "strategy discussion held by telephone"
    POLICE_STRATEGY_HELD = "strategy discussion with the police held"
    FURTHER_STRATEGY_NEEDED = "further strategy discussion needed"
    STRATEGY_EXTENSION_AGREED = "strategy extension agreed"
    STRATEGY_RECORD_AUTHORISED = "strategy record authorised"
    STRATEGY_RECORD_CIRCULATED = "strategy record circulated"
    STRATEGY_ENDED = "strategy discussion ended"
    STRATEGY_ENDED_NFA = "strategy discussion ended with no further action"
    NEXT_ACTION_SENT = "next action sent"
    SECTION_47_INITIATED = "section 47 initiated"
    SECTION_47_NOT_INITIATED = "section 47 not initiated"
    # Enquiry and visits
    CHILD_VISITED = "child visited"
    CHILD_SEEN = "child seen"
    CHILD_SEEN_ALONE = "child seen alone"
    CHILD_SEEN_ALONE_UNANNOUNCED = "child seen alone on an unannounced visit"
    VISIT_RECORDED = "visit recorded"
    WHEREABOUTS_UNKNOWN = "whereabouts unknown"
    FURTHER_ACTION_AGREED = "further action to find the child agreed"
    CHILD_LOCATED = "child located"
    ACCESS_REFUSED = "access to the child refused"
    SECTION_47_OUTCOME_RECORDED = "section 47 outcome recorded"
    SECTION_47_SUBSTANTIATED = "section 47 substantiated"
    SECTION_47_NOT_SUBSTANTIATED = "section 47 not substantiated"
    CONFERENCE_NOT_REQUIRED = "conference not required"
    # Assessment
    ASSESSMENT_STARTED = "assessment started"
    ASSESSMENT_ESTIMATE_AGREED = "assessment estimate agreed"
    ASSESSMENT_COMPLETED = "assessment completed"
    ASSESSMENT_ENDED = "assessment ended"
    ASSESSMENT_LIMIT_PASSED = "assessment limit passed"
    ASSESSMENT_OVERRUN_EXPLAINED = "assessment overrun explained"
    ADVICE_CHOSEN = "disposal chosen: information and advice"
    EARLY_HELP_CHOSEN = "disposal chosen: early help"
    STATUTORY_SERVICE_CHOSEN = "disposal chosen: statutory service"
    ADVICE_GIVEN = "information and advice given"
    EARLY_HELP_TRANSFERRED = "family transferred to early help"
    STATUTORY_SERVICE_TRANSFERRED = "family transferred to a statutory service"
    # Conferences
    CONFERENCE_REQUESTED = "initial conference requested"
    CONFERENCE_SERVICE_INFORMED = "conference service informed"
    CHAIR_ALLOCATED = "conference chair allocated"
    CONFERENCE_ARRANGED = "initial conference arranged"
    INITIAL_CONFERENCE_SCHEDULED = "initial conference scheduled"
    INITIAL_CONFERENCE_HELD = "initial conference held"
    NO_PLAN_MADE = "no plan made"
    REPORT_SHARED = "conference report shared with the family"
    REPORT_SENT = "conference report sent to the conference service"
    CONFERENCE_REQUESTS_SENT = "conference requests sent"
    INVITATIONS_REQUESTED = "invitations requested"
    INVITATIONS_SENT = "invitations sent"
    MINUTES_FINISHED = "conference minutes finished"
    CONFERENCE_RECORD_AUTHORISED = "conference record authorised"
    FAMILY_TOLD_OUTCOME = "family told of the outcome"
    # Plan
    PLAN_STARTED = "plan started"
    PLAN_CHANGED = "plan changed"
    CORE_GROUP_SCHEDULED = "core group scheduled"
    FIRST_CORE_GROUP_HELD = "first core group held"
    CORE_GROUP_HELD = "core group held"
    CORE_GROUP_RECORD_DISTRIBUTED = "core group record distributed"
    REVIEW_CONFERENCE_SCHEDULED = "review conference scheduled"
    REVIEW_CONFERENCE_HELD = "review conference held"
    REVIEW_REPORT_COMPLETED = "review report completed"
    REVIEW_REPORT_AUTHORISED = "review report authorised"
    REVIEW_REPORT_SHARED = "review report shared with the family"
    REVIEW_REQUESTS_SENT = "review requests sent"
    MINUTES_SENT = "core group minutes sent to the conference service"
    MINUTES_SHARED = "core group minutes shared with the family"
    STEP_DOWN_CONSIDERED = "step-down considered"
    STEP_DOWN_AUTHORISED = "step-down authorised"
    PLAN_ENDED = "plan ended"
    # Any time
    IMMEDIATE_PROTECTION = "immediate protection taken"
    URGENT_MEDICAL_NEED = "urgent medical need found"
    MEDICAL_NEEDED = "medical assessment needed"
    INTERVIEW_NEEDED = "joint interview needed"
    CONSENT_BY_AUTHORITY = "local authority consented to a medical assessment"
    CONSENT_REFUSED = "consent to a medical assessment not obtained"
    EMERGENCY_TREATMENT = "emergency treatment given without parental consent"
    CONFERENCE_DISPUTED = "decision on a conference disputed"
    CONFERENCE_DISPUTE_RESOLVED = "dispute on a conference resolved"
    COMPLAINT_MADE = "complaint made"
    HOUSEHOLD_CHILD_IDENTIFIED = "another child of the household identified"
    REASSESSMENT_ARRANGED = "re-assessment arranged"
    COURT_PROCEEDINGS_BEGAN = "court proceedings began"
    HOSPITAL_ADMISSION = "child admitted to hospital"
    BECAME_LOOKED_AFTER = "child became looked after"
    CARER_CHANGED = "a parent assumed the care"
    PARENT_ELSEWHERE = "a parent lives elsewhere"
    COMMUNICATION_NEED = "communication need recorded"
    CHANGE_AHEAD = "circumstances are about to change"
    RISK_PERSON_JOINED = "a person presenting risk joined the household"
    PLAN_CHILD_IN_HOUSEHOLD = "a child on a plan lives in the household"
    OTHER_AUTHORITY_RESPONSIBLE = "another authority is responsible"
    MOVED_IN_ON_A_PLAN = "child on a plan elsewhere moved in"
    CHILD_ON_CHILD_HARM = "harm between children recorded"
    LEGAL_PROCEEDINGS_EXPECTED = "legal proceedings expected"
    DUTY_DONE = "duty done"
    FORM_COMPLETED = "form completed"
    INFORMATION_WITHHELD = "information withheld from the family"
    CHILD_BORN = "child born"
    CHILD_DIED = "child died"
    BIRTH_EXPECTED = "birth expected"
    CRIMINAL_INVESTIGATION_BEGAN = "criminal investigation began"
    LEGAL_ACTION_NEEDED = "legal action needed"
    SECTION_47_CONCLUDED = "section 47 concluded"
    OTHERS_CONSIDERED = "other children considered"
    CONSENT_GIVEN = "consent to a medical assessment given"
    REPORT_SHARING_DECIDED = "sharing of the report decided"
    REPORT_TO_BE_SHARED = "report to be shared"
    CONFERENCE_CALLED_ON_DISPUTE = "initial conference called after a dispute"
    # Ends that are no completion
    STRAND_ENDED = "strand ended without being completed"
    CHILD_TURNED_18 = "child turned 18"
    CASE_TRANSFERRED = "case accepted by another authority"
    PLAN_RECEIVED = "plan of another authority received"


class Condition(StrEnum):
    """Something that is true or not of a case now. `casework.conditions` says how each is judged."""

    BORN = "the child is born"
    UNBORN = "the child is not born yet"
    CONFERENCE_SERVICE_INFORMED = "the conference service is informed"
    CHAIR_ALLOCATED = "the conference chair is allocated"
    CONFERENCE_SCHEDULED = "the conference is scheduled"
    ASSESSMENT_OPEN = "the assessment is open"
    ASSESSMENT_COMPLETED = "the assessment is completed"
    ASSESSMENT_AUTHORISED = "the assessment is authorised"
    REVIEW_REPORT_AUTHORISED = "the review report is authorised"
    STEP_DOWN_AUTHORISED = "the step-down is authorised"
    STRATEGY_RECORD_AUTHORISED = "the strategy record is authorised"
    SECTION_47_OUTCOME_AUTHORISED = "the section 47 outcome is authorised"
    INFORMATION_NOT_WITHHELD = "information is not withheld from the family"
    ON_A_PLAN = "the child is on a plan"
    COMPLEX = "the concerns are particularly complex"
    IMMEDIATE_RESPONSE = "an immediate response is required"
    NO_IMMEDIATE_RESPONSE = "no immediate response is required"
    NEW_INFORMATION = "new information came on the open case"
    NEW_REFERRAL = "no new information came since the referral"
    JOINT_WITH_POLICE = "the enquiry is joint with the police"
    POWERS_IN_FORCE = "an order or police powers are in force"
    HOUSEHOLD_SPOKEN_TO = "every child of the household was spoken to"
    HOUSEHOLD_CONSIDERED = "every child of the household was considered"
    REPORT_MAY_BE_SHARED = "it is decided that the report may be shared"
    ATTENDEES_KNOWN = "the attendees are known"
    ENQUIRY_OPEN = "a section 47 enquiry is open"
    MISSING = "the child's whereabouts are unknown"
    LINKED = "another child's case is linked"
    LAY_REFERRER = "the referrer is not a professional"
    PROFESSIONAL_REFERRER = "the referrer is a professional"


class Circumstance(StrEnum):
    """Something about a child or a family that lasts a while and that rules may ask for, like a condition."""

    LOOKED_AFTER = "the child is looked after"
    IN_HOSPITAL = "the child is in hospital"
    RESIDENTIAL = "the child lives in an inspected residential establishment"
    COURT_PROCEEDINGS = "the child is the subject of court proceedings"
    CRIMINAL_INVESTIGATION = "a criminal investigation is under way"
    ACCESS_REFUSED = "access to the child is refused"
    NEW_CARER = "a parent assumes the care of the child"
    PARENT_ELSEWHERE = "a parent lives elsewhere and has contact"
    COMMUNICATION = "somebody needs an interpreter or specialist help"
    CHANGE_AHEAD = "the child's circumstances are about to change"
    RISK_PERSON = "a person presenting a risk joins the household"
    PLAN_CHILD = "another child of the household is on a plan"
    OTHER_AUTHORITY = "another authority is responsible for the child"
    MOVED_IN = "the child is on a plan elsewhere and moved in"
    CHILD_ON_CHILD = "the child has harmed or may harm another child"
    LEGAL_PROCEEDINGS = "legal proceedings are anticipated"


BEGAN: dict[Circumstance, Event] = {
    Circumstance.LOOKED_AFTER: Event.BECAME_LOOKED_AFTER,
    Circumstance.IN_HOSPITAL: Event.HOSPITAL_ADMISSION,
    Circumstance.COURT_PROCEEDINGS: Event.COURT_PROCEEDINGS_BEGAN,
    Circumstance.CRIMINAL_INVESTIGATION: Event.CRIMINAL_INVESTIGATION_BEGAN,
    Circumstance.ACCESS_REFUSED: Event.ACCESS_REFUSED,
    Circumstance.NEW_CARER: Event.CARER_CHANGED,
    Circumstance.PARENT_ELSEWHERE: Event.PARENT_ELSEWHERE,
    Circumstance.COMMUNICATION: Event.COMMUNICATION_NEED,
    Circumstance.CHANGE_AHEAD: Event.CHANGE_AHEAD,
    Circumstance.RISK_PERSON: Event.RISK_PERSON_JOINED,
    Circumstance.PLAN_CHILD: Event.PLAN_CHILD_IN_HOUSEHOLD,
    Circumstance.OTHER_AUTHORITY: Event.OTHER_AUTHORITY_RESPONSIBLE,
    Circumstance.MOVED_IN: Event.MOVED_IN_ON_A_PLAN,
    Circumstance.CHILD_ON_CHILD: Event.CHILD_ON_CHILD_HARM,
    Circumstance.LEGAL_PROCEEDINGS: Event.LEGAL_PROCEEDINGS_EXPECTED,
}
"""The event that the beginning of a circumstance is, for rules to count from."""


SET_BY_THE_CASE = ("action", "strategy-review", "others-considered")
"""Duties that a case sets for itself, with no timescale of the procedure behind them."""


class Subject(StrEnum):
    """What a role may be asked to authorise or to complete."""

    STRATEGY_DISCUSSION = "strategy discussion"
    STRATEGY_EXTENSION = "strategy extension"
    STRATEGY_RECORD = "strategy record"
    SECTION_47_OUTCOME = "section 47 outcome"
    ASSESSMENT = "assessment"
    ASSESSMENT_ESTIMATE = "assessment estimate"
    INVITATIONS = "invitations"
    MINUTES = "minutes"
    CONFERENCE_RECORD = "conference record"
    REVIEW_REPORT = "review report"
    STEP_DOWN = "step-down"
    CORRECTION = "correction"


class Kind(StrEnum):
    """What sort of part a role plays. What a role may send follows from it."""

    WORKER = "worker"
    MANAGER = "manager"
    CHAIR = "chair"
    ADMINISTRATOR = "administrator"
    POLICE = "police"
    HEALTH = "health"
    AGENCY = "agency"
    GROUP = "group"
    FAMILY = "family"


class Stage(StrEnum):
    """Where a case stands, as people say it. It is derived from the open strands, never stored."""

    REFERRAL = "referral"
    ASSESSMENT = "assessment"
    STRATEGY = "strategy discussion"
    ENQUIRY = "section 47 enquiry"
    CONFERENCE = "initial conference"
    PLAN = "child protection plan"
    CLOSING = "closing"
    CLOSED = "closed"


class Ground(StrEnum):
    """Why something may be kept from the family (B: D-B-11, NT-B-03)."""

    POLICE_INVESTIGATION = "police investigation"
    RISK_OF_HARM = "risk of harm"
    SAFETY_AND_WELFARE = "safety and welfare of the child"
