"""What has changed since the case last spoke: the differences between a story and what was announced, as effects.

The only source of effects. Whatever the facts turn out to mean, each thing is said once, and nothing changes unsaid:
a limit that moves, a duty that is owed again, a request that nobody needs to decide any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from casework.calendar import local_date, spoken_instant
from casework.case import Announced, Asked, Said, occasion
from casework.deadlines.change import GRACE
from casework.deadlines.rungs import Rung, RungKind, request_rungs, rungs_of
from casework.deadlines.words import spoken_due
from casework.effects import DeadlineChanged, Effect, Entry, Forwarded, Notice, NoticeKind, RequestChanged
from casework.facts import Fact
from casework.story import Deadline, DeadlineState, Request, RequestState, Story
from casework.telling import Line, Saying, Told


@dataclass
class Speaking:
    """What is being said: to whom it is said from, when, and so far."""

    reference: str
    episode: int
    now: datetime
    story: Story
    announced: Announced
    fact: Fact | None = None
    effects: list[Effect] = field(default_factory=list)

    def entry(
        self, text: str, cites: tuple[str, ...] = (), at: datetime | None = None, *, time_passed: bool = False
    ) -> None:
        """Write a line of the chronology. `time_passed`: nobody said so, whatever is being recorded."""
        fact = None if time_passed else self.fact
        message = fact.message if fact else None
        self.announced = self.announced.model_copy(update={"entries": self.announced.entries + 1})
        self.effects.append(
            Entry(
                number=self.announced.entries,
                fact=fact.number if fact else None,
                recorded_at=self.now,
                occurred_at=at or (message.occurred_at if message else self.now),
                by=str(message.by) if message else "S47",
                what=message.name if message else "time passed",
                text=text,
                cites=cites,
            )
        )

    def tell(
        self,
        kind: NoticeKind,
        to: str,
        text: str,
        *,
        person: str | None = None,
        deadline: str | None = None,
        request: str | None = None,
    ) -> None:
        """Tell a role something; where the child is allocated to a person in it, that person.

        Of a role that belonged to a procedure before this one, whoever acts now hears it.
        """
        to = self.story.procedure.role_named(to) or self.story.acting
        if person is None and request is None and to == self.story.procedure.allocated_role:
            person = self.story.allocated_to
        self.announced = self.announced.model_copy(update={"notices": self.announced.notices + 1})
        self.effects.append(
            Notice(
                id=f"{self.reference}.{self.episode}.{self.announced.notices}",
                kind=kind,
                to=to,
                person=person,
                text=text,
                at=self.now,
                deadline=deadline,
                request=request,
            )
        )


def reconcile(
    speaking: Speaking, before: Story, told: Told, lines: Iterable[Line] = (), withdrawn: Iterable[Saying] = ()
) -> None:
    """Say what has changed. `lines` are those of the fact that is being recorded.

    `withdrawn` is what was said on the ground of facts that do not count any more: whoever was told hears of it.
    """
    for line in lines:
        speaking.entry(line.text, line.cites, line.at)
    if told.story.of_age and not before.of_age:
        said = "The child turned 18: everything due to them as a child has ended (Children Act 1989, section 105)"
        speaking.entry(said, time_passed=True)
    _say_deadlines(speaking, before)
    _say_requests(speaking, before)
    _say_occasions(speaking, told)
    for saying in withdrawn:
        _say_withdrawn(speaking, saying)
    _sound(speaking)
    speaking.announced = speaking.announced.model_copy(update={"until": speaking.now})


# --- Deadlines ----------------------------------------------------------------------------------------------------


def _say_deadlines(speaking: Speaking, before: Story) -> None:
    said = dict(speaking.announced.deadlines)
    for name, deadline in speaking.story.deadlines.items():
        known = said.get(name)
        if known is None or (known.due, known.state, known.closed, known.met) != _standing(deadline):
            _say_deadline(speaking, deadline, known)
            said[name] = _now_said(speaking, deadline, known)
        as_people_know_it = _with_miss(deadline, said[name])
        if before.deadlines.get(name) != as_people_know_it:
            speaking.effects.append(DeadlineChanged(deadline=as_people_know_it))
    for name in [name for name, known in said.items() if name not in speaking.story.deadlines and not known.gone]:
        if name in before.deadlines:
            _say_gone(speaking, before.deadlines[name])
        said[name] = said[name].model_copy(update={"state": DeadlineState.ENDED, "closed": True, "gone": True})
    speaking.announced = speaking.announced.model_copy(update={"deadlines": said})


def _standing(deadline: Deadline) -> tuple[datetime | None, DeadlineState, bool, datetime | None]:
    state = deadline.state
    if state is DeadlineState.OVERDUE and deadline.closed_at is None:
        state = DeadlineState.OPEN  # that it is missed is a rung of its own
    return deadline.due, state, deadline.closed_at is not None, deadline.met_at


def _now_said(speaking: Speaking, deadline: Deadline, known: Said | None) -> Said:
    due, state, closed, met = _standing(deadline)
    heard = known.heard if known else ()
    if known is None or known.due != due:  # what is too late to be reminded of is not said
        rule = speaking.story.procedure.timescale.get(deadline.timescale)
        early = (RungKind.REMINDER, RungKind.WINDOW_OPENS)
        rungs = rungs_of(rule, deadline, speaking.story.bank_holidays)
        past = [rung.key for rung in rungs if rung.kind in early and rung.at <= speaking.now]
        heard = tuple(dict.fromkeys((*heard, *past)))
    return Said(due=due, state=state, closed=closed, met=met, missed=known.missed if known else None, heard=heard)


def _with_miss(deadline: Deadline, said: Said) -> Deadline:
    if deadline.breached_at is not None or said.missed is None or said.missed != deadline.due:
        return deadline
    return deadline.model_copy(update={"breached_at": said.missed})


def _say_deadline(speaking: Speaking, deadline: Deadline, known: Said | None) -> None:
    """What is new of a deadline: that it is owed, by when, that it moved, was met, or ended."""
    duty, due = deadline.duty, spoken_due(deadline)
    if known is None:
        withheld = deadline.state is DeadlineState.WITHHELD
        remark = f", withheld ({deadline.because})" if withheld else " (provisional)" if deadline.provisional else ""
        speaking.entry(f"{duty}: due {due}{remark}", deadline.cites)
    elif known.due != deadline.due:
        was = spoken_due(deadline.model_copy(update=_as_it_was(known.due, deadline)))
        text = f"{duty}: moved from {was} to {due}"
        speaking.entry(text, deadline.cites)
        speaking.tell(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)
    state, before = _standing(deadline)[1], known.state if known else DeadlineState.OPEN
    closed, closed_before = deadline.closed_at is not None, known.closed if known else False
    if (state, closed) == (before, closed_before):
        if known is not None and deadline.met_at is not None and known.met is not None and known.met != deadline.met_at:
            met = f"{spoken_instant(deadline.met_at)} (corrected from {spoken_instant(known.met)})"
            speaking.entry(f"{duty}: {state.value}, {met}", deadline.cites, deadline.met_at)
        return
    match state:
        case DeadlineState.MET | DeadlineState.MET_LATE:
            assert deadline.met_at is not None
            missed = known is not None and known.missed is not None and state is DeadlineState.MET
            remark = " (it was first recorded as missed)" if missed else ""
            speaking.entry(
                f"{duty}: {state.value}, {spoken_instant(deadline.met_at)}{remark}", deadline.cites, deadline.met_at
            )
        case DeadlineState.WITHHELD if known is not None:
            speaking.entry(f"{duty}: withheld ({deadline.because})", deadline.cites)
        case DeadlineState.ENDED:
            speaking.entry(f"{duty}: no longer due ({deadline.because})", deadline.cites)
        case DeadlineState.OVERDUE:
            speaking.entry(f"{duty}: not done ({deadline.because})", deadline.cites)
        case DeadlineState.OPEN if before is DeadlineState.WITHHELD:
            speaking.entry(f"{duty}: no longer withheld, due {due}", deadline.cites)
        case DeadlineState.OPEN if closed_before:
            speaking.entry(f"{duty}: due again, by {due}", deadline.cites)
            speaking.tell(NoticeKind.MOVED, deadline.owner, f"Due again: {duty}, by {due}", deadline=deadline.id)


def _as_it_was(due: datetime | None, deadline: Deadline) -> dict[str, object]:
    """A deadline's limit as it was said: of a date-type limit the day that ended then."""
    on = local_date(due - GRACE) if due is not None and deadline.on is not None else None
    return {"due": due, "on": on, "window_opens": None, "no_amount": "no date"}


