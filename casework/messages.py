"""The messages: what a practitioner or a system says happened, in the past tense or as a decision.

One table, `MESSAGES`, gives the workflow's doors (an Update and a Signal each), the command line's verbs and the
documents. Instants need a time zone; `occurred_at` is when it happened, not when it was typed in. Free text goes
into `note`, which is kept in the record and goes nowhere else.
"""

import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from casework.model import Value
from casework.procedure import Procedure
from casework.vocabulary import Circumstance, Ground, Kind

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
NO_CONTROLS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
Reason = Annotated[str, StringConstraints(min_length=3, max_length=2000, strip_whitespace=True, pattern=NO_CONTROLS)]
Note = Annotated[str, StringConstraints(max_length=4000, pattern=NO_CONTROLS)]
RoleName = Annotated[str, StringConstraints(min_length=2, max_length=80, strip_whitespace=True)]

PRACTITIONERS = frozenset({Kind.WORKER, Kind.MANAGER})
CASEWORKERS = PRACTITIONERS | {Kind.CHAIR, Kind.ADMINISTRATOR}
MANAGERS = frozenset({Kind.MANAGER})
ANYONE = frozenset(Kind) - {Kind.FAMILY}

MESSAGES: dict[str, type["Message"]] = {}


class By(Value):
    """Who sends a message: the role they act in, as the procedure names it, and an opaque id of the person."""

    role: RoleName
    person: Id

    def __str__(self) -> str:
        return f"{self.role} {self.person}"


class Message(Value):
    """What every message says."""

    name: ClassVar[str] = ""
    sent_by: ClassVar[frozenset[Kind]] = CASEWORKERS

    id: Id = Field(description="this message's own id; the same id twice counts once")
    occurred_at: AwareDatetime = Field(description="when it happened, with its time zone")
    by: By
    note: Note | None = Field(None, description="free text for the record")

    def __init_subclass__(cls, sent_by: frozenset[Kind] = CASEWORKERS) -> None:
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls.sent_by = sent_by
        MESSAGES[cls.name] = cls


# --- Referral -------------------------------------------------------------------------------------------------


class ReferralReceived(Message, sent_by=ANYONE):
    """A referral: it opens the case. On a running case it is new information, not a second case."""

    person: Id = Field(description="the child's id in the authority's system of record, never a name")
    date_of_birth: date | None = Field(None, description="of a child who is born")
    expected_date_of_birth: date | None = Field(None, description="of a child who is not born yet")
    source: Literal[
        "individual",
        "education",
        "health",
        "housing",
        "local authority",
        "police",
        "court",
        "agency",
        "anonymous",
    ] = Field(description="who referred")
    concern: tuple[str, ...] = Field((), max_length=12, description="the kinds of harm feared")
    circumstances: tuple[Circumstance, ...] = Field((), max_length=16, description="what is so about child and family")
    team: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = Field(
        None, description="the team that takes it"
    )

    @model_validator(mode="after")
    def _born_or_expected(self) -> "ReferralReceived":
        if (self.date_of_birth is None) == (self.expected_date_of_birth is None):
            raise ValueError("give date_of_birth, or expected_date_of_birth for a child not born yet; one of the two")
        received = self.occurred_at.date()
        if self.date_of_birth and self.date_of_birth > received:
            raise ValueError(
                f"date_of_birth {self.date_of_birth} is after the referral ({received}); "
                "for a child not born yet give expected_date_of_birth"
            )
        if self.date_of_birth and (received - self.date_of_birth).days > 18 * 366:
            raise ValueError(f"date_of_birth {self.date_of_birth} is of an adult; a child is under 18")
        if self.expected_date_of_birth and abs((self.expected_date_of_birth - received).days) > 300:
            raise ValueError(
                f"expected_date_of_birth {self.expected_date_of_birth} is not within ten months of the referral"
            )
        return self


