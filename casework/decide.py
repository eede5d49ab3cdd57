"""The core's contract: what a message means for a case, what time has brought about, and when to look again.

    receive(case, message, now) -> Decided | Refused
    wake(case, now)             -> Decided
    alarms(case)                -> {deadline id: (instant, summary)}

All of them are total: no input raises. `now` is a UTC instant given by the caller.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from casework import deadlines, messages, requests
from casework.calendar import BankHolidays, spoken_instant
from casework.case import Case
from casework.conditions import all_hold, holds
from casework.effects import Decided, Notice, NoticeKind, Refused
from casework.facts import happened
from casework.messages import Message
from casework.model import Value
from casework.procedure import Answer, Gate, Procedure
from casework.stages import any_time, assessment, child, conference, duties, enquiry, medical, plan, referral, strategy
from casework.turn import Refusal, Turn
from casework.vocabulary import Stage

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of the case's own clock a message may say that something happened."""
A_CHILDHOOD = timedelta(days=19 * 366)
"""Nothing on a child's case happened longer ago than this, and nothing is set for a day further ahead."""
MESSAGE_IDS_KEPT = 500
"""How many message ids a case remembers, to count each once."""
LONGEST_QUOTATION = 500
"""Of what came from outside and was refused, so many characters are written down."""

HANDLERS: dict[type[Message], Callable[[Turn, Any], None]] = {
    messages.ReferralReceived: referral.referral_received,
    messages.NewInformationReceived: referral.new_information_received,
    messages.ScreeningDecided: referral.screening_decided,
    messages.SocialWorkerAllocated: referral.social_worker_allocated,
    messages.CaseClosed: referral.case_closed,
    messages.StrategyRequested: strategy.strategy_requested,
    messages.StrategyExtensionRequested: strategy.strategy_extension_requested,
    messages.StrategyScheduled: strategy.strategy_scheduled,
    messages.StrategyOutcome: strategy.strategy_outcome,
    messages.StrategyRecordCirculated: strategy.strategy_record_circulated,
    messages.ChildVisited: enquiry.child_visited,
    messages.VisitRecorded: enquiry.visit_recorded,
    messages.WhereaboutsUnknown: enquiry.whereabouts_unknown,
    messages.FurtherActionAgreed: enquiry.further_action_agreed,
    messages.ChildLocated: enquiry.child_located,
    messages.Section47Outcome: enquiry.section47_outcome,
    messages.AssessmentCompleted: assessment.assessment_completed,
    messages.AssessmentOverrunExplained: assessment.assessment_overrun_explained,
    messages.ConferenceServiceInformed: conference.conference_service_informed,
    messages.ConferenceRequested: conference.conference_requested,
    messages.ChairAllocated: conference.chair_allocated,
    messages.ConferenceScheduled: conference.conference_scheduled,
    messages.ReportShared: conference.report_shared,
    messages.ConferenceRequestsSent: conference.conference_requests_sent,
    messages.InitialConferenceHeld: conference.initial_conference_held,
    messages.CoreGroupHeld: plan.core_group_held,
    messages.CoreGroupRecordDistributed: plan.core_group_record_distributed,
    messages.CoreGroupMinutesSent: plan.core_group_minutes_sent,
    messages.ReviewReportCompleted: plan.review_report_completed,
    messages.ReviewConferenceHeld: plan.review_conference_held,
    messages.StepDownConsidered: plan.step_down_considered,
    messages.StepDownAgreed: plan.step_down_agreed,
    messages.Authorisation: requests.decide,
    messages.RequestReassigned: requests.reassign,
    messages.RequestFinished: requests.finish,
    messages.AssessmentEstimateProposed: assessment.assessment_estimate_proposed,
    messages.DisposalCompleted: assessment.disposal_completed,
    messages.InvitationsRequested: conference.invitations_requested,
    messages.ReportSharingDecided: conference.report_sharing_decided,
    messages.ConferenceDisputed: conference.conference_disputed,
    messages.ConferenceDisputeResolved: conference.conference_dispute_resolved,
    messages.NextActionSent: strategy.next_action_sent,
    messages.CircumstanceRecorded: any_time.circumstance_recorded,
    messages.ChildBorn: child.child_born,
    messages.ChildDied: child.child_died,
    messages.HouseholdChildIdentified: child.household_child_identified,
    messages.HouseholdChildSpokenTo: child.household_child_spoken_to,
    messages.CaseLinked: child.case_linked,
    messages.UrgentMedicalNeedFound: medical.urgent_medical_need_found,
    messages.MedicalConsentRecorded: medical.medical_consent_recorded,
    messages.EmergencyTreatmentGiven: medical.emergency_treatment_given,
    messages.ReassessmentArranged: assessment.reassessment_arranged,
    messages.ComplaintMade: any_time.complaint_made,
    messages.DutyDone: duties.duty_done,
    messages.DutyDeparted: duties.duty_departed,
    messages.DutyDateSet: duties.duty_date_set,
    messages.ActionCompleted: duties.action_completed,
    messages.FormCompleted: duties.form_completed,
    messages.PromptAnswered: duties.prompt_answered,
    messages.ImmediateProtectionTaken: any_time.immediate_protection_taken,
    messages.ProtectionPowerEnded: any_time.protection_power_ended,
    messages.InformationWithheld: any_time.information_withheld,
    messages.InformationReleased: any_time.information_released,
    messages.BankHolidayProclaimed: any_time.bank_holiday_proclaimed,
    messages.ProcedureAdopted: any_time.procedure_adopted,
    messages.ReasonRecorded: any_time.reason_recorded,
}


