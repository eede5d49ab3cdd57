"""Authorisation: a request goes to a role; it is authorised, returned with a reason, or given to another person.

Where the procedure has it, FINISH is an act of its own after authorising. Nobody authorises their own, and nothing
is ever authorised by a timeout (Q-19).
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from pydantic import Field

from casework.calendar import spoken_instant
from casework.conditions import all_hold
from casework.effects import NoticeKind
from casework.facts import Granting
from casework.happening import happened
from casework.messages import CASEWORKERS, Id, Message, Reason, Ref, means, same_person
from casework.procedure import Authorisation as AuthorisationRule
from casework.story import Request, RequestState, Story
from casework.telling import Refusal, Telling
from casework.vocabulary import Event, Kind, Subject


class Authorisation(Granting):
    """A decision on a request: authorise it, or return it with a reason. Nobody can authorise their own request."""

    reason: Reason | None = None

    def mistakes(self) -> Iterator[str]:
        if self.decision == "return" and not self.reason:
            yield "reason: say why you are returning it, so that it can be put right"


class RequestReassigned(Message):
    """A request was given to another person who can decide it, or back to everybody in the role."""

    request: Ref = Field(description="The request, such as request-4, or what it is about if only one waits")
    to: Id | None = Field(None, description="The id of the person, never a name")
    back_to_role: bool = Field(False, description="Give it back to the role, so that anybody in it can decide")

    def mistakes(self) -> Iterator[str]:
        if (self.to is None) == (not self.back_to_role):
            yield "to: name the person it is given to, or give it back to the role (back_to_role). Do one of the two"


class RequestFinished(Message, sent_by=CASEWORKERS):
    """An authorised step was finished. It takes effect now."""

    request: Ref = Field(description="The request, such as request-4, or what it is about if only one waits")


ASKED_AGAIN = "asked again"

TakesEffect = Callable[[Telling, Any, datetime], None]
"""What happens once a held message is authorised: the telling, the message, and the instant of the authorisation."""

EFFECTS: dict[Subject, TakesEffect] = {}
AUTHORISED: dict[Subject, Event] = {}
"""By subject, as events that rules may name. Both are filled by the stages, each for what is its own."""


def takes_effect(subject: Subject, authorised: Event | None = None) -> Callable[[TakesEffect], TakesEffect]:
    """Mark a stage's function as what a request about `subject` brings about once it is authorised.

    `authorised` is the event that happens then.
    """

    def register(function: TakesEffect) -> TakesEffect:
        EFFECTS[subject] = function
        if authorised:
            AUTHORISED[subject] = authorised
        return function

    return register


def submit(telling: Telling, subject: Subject, message: Message, about: str | None = None) -> None:
    """Let the message take effect: at once, or once its request is authorised, where the procedure asks for that."""
    rule = telling.story.procedure.authorisation.get(subject)
    if rule is None or not all_hold(rule.only_if, telling.story):
        EFFECTS[subject](telling, message, message.occurred_at)
        return
    asked_by = telling.message or message  # of a request that another's authorisation brings about, who gave that
    role = role_of(telling, asked_by)
    telling.insist(
        rule.asked_by and role not in rule.asked_by,
        f"{rule.title}: you cannot ask for this as {role}. It is asked for by: {', '.join(rule.asked_by)}.",
        "by",
    )
    own = same_person(asked_by.ask, asked_by.by.person) and not rule.completes
    telling.insist(own, "ask: nobody can authorise their own request. Name somebody else.", "ask")
    for request in telling.story.waiting_requests:
        if request.subject is subject and request.about == about:
            withdraw(telling, request, ASKED_AGAIN)
    ask(telling, subject, rule, asked_by, about, message if rule.holds else None)
    if not rule.holds:
        EFFECTS[subject](telling, message, message.occurred_at)


def ask(
    telling: Telling,
    subject: Subject,
    rule: AuthorisationRule,
    asked_by: Message,
    about: str | None,
    held: Message | None,
) -> None:
    """Ask for a decision by this rule, as the message `asked_by` does; `held` takes effect once it is authorised."""
    procedure = telling.story.procedure
    request = Request(
        id=telling.named("request-", telling.story.requests),
        subject=subject,
        title=rule.title,
        cites=rule.cites,
        to=rule.authorised_by,
        assigned_to=asked_by.ask,  # whoever asks may choose whom (PD-M-02)
        asked_by=asked_by.by.person,
        asked_by_role=procedure.role_named(asked_by.by.role) or telling.story.acting,
        asked_at=asked_by.occurred_at,
        since=asked_by.occurred_at,
        about=about,
        held=held,
        finish=rule.finish,
        escalate=procedure.above(rule.authorised_by),
    )
    telling.put_request(request)
    until_then = ". It stays as recorded until then" if subject is Subject.CORRECTION else ""
    telling.line(f"{rule.title}: waiting for the {' or the '.join(request.to)} ({request.id}){until_then}", rule.cites)
    _notify_deciders(telling, request)


def _notify_deciders(telling: Telling, request: Request) -> None:
    for role in request.to:
        telling.notify(NoticeKind.REQUEST, role, f"Waiting for you: {request.title}", about=request)


def role_of(telling: Telling, message: Message) -> str:
    """The procedure's own key of the role a message is sent in. Refuses a role that the procedure does not have.

    What was accepted under another procedure keeps the role as it was said then.
    """
    role = telling.story.procedure.role_named(message.by.role)
    if role is None and telling.strict:
        raise Refusal(telling.story.procedure.no_role(message.by.role), "by")
    return role or message.by.role


def kind_of(telling: Telling, role: str) -> Kind | None:
    """What sort of role it is; None where this procedure does not have it."""
    rule = telling.story.procedure.role.get(role)
    return rule.kind if rule else None


@means(Authorisation)
def authorisation(telling: Telling, message: Authorisation) -> None:
    request = request_named(telling.story, message.request)
    _is_open(telling, request)
    role = role_of(telling, message)
    _may_decide(telling, request, message, role, "decided")
    telling.insist(
        request.assigned_to is not None and not same_person(request.assigned_to, message.by.person),
        f"{request.title}: this is for {request.assigned_to} to decide. "
        "To decide it yourself, first record: request_reassigned",
        "by",
    )
    request = request.changed(decided_by=str(message.by), decided_at=message.occurred_at)
    if message.decision == "return":
        telling.put_request(request.changed(state=RequestState.RETURNED))
        telling.line(f"{request.title}: returned by the {role}", request.cites)
        text = f"Returned to you: {request.title}"
        telling.notify(NoticeKind.REQUEST, request.asked_by_role, text, about=request, person=request.asked_by)
        return
    telling.put_request(request.changed(state=RequestState.AUTHORISED))
    telling.line(f"{request.title}: authorised by the {role}", request.cites)
    if request.finish:
        text = f"Authorised, and ready for you to finish: {request.title}"
        telling.notify(NoticeKind.REQUEST, role, text, about=request)
    else:
        _grant(telling, request, message.occurred_at)


@means(RequestFinished)
def request_finished(telling: Telling, message: RequestFinished) -> None:
    """Finish a step whose request was authorised; only now does it take effect (D-M-05)."""
    request = request_named(telling.story, message.request)
    telling.refuse_if(
        not request.finish, f"{request.title}: this takes effect when it is authorised, so there is nothing to finish."
    )
    telling.refuse_if(
        request.state is not RequestState.AUTHORISED,
        f"{request.title}: this is {request.state.value}. It can be finished once it is authorised.",
    )
    role = role_of(telling, message)
    _may_decide(telling, request, message, role, "finished")
    telling.put_request(request.changed(state=RequestState.FINISHED))
    telling.line(f"{request.title}: finished by the {role}", request.cites)
    _grant(telling, request, message.occurred_at)


def _may_decide(telling: Telling, request: Request, message: Message, role: str, done: str) -> None:
    telling.insist(
        role not in request.to,
        f"{request.title}: this cannot be {done} as {role}. It is {done} by: {', '.join(request.to)}.",
        "by",
    )
    rule = telling.story.procedure.authorisation.get(request.subject)
    telling.insist(
        same_person(message.by.person, request.asked_by) and not (rule and rule.completes),
        f"{request.title}: {message.by.person} asked for this, and nobody can authorise their own request.",
        "by",
    )


@means(RequestReassigned)
def request_reassigned(telling: Telling, message: RequestReassigned) -> None:
    request = request_named(telling.story, message.request)
    _is_open(telling, request)
    rule = telling.story.procedure.authorisation.get(request.subject)
    own = same_person(message.to, request.asked_by) and not (rule and rule.completes)
    telling.insist(own, f"to: {message.to} asked for this, and nobody can authorise their own request.", "to")
    moved = request.changed(assigned_to=message.to, since=message.occurred_at)
    telling.put_request(moved)
    to = message.to or f"anybody in the role: {' or '.join(request.to)}"
    telling.line(f"{request.title}: given to {to}", request.cites)
    _notify_deciders(telling, moved)


def _is_open(telling: Telling, request: Request) -> None:
    """Refuse where somebody decided it already. One that was asked again meanwhile is decided by its new number; a
    decision on the old number that was recorded before that keeps its ground."""
    asked_again = request.state is RequestState.WITHDRAWN and request.because == ASKED_AGAIN
    refuse = telling.insist if asked_again else telling.refuse_if
    when = f" (by {request.decided_by}, {spoken_instant(request.decided_at)})" if request.decided_at else ""
    already = f"{request.title} ({request.id}) is already {request.state.value}{when}."
    refuse(request.state is not RequestState.OPEN, already)


def adopt(telling: Telling) -> None:
    """Put what waits to those who decide it under another procedure; what nobody decides there is to be sent again."""
    procedure = telling.story.procedure
    acting = telling.story.acting
    for request in telling.story.waiting_requests:
        rule = procedure.authorisation.get(request.subject)
        correction = request.subject is Subject.CORRECTION
        if rule is None and not correction:
            withdraw(telling, request, f"{procedure.about.key} asks for no authorisation. Record it again")
            text = f"Please record this again: {request.title}"
            telling.notify(NoticeKind.REQUEST, acting, text, about=request)
            continue
        # A correction keeps its title, and is asked of the managers wherever a procedure does not say of whom.
        title = rule.title if rule and not correction else request.title
        to = rule.authorised_by if rule else procedure.managers or (acting,)
        if request.to == to and request.title == title:
            continue
        asked_by = request.asked_by_role if request.asked_by_role in procedure.role else acting
        cites = rule.cites if rule else ()
        moved = request.changed(title=title, cites=cites, to=to, asked_by_role=asked_by, assigned_to=None)
        telling.put_request(moved)
        telling.line(f"{title}: now waiting for the {' or the '.join(to)} ({request.id})", moved.cites)
        _notify_deciders(telling, moved)


def withdraw(telling: Telling, request: Request, because: str) -> None:
    """Nobody needs to decide a request any more."""
    telling.put_request(request.changed(state=RequestState.WITHDRAWN, because=because))


def _grant(telling: Telling, request: Request, at: datetime) -> None:
    for other in telling.story.waiting_requests:
        same = request.about is not None and (other.subject, other.about) == (request.subject, request.about)
        if other.id != request.id and same:
            withdraw(telling, other, f"decided by {request.id}")
    if request.held is not None:
        EFFECTS[request.subject](telling, request.held, at)
    if event := AUTHORISED.get(request.subject):
        happened(telling, event, at, scope=request.about)


def request_named(story: Story, name: str) -> Request:
    """The request of this name; or the only one that waits and is about this subject. Raises `Refusal`."""
    if name in story.requests:
        return story.requests[name]
    waiting = ", ".join(f"{r.id} ({r.subject.value}: {r.title})" for r in story.waiting_requests) or "none"
    about = [r for r in story.waiting_requests if r.subject.value == name.strip().casefold()]
    if len(about) == 1:
        return about[0]
    if about:
        raise Refusal(f"request: more than one request is about {name}. Name one of them: {waiting}.", "request")
    raise Refusal(
        f"request: nothing called {name!r} was waiting for a decision then. Waiting now: {waiting}.", "request"
    )