class NewInformationReceived(Message, sent_by=ANYONE):
    """New information on an open case that the child is suffering or likely to suffer significant harm."""

    concern: tuple[str, ...] = Field((), max_length=12, description="the kinds of harm feared")


class ScreeningDecided(Message):
    """Whether the front door suspects that the child is suffering or likely to suffer significant harm."""

    harm_suspected: bool


class SocialWorkerAllocated(Message):
    """A social worker was allocated to the child."""

    social_worker: Id = Field(description="an opaque id of the social worker")
    team: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None


class CaseClosed(Message, sent_by=MANAGERS):
    """The case was closed: nothing of it runs any more."""

    reason: Reason


# --- Strategy discussion --------------------------------------------------------------------------------------


class StrategyRequested(Message):
    """Somebody asks for a strategy discussion. It may start in any state of the case, and more than one may run."""

    origin: (
        Literal["contact", "referral", "child in need review", "looked-after review", "asylum assessment", "assessment"]
        | None
    ) = Field(None, description="the step of work it comes from, to which a manager may have to return")
    immediate: bool = Field(False, description="an immediate response is required")
    complex: bool = Field(False, description="particularly complex concerns, such as organised abuse")


class StrategyExtensionRequested(Message):
    """Somebody asks for more time to hold the strategy discussion."""

    reason: Reason
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class StrategyScheduled(Message):
    """The strategy discussion was arranged."""

    starts_at: AwareDatetime
    strategy: Id | None = Field(None, description="which discussion, where more than one is open")


class Action(Value):
    """Who will do what by when."""

    what: Annotated[str, StringConstraints(min_length=3, max_length=200)]
    owner: RoleName
    due: date


class StrategyOutcome(Message):
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
    medical_by: date | None = Field(None, description="by when the medical assessment is made")
    joint_interview: bool = Field(False, description="the child is interviewed jointly with the police")
    interview_by: date | None = Field(None, description="by when the joint interview is held")
    information_needed: Reason | None = Field(None, description="what further information is needed, and how it is got")
    review_on: date | None = Field(None, description="when a further discussion is reviewed, where one is needed")
    actions: tuple[Action, ...] = Field((), max_length=40, description="who will do what by when")
    reason: Reason | None = None


class StrategyRecordCirculated(Message):
    """The authorised record of the strategy discussion was circulated to those who took part."""


# --- Enquiry --------------------------------------------------------------------------------------------------


class ChildVisited(Message):
    """A practitioner visited. A visit at which the child was not seen, or not alone, is recorded as just that."""

    seen: bool = True
    alone: bool = Field(False, description="the child was seen alone")
    unannounced: bool = Field(False, description="the visit was not announced")
    reason: Reason | None = Field(None, description="why the child was not seen, or not alone")

    @model_validator(mode="after")
    def _seen_if_alone(self) -> "ChildVisited":
        if self.alone and not self.seen:
            raise ValueError("alone: the child cannot have been seen alone and not seen; give seen or leave alone out")
        return self


class VisitRecorded(Message):
    """The visit was written up on the system of record."""


class WhereaboutsUnknown(Message):
    """The child's whereabouts are unknown and the social worker cannot ascertain them."""


class FurtherActionAgreed(Message, sent_by=PRACTITIONERS):
    """What more will be done to find and see the child was agreed."""


class ChildLocated(Message):
    """The child was found."""


class Section47Outcome(Message):
    """What the enquiry concluded. It takes effect when it is authorised, where the procedure has that."""

    outcome: Literal["substantiated", "not substantiated"]
    conference: bool = Field(True, description="where substantiated: an initial conference is called")
    child_in_need_considered: bool | None = Field(None, description="where not substantiated: was it considered")
    reason: Reason | None = Field(None, description="where substantiated and no conference: why")
    disposals: tuple[Literal["information and advice", "early help", "statutory service"], ...] = Field(
        (), max_length=3, description="where not substantiated: what is done instead"
    )
    invite_referrer: bool | None = Field(None, description="where substantiated: the referrer is invited")

    @model_validator(mode="after")
    def _reasoned(self) -> "Section47Outcome":
        if self.outcome == "substantiated" and not self.conference and not self.reason:
            raise ValueError("reason: say why no conference is called although the concerns are substantiated")
        return self