def unopened(reference: str, episode: int, procedure: Procedure, bank_holidays: BankHolidays) -> Case:
    """A case that waits for its referral."""
    return Case(reference=reference, episode=episode, procedure=procedure, bank_holidays=bank_holidays)


def receive(case: Case, message: Message, now: datetime) -> Decided | Refused:
    """Decide what a message means. Accepted, it changes the case; refused, nothing has changed."""
    if message.id in case.seen:
        return Decided(case=case, effects=(), duplicate=True)
    turn = Turn(case, now)
    _let_time_pass(turn)  # a limit missed before the message came stays on the record as missed
    turn.message = message
    try:
        _check(turn, message)
        HANDLERS[type(message)](turn, message)
    except Refusal as refusal:
        return Refused(reason=str(refusal))
    turn.message = None
    _let_time_pass(turn)  # the message may have started a clock that has run out already
    turn.change(seen=(*turn.case.seen, message.id)[-MESSAGE_IDS_KEPT:])
    return _decided(turn)


def wake(case: Case, now: datetime) -> Decided:
    """Decide what the passing of time has brought about."""
    turn = Turn(case, now)
    _let_time_pass(turn)
    return _decided(turn)


def alarms(case: Case) -> dict[str, tuple[datetime, str]]:
    """When each running deadline will next make itself heard, and how it is called on a timeline."""
    return {
        deadline.id: (at, f"{deadline.duty} — due {deadlines.spoken_due(deadline)}")
        for deadline in case.running_deadlines
        if (at := deadlines.alarm(deadline)) is not None
    }


def refuse_signal(case: Case, what: str, by: str | None, role: str | None, reason: str, now: datetime) -> Decided:
    """Write down that a message nobody waits on was refused, and tell its sender: it is never dropped."""
    turn = Turn(case, now)
    turn.entry(f"Refused: {_cut(what)} from {_cut(by or 'somebody unknown')}: {_cut(reason)}")
    to = (case.procedure.role_named(role) if role else None) or _acting(case)
    # Without the reason, which may repeat what was sent: a notice carries nothing of a child.
    sent = what if what in messages.MESSAGES else "that you sent"
    turn.tell(NoticeKind.REFUSED, to, f"The message {sent} was refused; the chronology of the case says why")
    return _decided(turn)


def notice_undelivered(case: Case, notice: Notice, now: datetime) -> Decided:
    """A notice that could not be delivered escalates to whoever acts at this stage; it is never only a log line.

    The escalation itself is not escalated again when it fails too: it stays in the tray and in the chronology.
    """
    turn = Turn(case, now)
    turn.entry(f"Notice {notice.id} to the {notice.to} could not be delivered")
    if notice.kind is not NoticeKind.UNDELIVERED:
        text = f"A notice did not reach the {notice.to}: {notice.id}"
        turn.tell(NoticeKind.UNDELIVERED, _acting(case), text)
    return _decided(turn)


