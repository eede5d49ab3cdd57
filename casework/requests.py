"""Authorisation: a request goes to a role; it is authorised, returned with a reason, or given to another person.

Where the procedure has it, FINISH is an act of its own after authorising. Nobody authorises their own, and nothing
is ever authorised by a timeout (Q-19).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from casework.case import Held, Request, RequestState
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.facts import happened
from casework.messages import MESSAGES, Authorisation, Message, RequestFinished, RequestReassigned
from casework.turn import Refusal, Turn
from casework.vocabulary import Event, Subject

DECIDED_KEPT = 5
"""Requests already decided that the state keeps; all of them are in the record."""

TakesEffect = Callable[[Turn, Any, datetime], None]
"""What happens once a held message is authorised: the turn, the message, and the instant of the authorisation."""

EFFECTS: dict[Subject, TakesEffect] = {}
"""By subject: filled by the stages, each for what is its own."""


def takes_effect(subject: Subject) -> Callable[[TakesEffect], TakesEffect]:
    """Mark a stage's function as what an authorised request about `subject` brings about."""

    def register(function: TakesEffect) -> TakesEffect:
        EFFECTS[subject] = function
        return function

    return register


def put_to(turn: Turn, subject: Subject, message: Message, about: str | None = None) -> None:
    """Let the message take effect: at once, or once its request is authorised, where the procedure asks for that."""
    rule = turn.case.procedure.authorisation.get(subject)
    if rule is None or not all_hold(rule.only_if, turn.case):
        EFFECTS[subject](turn, message, message.occurred_at)
        return
    asked_by = turn.message or message  # of a request that another's authorisation brings about, who gave that
    role = role_of(turn, asked_by)
    if rule.asked_by and role not in rule.asked_by:
        raise Refusal(f"{rule.title}: this is asked for by the {' or the '.join(rule.asked_by)}, not by the {role}.")
    own = asked_by.ask == asked_by.by.person and not rule.completes
    turn.refuse_if(own, "ask: nobody authorises their own; name somebody else.")
    for request in turn.case.waiting_requests:
        if request.subject is subject and request.about == about:
            _withdraw(turn, request, "asked again")
    request = Request(
        id=f"request-{turn.number('request')}",
        subject=subject,
        title=rule.title,
        cites=rule.cites,
        to=rule.authorised_by,
        assigned_to=asked_by.ask,  # whoever asks may choose whom (PD-M-02)
        asked_by=asked_by.by.person,
        asked_by_role=role,
        asked_at=turn.now,
        about=about,
        held=Held(message=message.name, body=message.model_dump(mode="json")) if rule.holds else None,
        finish=rule.finish,
    )
    turn.put_request(request)
    turn.entry(f"{rule.title}: asked of the {' or the '.join(rule.authorised_by)} ({request.id})", rule.cites)
    for to in rule.authorised_by:
        turn.tell(NoticeKind.REQUEST, to, f"Waiting for you: {rule.title}", request=request)
    if not rule.holds:
        EFFECTS[subject](turn, message, message.occurred_at)


def role_of(turn: Turn, message: Message) -> str:
    """The procedure's own key of the role a message is sent in. Refuses a role that the procedure does not have."""
    role = turn.case.procedure.role_named(message.by.role)
    if role is None:
        there_are = ", ".join(sorted(turn.case.procedure.role))
        raise Refusal(f"This procedure has no role {message.by.role!r}. Its roles are: {there_are}.")
    return role


def decide(turn: Turn, message: Authorisation) -> None:
    """Authorise a request, or return it with a reason."""
    request = _found(turn, message.request)
    if request.state is not RequestState.OPEN:
        raise Refusal(f"{request.id} ({request.title}) is {request.state.value} already.")
    role = role_of(turn, message)
    if role not in request.to:
        raise Refusal(f"{request.title}: the {' or the '.join(request.to)} decides this, not the {role}.")
    rule = turn.case.procedure.authorisation.get(request.subject)
    if message.by.person == request.asked_by and not (rule and rule.completes):
        raise Refusal(f"{request.title}: {message.by.person} asked for it; nobody authorises their own.")
    if request.assigned_to not in (None, message.by.person):
        raise Refusal(f"{request.title}: this was given to {request.assigned_to}; it can be reassigned.")
    decided = {"decided_by": str(message.by), "decided_at": message.occurred_at, "reason": message.reason}
    if message.decision == "return":
        turn.put_request(request.model_copy(update={**decided, "state": RequestState.RETURNED}))
        turn.entry(f"{request.title}: returned by the {role}", request.cites)
        turn.tell(NoticeKind.REQUEST, request.asked_by_role, f"Returned to you: {request.title}", request=request)
        return
    turn.put_request(request.model_copy(update={**decided, "state": RequestState.AUTHORISED}))
    turn.entry(f"{request.title}: authorised by the {role}", request.cites)
    if request.finish:
        turn.tell(NoticeKind.REQUEST, role, f"Authorised, now to be finished: {request.title}", request=request)
    else:
        _grant(turn, request, message.occurred_at)