# --- Assessment -----------------------------------------------------------------------------------------------


class AssessmentCompleted(Message):
    """The social worker completed the assessment. It has ended once it is authorised, where the procedure has that."""


class AssessmentEstimateProposed(Message):
    """How long the assessment may take is estimated; a manager agrees, where the procedure has that."""

    complete_by: date


class DisposalCompleted(Message):
    """What was chosen instead of a conference was done."""

    disposal: Literal["information and advice", "early help", "statutory service"]


class AssessmentOverrunExplained(Message):
    """Why the assessment exceeds its limit. It is not an extension: the limit stays missed."""

    reason: Reason


# --- Conferences ----------------------------------------------------------------------------------------------

Which = Literal["initial", "review"]


class ConferenceServiceInformed(Message):
    """The conference service was told the outcome, with the invitation and the social worker's availability."""


class ConferenceRequested(Message):
    """The initial conference was requested."""


class ChairAllocated(Message):
    """A chair was allocated to the initial conference."""

    chair: Id = Field(description="an opaque id of the chair")


class ConferenceScheduled(Message):
    """A conference was arranged, or moved: the same message again with the new time."""

    starts_at: AwareDatetime
    which: Which = "initial"


class InvitationsRequested(Message):
    """All attendees are entered, and the invitations are asked for."""

    attendees: tuple[RoleName, ...] = Field(min_length=1, max_length=40, description="the roles that are invited")


class ReportSharingDecided(Message):
    """Whether the conference report is shared with the parents, decided with the police and the chair."""

    share: bool
    with_police: bool = Field(False, description="the police were consulted")
    with_chair: bool = Field(False, description="the chair was consulted")
    reason: Reason | None = Field(None, description="where it is not shared: why")

    @model_validator(mode="after")
    def _consulted(self) -> "ReportSharingDecided":
        if not (self.with_police and self.with_chair):
            raise ValueError("with_police, with_chair: this is decided with the police and the chair; say both were")
        if not self.share and not self.reason:
            raise ValueError("reason: say why the report is not shared")
        return self


class ConferenceDisputed(Message, sent_by=ANYONE):
    """Another agency is seriously concerned that no conference is held, and asks for one."""

    answer_by: date = Field(description="when it is to be answered: as soon as the child's safety needs")


class ConferenceDisputeResolved(Message, sent_by=PRACTITIONERS):
    """The dispute was answered: the decision stays, or a conference is called."""

    outcome: Literal["maintained", "conference called"]
    reason: Reason


class ReportShared(Message):
    """The report for a conference was shared with the family, or sent to the conference service."""

    to: Literal["family", "conference service"]
    which: Which = "initial"


class ConferenceRequestsSent(Message):
    """The remaining requests for a conference were sent."""

    which: Which = "initial"


class InitialConferenceHeld(Message):
    """The initial child protection conference was held, and what it decided for this child."""

    plan: bool = Field(description="the child is the subject of a child protection plan")
    categories: tuple[Literal["neglect", "physical", "sexual", "emotional"], ...] = Field(
        (), max_length=4, description="the categories of abuse of the plan"
    )
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    first_core_group_at: AwareDatetime | None = Field(None, description="as set at the conference")
    first_review_at: AwareDatetime | None = Field(None, description="as set at the conference")
    services_considered: bool | None = Field(None, description="where no plan is made: were services considered")

    @model_validator(mode="after")
    def _categorised(self) -> "InitialConferenceHeld":
        if self.plan and not self.categories:
            raise ValueError("categories: a plan has at least one of neglect, physical, sexual, emotional")
        return self