def cancellation_refused(case: Case, now: datetime) -> Decided:
    """Somebody tried to end the case from outside; it goes on, and it is written down that they tried."""
    turn = Turn(case, now)
    turn.entry("Temporal was asked to cancel this case; it goes on, since only closing it ends a case")
    return _decided(turn)


def _acting(case: Case) -> str:
    """Who acts at this stage; of a closed case, who closed it."""
    return case.procedure.acts.get(case.stage) or case.procedure.acts[Stage.CLOSING]


def _cut(text: str) -> str:
    """What came from outside may be of any length; a line of the chronology is not."""
    return text if len(text) <= LONGEST_QUOTATION else f"{text[:LONGEST_QUOTATION]}…"


def _check(turn: Turn, message: Message) -> None:
    """What is asked of every message, whatever it says."""
    case = turn.case
    if case.closed_at is not None:
        raise Refusal(f"Case {case.reference} is closed; a new referral opens it again.")
    if case.child is None and not isinstance(message, messages.ReferralReceived):
        raise Refusal(f"Case {case.reference} has no referral yet.")
    _check_times(turn, message)
    if message.occurred_at > turn.now + CLOCK_SKEW:
        raise Refusal(
            f"occurred_at: {spoken_instant(message.occurred_at)} is in the future (now {spoken_instant(turn.now)}); "
            "say what has happened once it has."
        )
    role = requests.role_of(turn, message)
    kind = case.procedure.role[role].kind
    if kind not in message.sent_by:
        may = sorted(key for key, known in case.procedure.role.items() if known.kind in message.sent_by)
        raise Refusal(f"The {role} may not send {message.name}. It is sent by: {', '.join(may)}.")
    _check_gates(turn, message)


def _check_times(turn: Turn, message: Message) -> None:
    """A time further away than a childhood is a slip of the pen, and further still no calendar reaches."""
    for field, value in message:
        for said in _times(value):
            day = said.date() if isinstance(said, datetime) else said
            if abs(day - turn.now.date()) > A_CHILDHOOD:
                away = "longer ago" if day < turn.now.date() else "further ahead"
                raise Refusal(f"{field}: {day} is {away} than a childhood.")


def _times(value: object) -> Iterator[date]:
    """Every day and instant in a part of a message."""
    if isinstance(value, date):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _times(item)
    elif isinstance(value, Value):
        for _, part in value:
            yield from _times(part)


def _check_gates(turn: Turn, message: Message) -> None:
    """What this authority's procedure asks before it accepts this message: everything that is lacking, said at once."""
    case, said = turn.case, message.model_dump(mode="json")
    lacking = [
        f"{answer.field}: {answer.because} ({', '.join(answer.cites)})"
        for answer in case.procedure.answer
        if _applies(answer, case, message, said) and not _answered(answer, said.get(answer.field))
    ]
    lacking += [
        f"{gate.because} ({', '.join(gate.cites)})"
        for gate in case.procedure.gate
        if _applies(gate, case, message, said) and _stands_in_the_way(gate, case, said)
    ]
    if lacking:
        raise Refusal("\n".join(dict.fromkeys(lacking)))


def _applies(rule: Answer | Gate, case: Case, message: Message, said: dict[str, Any]) -> bool:
    """Whether a rule is about this message, with what it says, on this case as it stands."""
    return (
        rule.message == message.name
        and all(said.get(field) == value for field, value in rule.when.items())
        and all_hold(rule.only_if, case)
    )


def _answered(answer: Answer, given: object) -> bool:
    return given not in (None, [], "") and answer.must_be in (None, given)


def _stands_in_the_way(gate: Gate, case: Case, said: dict[str, Any]) -> bool:
    if gate.subject is not None:
        request = case.requests.get(str(said.get("request")))
        if request is None or request.subject is not gate.subject:
            return False
    if gate.while_owed is not None:
        # What is withheld from the family on a recorded ground holds nothing up.
        return any(deadline.running for deadline in deadlines.owed(case, gate.while_owed))
    return gate.needs is not None and not holds(gate.needs, case)


def _let_time_pass(turn: Turn) -> None:
    for event in deadlines.lapse(turn):
        happened(turn, event)


def _decided(turn: Turn) -> Decided:
    deadlines.forget_old(turn)
    requests.forget_old(turn)
    return Decided(case=turn.case, effects=tuple(turn.effects))