def _say_gone(speaking: Speaking, deadline: Deadline) -> None:
    """A deadline whose ground was withdrawn: it never was owed."""
    ended = {
        "state": DeadlineState.ENDED,
        "closed_at": speaking.now,
        "met_at": None,
        "because": "what it counted from was recorded in error",
    }
    gone = deadline.model_copy(update=ended)
    speaking.entry(f"{deadline.duty}: no longer due ({gone.because})", deadline.cites)
    if deadline.closed_at is None:
        text = f"No longer due: {deadline.duty}"
        speaking.tell(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)
    speaking.effects.append(DeadlineChanged(deadline=gone))


# --- Requests -----------------------------------------------------------------------------------------------------


def _say_requests(speaking: Speaking, before: Story) -> None:
    said = dict(speaking.announced.requests)
    for name, request in speaking.story.requests.items():
        known = said.get(name)
        if known is None or known.state != request.state.value:
            if request.state is RequestState.WITHDRAWN:
                speaking.entry(f"{request.title}: withdrawn ({request.because})", request.cites)
            elif request.state is RequestState.OPEN and known is not None:
                speaking.entry(f"{request.title}: waiting for a decision again", request.cites)
            said[name] = Asked(state=request.state.value, since=speaking.now)
        if before.requests.get(name) != request:
            speaking.effects.append(RequestChanged(request=request))
    for name in [name for name in said if name not in speaking.story.requests]:
        gone = before.requests.get(name)
        if gone is not None:
            because = "what asked for it was recorded in error"
            withdrawn = gone.model_copy(update={"state": RequestState.WITHDRAWN, "because": because})
            if gone.waiting:
                speaking.entry(f"{gone.title}: withdrawn ({because})", gone.cites)
            speaking.effects.append(RequestChanged(request=withdrawn))
        del said[name]
    speaking.announced = speaking.announced.model_copy(update={"requests": said})