# --- Plan -----------------------------------------------------------------------------------------------------


class CoreGroupHeld(Message):
    """The core group met."""

    attended_by: tuple[RoleName, ...] = Field((), max_length=40)


class CoreGroupRecordDistributed(Message):
    """The record of a core group was distributed to its members."""


class CoreGroupMinutesSent(Message):
    """The minutes of the last core groups went out before a review."""

    to: Literal["family", "conference service"]
    minutes: Annotated[int, Field(ge=0, le=2)] = Field(2, description="of how many core groups")
    reason: Reason | None = Field(None, description="why of fewer than two")

    @model_validator(mode="after")
    def _two_or_reason(self) -> "CoreGroupMinutesSent":
        if self.minutes < 2 and not self.reason:
            raise ValueError("reason: the minutes of two core groups are sent; say why of fewer")
        return self


class NextActionSent(Message, sent_by=MANAGERS):
    """After a strategy discussion ended without further action, the manager sent the next action of other work."""

    to: Literal["assessment", "child in need", "looked after"]
    worker: Id = Field(description="an opaque id of the worker it was sent to")


class ReviewReportCompleted(Message):
    """The report for the review conference was completed."""


class ReviewConferenceHeld(Message):
    """A review conference was held, and whether the plan goes on."""

    decision: Literal["continue", "change", "end"]
    attended_by: tuple[RoleName, ...] = Field((), max_length=40)
    wishes_sought: bool | None = Field(None, description="the child's wishes and feelings were sought")
    support: Reason | None = Field(None, description="where the plan ends: the support that is in place afterwards")


class StepDownConsidered(Message):
    """Stepping down from the plan is considered: the discussion with the manager is asked for."""

    reason: Reason | None = None


class StepDownAgreed(Message):
    """The plan ends: the child steps down from child protection."""

    support: Reason = Field(description="the support that is in place afterwards")


# --- Authorisation --------------------------------------------------------------------------------------------


class Authorisation(Message):
    """A decision on a request: authorise it, or return it with a reason. Nobody authorises their own."""

    request: Id
    decision: Literal["authorise", "return"]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _returned_with_reason(self) -> "Authorisation":
        if self.decision == "return" and not self.reason:
            raise ValueError("reason: say why it is returned, so that it can be put right")
        return self


class RequestReassigned(Message):
    """A request was given to another person who may decide it."""

    request: Id
    to: Id = Field(description="an opaque id of the person")


class RequestFinished(Message, sent_by=CASEWORKERS):
    """The step was finished, after its request was authorised; only then does it take effect."""

    request: Id


# --- Any time -------------------------------------------------------------------------------------------------


class ImmediateProtectionTaken(Message, sent_by=ANYONE):
    """Somebody acted at once to make the child safe. It waits for nobody's authorisation."""

    power: Literal["none", "emergency protection order", "police powers of protection"] = "none"
    others_considered: bool | None = Field(None, description="whether other children need protection was considered")
    reason: Reason | None = Field(None, description="why police powers rather than an order")

    @model_validator(mode="after")
    def _justified(self) -> "ImmediateProtectionTaken":
        if self.power == "police powers of protection" and not self.reason:
            raise ValueError("reason: say why police powers were used rather than an order of the court")
        return self


class InformationWithheld(Message, sent_by=PRACTITIONERS):
    """Something is kept from the family, on a ground; what must be shared with them is suspended meanwhile."""

    ground: Ground


class InformationReleased(Message, sent_by=PRACTITIONERS):
    """The ground for keeping something from the family is gone."""


class CircumstanceRecorded(Message, sent_by=ANYONE):
    """Something about the child or the family began, or is no longer so."""

    what: Circumstance
    holds: bool = Field(True, description="false: it is no longer so")


class ChildBorn(Message):
    """The child was born: the rules for a child who can be seen begin."""

    date_of_birth: date


