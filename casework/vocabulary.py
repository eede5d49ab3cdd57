"""The closed vocabulary between the rules in a procedure file and the code: events, conditions, subjects, stages.

A stage of the casework says that an event happened; the rules of the procedure say what follows from it. Every
value is the name as it is written in a procedure file. `docs/writing-a-procedure.md` explains each to an authority.
"""

from enum import StrEnum
from typing import ClassVar, NamedTuple

from pydantic_core import CoreSchema, PydanticCustomError, core_schema


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


class Strand(NamedTuple):
    """A kind of strand: a part of a case that opens and closes, whatever else is open.

    `field` is the field of the story that has it, `stage` where a case stands while it is open (none: that does not
    depend on it), `words` what people call it (none: each authority has its own name).
    """

    field: str
    stage: Stage | None
    words: str | None


STRANDS = {
    "assessment": Strand("assessment", Stage.ASSESSMENT, None),
    "referral": Strand("referral_open", Stage.REFERRAL, "referral"),
    "strategy": Strand("strategies", Stage.STRATEGY, "strategy discussion"),
    "enquiry": Strand("enquiry", Stage.ENQUIRY, "section 47 enquiry"),
    "conference": Strand("conference", Stage.CONFERENCE, "initial conference"),
    "plan": Strand("plan", Stage.PLAN, "child protection plan"),
    "search": Strand("missing", None, "search for the child"),
}
"""By the first part of their names (`strategy-4`); the last that is open says at which stage the case is."""


class Event(str):
    """Something that happened on a case, at an instant: what starts, meets and ends a clock (catalogue 1D).

    Each is defined once, in the module that brings it about, with the stage of the map where it stands; one that
    begins a stage stands there. One with no stage may happen at any time. `completes` is the kind of strand that is
    completed by it.
    """

    every: ClassVar[dict[str, "Event"]] = {}
    """Each event by its name, as procedure files write it. Filled by the modules: import `casework.stages` first."""
    stage: Stage | None
    completes: str | None

    def __new__(cls, name: str, stage: Stage | None = None, *, completes: str | None = None) -> "Event":
        assert name not in cls.every, f"the event {name!r} is defined twice"
        assert completes is None or completes in STRANDS, f"there is no strand {completes!r}"
        event = super().__new__(cls, name)
        event.stage, event.completes = stage, completes
        cls.every[name] = event
        return event

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._known, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def _known(cls, name: object) -> "Event":
        event = cls.every.get(name) if isinstance(name, str) else None
        if event is None:
            raise PydanticCustomError("enum", "there is no such event", {"expected": "the events"})
        return event


# What the core itself goes by.
NEW_INFORMATION_RECEIVED = Event("new information received", Stage.REFERRAL)
DUTY_DONE = Event("duty done")
FORM_COMPLETED = Event("form completed")


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
    """Something about a child or a family that lasts a while and that rules may ask for, like a condition.

    Beside it the event that its beginning is, where rules count from that.
    """

    began: Event | None

    def __new__(cls, words: str, began: Event | None = None) -> "Circumstance":
        member = str.__new__(cls, words)
        member._value_ = words
        member.began = began
        return member

    LOOKED_AFTER = "the child is looked after", Event("child became looked after")
    IN_HOSPITAL = "the child is in hospital", Event("child admitted to hospital")
    RESIDENTIAL = "the child lives in an inspected residential establishment"
    COURT_PROCEEDINGS = "the child is the subject of court proceedings", Event("court proceedings began")
    CRIMINAL_INVESTIGATION = "a criminal investigation is under way", Event("criminal investigation began")
    ACCESS_REFUSED = "access to the child is refused", Event("access to the child refused", Stage.ENQUIRY)
    NEW_CARER = "a parent assumes the care of the child", Event("a parent assumed the care")
    PARENT_ELSEWHERE = "a parent lives elsewhere and has contact", Event("a parent lives elsewhere")
    COMMUNICATION = "somebody needs an interpreter or specialist help", Event("communication need recorded")
    CHANGE_AHEAD = "the child's circumstances are about to change", Event("circumstances are about to change")
    RISK_PERSON = (
        "a person presenting a risk joins the household",
        Event("a person presenting risk joined the household"),
    )
    PLAN_CHILD = "another child of the household is on a plan", Event("a child on a plan lives in the household")
    OTHER_AUTHORITY = "another authority is responsible for the child", Event("another authority is responsible")
    MOVED_IN = "the child is on a plan elsewhere and moved in", Event("child on a plan elsewhere moved in")
    CHILD_ON_CHILD = "the child has harmed or may harm another child", Event("harm between children recorded")
    LEGAL_PROCEEDINGS = "legal proceedings are anticipated", Event("legal proceedings expected")


MEETINGS = {
    "strategy discussion": Stage.STRATEGY,
    "initial conference": Stage.CONFERENCE,
    "core group": Stage.PLAN,
    "review conference": Stage.PLAN,
}
"""The meetings whose membership the code looks at, each with the stage it belongs to."""

SET_BY_THE_CASE = ("action", "strategy-review", "others-considered")
"""Duties that a case sets for itself, with no timescale of the procedure behind them."""


class Subject(StrEnum):
    """What a role may be asked to authorise or to complete, and the stage where it is asked; none: at any time."""

    stage: Stage | None

    def __new__(cls, words: str, stage: Stage | None = None) -> "Subject":
        member = str.__new__(cls, words)
        member._value_ = words
        member.stage = stage
        return member

    STRATEGY_DISCUSSION = "strategy discussion", Stage.STRATEGY
    STRATEGY_EXTENSION = "strategy extension", Stage.STRATEGY
    STRATEGY_RECORD = "strategy record", Stage.STRATEGY
    SECTION_47_OUTCOME = "section 47 outcome", Stage.ENQUIRY
    ASSESSMENT = "assessment", Stage.ASSESSMENT
    ASSESSMENT_ESTIMATE = "assessment estimate", Stage.ASSESSMENT
    INVITATIONS = "invitations", Stage.CONFERENCE
    MINUTES = "minutes", Stage.CONFERENCE
    CONFERENCE_RECORD = "conference record", Stage.CONFERENCE
    REVIEW_REPORT = "review report", Stage.PLAN
    STEP_DOWN = "step-down", Stage.CLOSING
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


class Ground(StrEnum):
    """Why something may be kept from the family (B: D-B-11, NT-B-03)."""

    POLICE_INVESTIGATION = "police investigation"
    RISK_OF_HARM = "risk of harm"
    SAFETY_AND_WELFARE = "safety and welfare of the child"