def finish(turn: Turn, message: RequestFinished) -> None:
    """Finish a step whose request was authorised; only now does it take effect (D-M-05)."""
    request = _found(turn, message.request)
    role = role_of(turn, message)
    if not request.finish:
        raise Refusal(f"{request.title}: this takes effect when it is authorised; there is nothing to finish.")
    if request.state is not RequestState.AUTHORISED:
        raise Refusal(f"{request.title}: it is {request.state.value}; it can be finished once it is authorised.")
    if role not in request.to:
        raise Refusal(f"{request.title}: the {' or the '.join(request.to)} finishes this, not the {role}.")
    turn.put_request(request.model_copy(update={"state": RequestState.FINISHED}))
    turn.entry(f"{request.title}: finished by the {role}", request.cites)
    _grant(turn, request, message.occurred_at)


def reassign(turn: Turn, message: RequestReassigned) -> None:
    """Give a request to another person who may decide it."""
    request = _found(turn, message.request)
    turn.refuse_if(request.state is not RequestState.OPEN, f"{request.title} is {request.state.value} already.")
    rule = turn.case.procedure.authorisation.get(request.subject)
    own = message.to == request.asked_by and not (rule and rule.completes)
    turn.refuse_if(own, f"{message.to} asked for this; nobody authorises their own.")
    moved = request.model_copy(update={"assigned_to": message.to})
    turn.put_request(moved)
    turn.entry(f"{request.title}: given to {message.to}", request.cites)
    for role in request.to:
        turn.tell(NoticeKind.REQUEST, role, f"Waiting for you: {request.title}", request=moved)


def withdraw_all(turn: Turn, because: str) -> None:
    """What was asked on a case that ends needs no answer any more."""
    for request in turn.case.waiting_requests:
        _withdraw(turn, request, because)


def adopt(turn: Turn) -> None:
    """Put what waits to those who decide it under another procedure; what nobody decides there is to be sent again."""
    procedure = turn.case.procedure
    acting = procedure.acts[turn.case.stage]
    for request in turn.case.waiting_requests:
        rule = procedure.authorisation.get(request.subject)
        if rule is None:
            _withdraw(turn, request, f"{procedure.about.key} asks for no authorisation; send it again")
            turn.tell(NoticeKind.REQUEST, acting, f"To be sent again: {request.title}", request=request)
            continue
        asked_by = request.asked_by_role if request.asked_by_role in procedure.role else acting
        changed = {"title": rule.title, "cites": rule.cites, "to": rule.authorised_by, "asked_by_role": asked_by}
        moved = request.model_copy(update={**changed, "assigned_to": None})
        if request.to == rule.authorised_by and request.title == rule.title:
            continue
        turn.put_request(moved)
        turn.entry(f"{rule.title}: now asked of the {' or the '.join(rule.authorised_by)} ({request.id})", rule.cites)
        for to in rule.authorised_by:
            turn.tell(NoticeKind.REQUEST, to, f"Waiting for you: {rule.title}", request=moved)


def forget_old(turn: Turn) -> None:
    """Keep the state small: the last decided requests are enough."""
    decided = [request.id for request in turn.case.requests.values() if not request.waiting]
    gone = set(decided[:-DECIDED_KEPT])
    if gone:
        turn.change(requests={key: r for key, r in turn.case.requests.items() if key not in gone})


def _withdraw(turn: Turn, request: Request, because: str) -> None:
    turn.put_request(request.model_copy(update={"state": RequestState.WITHDRAWN, "reason": because}))
    turn.entry(f"{request.title}: withdrawn ({because})", request.cites)


def _grant(turn: Turn, request: Request, at: datetime) -> None:
    if request.held is not None:
        held = MESSAGES[request.held.message].model_validate(request.held.body)
        EFFECTS[request.subject](turn, held, at)
    announced = AUTHORISED.get(request.subject)
    if announced:
        happened(turn, announced, at, scope=request.about)


AUTHORISED: dict[Subject, Event] = {
    Subject.STRATEGY_RECORD: Event.STRATEGY_RECORD_AUTHORISED,
    Subject.CONFERENCE_RECORD: Event.CONFERENCE_RECORD_AUTHORISED,
    Subject.INVITATIONS: Event.INVITATIONS_SENT,
    Subject.MINUTES: Event.MINUTES_FINISHED,
    Subject.STEP_DOWN: Event.STEP_DOWN_AUTHORISED,
    Subject.REVIEW_REPORT: Event.REVIEW_REPORT_AUTHORISED,
}
"""What a granted request is as an event that rules may name."""


def _found(turn: Turn, request_id: str) -> Request:
    request = turn.case.requests.get(request_id)
    if request is None:
        waiting = ", ".join(f"{r.id} ({r.title})" for r in turn.case.waiting_requests) or "none"
        raise Refusal(f"There is no request {request_id}. Waiting: {waiting}.")
    return request