class ChildDied(Message, sent_by=PRACTITIONERS):
    """The child died: what was to be done for this child ends, and other children are considered."""

    abuse_or_neglect_suspected: bool
    other_children: bool = Field(description="there are other children in the household")


class HouseholdChildIdentified(Message):
    """Another child of the household, of an alleged perpetrator's household, or elsewhere."""

    person: Id = Field(description="that child's own id in the system of record")
    action_needed: bool = Field(description="whether that child needs protection too; it was considered")


class HouseholdChildSpokenTo(Message, sent_by=ANYONE):
    """The police or Children's Social Care communicated directly with another child of the household."""

    person: Id


class CaseLinked(Message):
    """This case belongs together with another child's."""

    reference: Id = Field(description="the other case's reference")


class UrgentMedicalNeedFound(Message, sent_by=ANYONE):
    """The child appears to be in urgent need of medical attention. It waits for no meeting."""


class MedicalConsentRecorded(Message, sent_by=ANYONE):
    """Who gave or refused consent to a medical assessment, and how."""

    source: Literal[
        "young person aged 16 or 17",
        "competent child",
        "parental responsibility",
        "local authority under a care order",
        "local authority under section 20",
        "high court",
        "family court",
    ]
    given: bool
    examined_on: date = Field(description="the day of the examination: the child's age then counts")
    how: Literal["written", "verbal"] = "written"
    understanding_assessed: bool = Field(False, description="a doctor assessed the child's understanding")
    mental_health_doubt: bool = Field(False, description="the young person's mental health casts doubt on it")
    parent_permission_sought: bool | None = Field(None, description="under 16: a parent's permission was sought")
    reason: Reason | None = Field(None, description="section 20: abandoned, or the parents lack capacity")


class EmergencyTreatmentGiven(Message, sent_by=ANYONE):
    """A doctor treated the child in an emergency without a parent's permission."""

    child_consented: bool


class ReassessmentArranged(Message):
    """The child's health and development are assessed again regularly, by somebody named."""

    next_on: date
    responsible: RoleName


class ComplaintMade(Message, sent_by=ANYONE):
    """A parent objected or complained during the enquiry. Complaint and response are both recorded."""


class DutyDone(Message, sent_by=ANYONE):
    """Something the procedure asks for, for which there is no message of its own, was done."""

    duty: Id = Field(description="the timescale's name, as `s47 show` has it")


class DutyDeparted(Message, sent_by=PRACTITIONERS):
    """Something that should be done is not done, for a reason. What must be done cannot be departed from."""

    duty: Id
    reason: Reason


class ActionCompleted(Message, sent_by=ANYONE):
    """An action agreed at a strategy discussion was done."""

    action: Id = Field(description="the deadline's id, such as action-2")


class FormCompleted(Message, sent_by=ANYONE):
    """A form, record or document was completed, with the contents it must have."""

    form: Id = Field(description="the form's name in the procedure")
    contents: tuple[Annotated[str, StringConstraints(min_length=2, max_length=300)], ...] = Field(
        (), max_length=30, description="what it contains, as the procedure names it"
    )
    signed: bool = Field(False, description="it is signed and dated by who has to sign it")


class PromptAnswered(Message):
    """A practice duty was checked off, or not, with the reason."""

    prompt: Id = Field(description="the prompt's name in the procedure")
    answer: bool
    reason: Reason | None = None

    @model_validator(mode="after")
    def _no_with_reason(self) -> "PromptAnswered":
        if not self.answer and not self.reason:
            raise ValueError("reason: say why not")
        return self


class BankHolidayProclaimed(Message, sent_by=ANYONE):
    """A new bank holiday was proclaimed: what is running is counted again."""

    day: date


class ProcedureAdopted(Message, sent_by=MANAGERS):
    """The case moves to another version of its procedure, or to another procedure, from now on."""

    procedure: Procedure


class ReasonRecorded(Message):
    """Why something that should have been done was not, or was done late."""

    deadline: Id
    reason: Reason