# --- Occasions ----------------------------------------------------------------------------------------------------


def _say_occasions(speaking: Speaking, told: Told) -> None:
    """What roles are told, and what else follows outside: each once, on its occasion."""
    known = set(speaking.announced.occasions)
    new: list[str] = []
    for saying in told.sayings:
        if (token := occasion(saying.key)) not in known:
            known.add(token)
            new.append(token)
            speaking.tell(
                saying.kind,
                saying.to,
                saying.text,
                person=saying.person,
                deadline=saying.deadline,
                request=saying.request,
            )
    for deed in told.deeds:
        if (token := occasion(deed.key)) not in known:
            known.add(token)
            new.append(token)
            speaking.effects.append(deed.effect)
            if isinstance(deed.effect, Forwarded):
                forwarding = (*speaking.announced.forwarding, deed.effect)
                speaking.announced = speaking.announced.model_copy(update={"forwarding": forwarding})
    if new:
        occasions = (*speaking.announced.occasions, *new)
        speaking.announced = speaking.announced.model_copy(update={"occasions": occasions})


def _say_withdrawn(speaking: Speaking, saying: Saying) -> None:
    token = occasion(f"{saying.key}:withdrawn")
    if saying.kind is NoticeKind.TOLD and token not in speaking.announced.occasions:
        occasions = (*speaking.announced.occasions, token)
        speaking.announced = speaking.announced.model_copy(update={"occasions": occasions})
        speaking.tell(NoticeKind.CORRECTED, saying.to, f"This was recorded in error. Please disregard: {saying.text}")


# --- Rungs --------------------------------------------------------------------------------------------------------


def _sound(speaking: Speaking) -> None:
    """Reminders, missed limits and escalations whose time has come."""
    for deadline in speaking.story.running_deadlines:
        _sound_deadline(speaking, deadline)
    for request in speaking.story.waiting_requests:
        _sound_request(speaking, request)


def _sound_deadline(speaking: Speaking, deadline: Deadline) -> None:
    said = speaking.announced.deadlines[deadline.id]
    rule = speaking.story.procedure.timescale.get(deadline.timescale)
    rungs = rungs_of(rule, deadline, speaking.story.bank_holidays)
    sounding = [rung for rung in rungs if rung.at <= speaking.now and rung.key not in said.heard]
    if not sounding:
        return
    missed = any(rung.kind is RungKind.DUE for rung in sounding)
    news = missed and said.missed != deadline.due  # with another owner it is told again, but it is missed once
    late = deadline.state is DeadlineState.OVERDUE
    heard = (*said.heard, *(rung.key for rung in sounding))
    update: dict[str, object] = {"heard": heard} | ({"missed": deadline.due} if missed else {})
    said = said.model_copy(update=update)
    speaking.announced = speaking.announced.model_copy(
        update={"deadlines": {**speaking.announced.deadlines, deadline.id: said}}
    )
    if news:
        missed_it = f"{deadline.duty}: MISSED, was due {spoken_due(deadline)}"
        speaking.entry(missed_it, deadline.cites, deadline.due, time_passed=True)
    words = f"{deadline.duty} — due {spoken_due(deadline)}"
    for rung in sounding:
        match rung.kind:
            case RungKind.DUE:
                speaking.tell(NoticeKind.OVERDUE, rung.to, f"Overdue: {words}", deadline=deadline.id)
            case RungKind.ESCALATION:
                text = f"Missed by {deadline.owner}: {words}"
                speaking.tell(NoticeKind.ESCALATION, rung.to, text, deadline=deadline.id)
            case RungKind.WINDOW_OPENS if not late:
                speaking.tell(NoticeKind.REMINDER, rung.to, f"May be held from today: {words}", deadline=deadline.id)
            case RungKind.REMINDER if not late:
                speaking.tell(NoticeKind.REMINDER, rung.to, f"Due soon: {words}", deadline=deadline.id)
            case _:
                pass  # a reminder that comes too late says less than the overdue notice beside it


def _sound_request(speaking: Speaking, request: Request) -> None:
    rungs = _request_rungs(speaking.announced, speaking.story, request)
    sounding = [
        rung for rung in rungs if rung.at <= speaking.now and f"{request.id}:{rung.key}" not in speaking.announced.heard
    ]
    if not sounding:
        return
    heard = (*speaking.announced.heard, *(f"{request.id}:{rung.key}" for rung in sounding))
    speaking.announced = speaking.announced.model_copy(update={"heard": heard})
    for rung in sounding:
        if rung.kind is RungKind.REMINDER:
            text = f"Still waiting for you: {request.title}"
            speaking.tell(NoticeKind.REMINDER, rung.to, text, person=request.assigned_to, request=request.id)
        else:
            whom = request.assigned_to or f"the {' or the '.join(request.to)}"
            text = (
                f"Not decided yet by {whom}: {request.title}. You can give it to "
                "somebody else, or back to the role: request_reassigned"
            )
            speaking.tell(NoticeKind.ESCALATION, rung.to, text, request=request.id)


def next_rung(case_announced: Announced, story: Story, deadline: Deadline) -> Rung | None:
    """What a deadline will make heard next; None where there is nothing more."""
    said = case_announced.deadlines.get(deadline.id)
    heard = said.heard if said else ()
    rule = story.procedure.timescale.get(deadline.timescale)
    rungs = rungs_of(rule, deadline, story.bank_holidays)
    return next((rung for rung in rungs if rung.key not in heard), None)


def _request_rungs(announced: Announced, story: Story, request: Request) -> tuple[Rung, ...]:
    """Counted from when whoever decides it could know of it, however long ago what it is about happened."""
    known = announced.requests.get(request.id)
    since = max(request.since, known.since) if known else request.since
    return request_rungs(request, since, story.bank_holidays)


def next_request_rung(case_announced: Announced, story: Story, request: Request) -> Rung | None:
    """The same of a request."""
    rungs = _request_rungs(case_announced, story, request)
    return next((rung for rung in rungs if f"{request.id}:{rung.key}" not in case_announced.heard), None)
