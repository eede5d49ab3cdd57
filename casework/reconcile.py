"""What has changed since the case last spoke: the differences between a story and what was announced, as effects.

This is the only source of effects. Each thing is announced once, and nothing changes without an entry: a limit that
moves, a duty that is owed again, a request that nobody needs to decide any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casework.calendar import local_date, spoken_instant
from casework.case import Announced, AnnouncedDeadline, AnnouncedRequest, occasion
from casework.deadlines.change import GRACE
from casework.deadlines.rungs import Rung, RungKind, request_rungs, rungs_of
from casework.effects import Effect, Entry, Forwarded, Notice, NoticeKind
from casework.facts import Fact
from casework.story import Deadline, DeadlineState, Request, RequestState, Story
from casework.telling import Line, NoticeDue, Result


@dataclass
class Turn:
    """One turn of a case: the story as it stands at `now` (UTC), the effects of the turn, and all that is announced.

    `fact` is the one that is being recorded; none where time has passed.
    """

    reference: str
    episode: int
    now: datetime
    story: Story
    announced: Announced
    fact: Fact | None = None
    effects: list[Effect] = field(default_factory=list)

    def announce(self, **fields: Any) -> None:
        """Replace these fields of what is announced."""
        self.announced = self.announced.changed(**fields)

    def entry(
        self, text: str, cites: tuple[str, ...] = (), at: datetime | None = None, *, time_passed: bool = False
    ) -> None:
        """Write an entry of the chronology. `time_passed`: nobody reported it, even if a fact is being recorded."""
        fact = None if time_passed else self.fact
        message = fact.message if fact else None
        self.announce(entries=self.announced.entries + 1)
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

    def notify(
        self,
        kind: NoticeKind,
        role: str,
        text: str,
        *,
        person: str | None = None,
        deadline: str | None = None,
        request: str | None = None,
    ) -> None:
        """Send a role a notice; where the child is allocated to a person in that role, send it to them.

        A role that only an earlier procedure had is replaced by the one that acts now.
        """
        role = self.story.procedure.role_named(role) or self.story.acting
        if person is None and request is None and role == self.story.procedure.allocated_role:
            person = self.story.allocated_to
        self.announce(notices=self.announced.notices + 1)
        self.effects.append(
            Notice(
                id=f"{self.reference}.{self.episode}.{self.announced.notices}",
                kind=kind,
                to=role,
                person=person,
                text=text,
                at=self.now,
                deadline=deadline,
                request=request,
            )
        )

    def first_time(self, key: str) -> bool:
        """Whether nothing was announced on this occasion yet; from now on something is."""
        token = occasion(key)
        if token in self.announced.occasions:
            return False
        self.announce(occasions=(*self.announced.occasions, token))
        return True


def reconcile(
    turn: Turn, before: Story, result: Result, lines: Iterable[Line] = (), withdrawn: Iterable[NoticeDue] = ()
) -> None:
    """Announce what has changed. `lines` are those of the fact that is being recorded.

    `withdrawn` are notices that followed from facts that no longer count: those who had them are told so.
    """
    for line in lines:
        turn.entry(line.text, line.cites, line.at)
    if result.story.of_age and not before.of_age:
        text = "The child turned 18: everything due to them as a child has ended (Children Act 1989, section 105)"
        turn.entry(text, time_passed=True)
    _announce_deadlines(turn, before)
    _announce_requests(turn, before)
    _announce_occasions(turn, result)
    for notice in withdrawn:
        if notice.kind is NoticeKind.TOLD and turn.first_time(f"{notice.key}:withdrawn"):
            turn.notify(NoticeKind.CORRECTED, notice.to, f"This was recorded in error. Please disregard: {notice.text}")
    for deadline in turn.story.running_deadlines:
        _announce_deadline_rungs(turn, deadline)
    for request in turn.story.waiting_requests:
        _announce_request_rungs(turn, request)
    turn.announce(until=turn.now)


# --- Deadlines ----------------------------------------------------------------------------------------------------


def _announce_deadlines(turn: Turn, before: Story) -> None:
    announced = dict(turn.announced.deadlines)
    for name, deadline in turn.story.deadlines.items():
        last = announced.get(name)
        if last is None or (last.due, last.state, last.closed, last.met) != _standing(deadline):
            _announce_limit(turn, deadline, last)
            _announce_state(turn, deadline, last)
            announced[name] = _as_announced(turn, deadline, last)
        with_miss = announced[name].with_miss(deadline)
        if before.deadlines.get(name) != with_miss:
            turn.effects.append(with_miss)
    for name, last in announced.items():
        if name not in turn.story.deadlines and not last.gone:
            if name in before.deadlines:
                _announce_gone(turn, before.deadlines[name])
            announced[name] = last.changed(state=DeadlineState.ENDED, closed=True, gone=True)
    turn.announce(deadlines=announced)


def _standing(deadline: Deadline) -> tuple[datetime | None, DeadlineState, bool, datetime | None]:
    """What is announced of a deadline: its limit, its state, whether it is closed, and when it was met."""
    state = deadline.state
    if state is DeadlineState.OVERDUE and deadline.closed_at is None:
        state = DeadlineState.OPEN  # that it is missed is a rung of its own
    return deadline.due, state, deadline.closed_at is not None, deadline.met_at


def _as_announced(turn: Turn, deadline: Deadline, last: AnnouncedDeadline | None) -> AnnouncedDeadline:
    due, state, closed, met = _standing(deadline)
    heard = last.heard if last else ()
    if last is None or last.due != due:  # no reminder is sent after its time
        early = (RungKind.REMINDER, RungKind.WINDOW_OPENS)
        past = [
            rung.key for rung in _deadline_rungs(turn.story, deadline) if rung.kind in early and rung.at <= turn.now
        ]
        heard = tuple(dict.fromkeys((*heard, *past)))
    missed = last.missed if last else None
    return AnnouncedDeadline(due=due, state=state, closed=closed, met=met, missed=missed, heard=heard)


def _announce_limit(turn: Turn, deadline: Deadline, last: AnnouncedDeadline | None) -> None:
    """A new deadline, or another limit than was announced."""
    duty, due = deadline.duty, deadline.spoken_due
    if last is None:
        withheld = deadline.state is DeadlineState.WITHHELD
        remark = f", withheld ({deadline.because})" if withheld else " (provisional)" if deadline.provisional else ""
        turn.entry(f"{duty}: due {due}{remark}", deadline.cites)
    elif last.due != deadline.due:
        was_on = local_date(last.due - GRACE) if last.due is not None and deadline.on is not None else None
        was = deadline.changed(due=last.due, on=was_on, window_opens=None, no_amount="no date")
        text = f"{duty}: moved from {was.spoken_due} to {due}"
        turn.entry(text, deadline.cites)
        turn.notify(NoticeKind.MOVED, deadline.owner, text, deadline=deadline.id)


def _announce_state(turn: Turn, deadline: Deadline, last: AnnouncedDeadline | None) -> None:
    """A deadline that was met, withheld, ended or opened again since, or that was met at another time."""
    duty, due = deadline.duty, deadline.spoken_due
    _, state, closed, met = _standing(deadline)
    before, closed_before = (last.state, last.closed) if last else (DeadlineState.OPEN, False)
    if (state, closed) == (before, closed_before):
        if last is not None and met is not None and last.met is not None and last.met != met:
            corrected = f"{spoken_instant(met)} (corrected from {spoken_instant(last.met)})"
            turn.entry(f"{duty}: {state.value}, {corrected}", deadline.cites, met)
        return
    match state:
        case DeadlineState.MET | DeadlineState.MET_LATE:
            assert met is not None
            missed = last is not None and last.missed is not None and state is DeadlineState.MET
            remark = " (it was first recorded as missed)" if missed else ""
            turn.entry(f"{duty}: {state.value}, {spoken_instant(met)}{remark}", deadline.cites, met)
        case DeadlineState.WITHHELD if last is not None:
            turn.entry(f"{duty}: withheld ({deadline.because})", deadline.cites)
        case DeadlineState.ENDED:
            turn.entry(f"{duty}: no longer due ({deadline.because})", deadline.cites)
        case DeadlineState.OVERDUE:
            turn.entry(f"{duty}: not done ({deadline.because})", deadline.cites)
        case DeadlineState.OPEN if before is DeadlineState.WITHHELD:
            turn.entry(f"{duty}: no longer withheld, due {due}", deadline.cites)
        case DeadlineState.OPEN if closed_before:
            turn.entry(f"{duty}: due again, by {due}", deadline.cites)
            turn.notify(NoticeKind.MOVED, deadline.owner, f"Due again: {duty}, by {due}", deadline=deadline.id)


def _announce_gone(turn: Turn, deadline: Deadline) -> None:
    """A deadline that never was owed: what it was counted from was withdrawn."""
    because = "what it counted from was recorded in error"
    turn.entry(f"{deadline.duty}: no longer due ({because})", deadline.cites)
    if deadline.closed_at is None:
        turn.notify(NoticeKind.MOVED, deadline.owner, f"No longer due: {deadline.duty}", deadline=deadline.id)
    gone = deadline.changed(state=DeadlineState.ENDED, closed_at=turn.now, met_at=None, because=because)
    turn.effects.append(gone)


# --- Requests -----------------------------------------------------------------------------------------------------


def _announce_requests(turn: Turn, before: Story) -> None:
    announced = dict(turn.announced.requests)
    for name, request in turn.story.requests.items():
        last = announced.get(name)
        if last is None or last.state != request.state.value:
            if request.state is RequestState.WITHDRAWN:
                turn.entry(f"{request.title}: withdrawn ({request.because})", request.cites)
            elif request.state is RequestState.OPEN and last is not None:
                turn.entry(f"{request.title}: waiting for a decision again", request.cites)
            announced[name] = AnnouncedRequest(state=request.state.value, since=turn.now)
        if before.requests.get(name) != request:
            turn.effects.append(request)
    for name in [name for name in announced if name not in turn.story.requests]:
        gone = before.requests.get(name)
        if gone is not None:
            because = "what asked for it was recorded in error"
            if gone.waiting:
                turn.entry(f"{gone.title}: withdrawn ({because})", gone.cites)
            turn.effects.append(gone.changed(state=RequestState.WITHDRAWN, because=because))
        del announced[name]
    turn.announce(requests=announced)


# --- Occasions ----------------------------------------------------------------------------------------------------


def _announce_occasions(turn: Turn, result: Result) -> None:
    """The notices of a story, and what else follows outside the case: each once."""
    for notice in result.notices:
        if turn.first_time(notice.key):
            turn.notify(
                notice.kind,
                notice.to,
                notice.text,
                person=notice.person,
                deadline=notice.deadline,
                request=notice.request,
            )
    for outside in result.effects:
        if turn.first_time(outside.key):
            turn.effects.append(outside.effect)
            if isinstance(outside.effect, Forwarded):
                turn.announce(forwarding=(*turn.announced.forwarding, outside.effect))


# --- Rungs --------------------------------------------------------------------------------------------------------


def _announce_deadline_rungs(turn: Turn, deadline: Deadline) -> None:
    """Reminders, the missed limit and escalations whose time has come."""
    last = turn.announced.deadlines[deadline.id]
    rungs = [rung for rung in rungs_to_come(turn.announced, turn.story, deadline) if rung.at <= turn.now]
    if not rungs:
        return
    heard = (*last.heard, *(rung.key for rung in rungs))
    missed = any(rung.kind is RungKind.DUE for rung in rungs)
    now_announced = last.changed(heard=heard, missed=deadline.due if missed else last.missed)
    turn.announce(deadlines={**turn.announced.deadlines, deadline.id: now_announced})
    if missed and last.missed != deadline.due:  # a new owner has a notice too, but it is missed only once
        text = f"{deadline.duty}: MISSED, was due {deadline.spoken_due}"
        turn.entry(text, deadline.cites, deadline.due, time_passed=True)
    late = deadline.state is DeadlineState.OVERDUE
    words = f"{deadline.duty} — due {deadline.spoken_due}"
    for rung in rungs:
        match rung.kind:
            case RungKind.DUE:
                turn.notify(NoticeKind.OVERDUE, rung.to, f"Overdue: {words}", deadline=deadline.id)
            case RungKind.ESCALATION:
                text = f"Missed by {deadline.owner}: {words}"
                turn.notify(NoticeKind.ESCALATION, rung.to, text, deadline=deadline.id)
            case RungKind.WINDOW_OPENS if not late:
                turn.notify(NoticeKind.REMINDER, rung.to, f"May be held from today: {words}", deadline=deadline.id)
            case RungKind.REMINDER if not late:
                turn.notify(NoticeKind.REMINDER, rung.to, f"Due soon: {words}", deadline=deadline.id)
            case _:
                pass  # a reminder that comes too late says less than the overdue notice beside it


def _announce_request_rungs(turn: Turn, request: Request) -> None:
    rungs = [rung for rung in request_rungs_to_come(turn.announced, turn.story, request) if rung.at <= turn.now]
    if rungs:
        turn.announce(heard=(*turn.announced.heard, *(f"{request.id}:{rung.key}" for rung in rungs)))
    for rung in rungs:
        if rung.kind is RungKind.REMINDER:
            text = f"Still waiting for you: {request.title}"
            turn.notify(NoticeKind.REMINDER, rung.to, text, person=request.assigned_to, request=request.id)
        else:
            whom = request.assigned_to or f"the {' or the '.join(request.to)}"
            text = (
                f"Not decided yet by {whom}: {request.title}. You can give it to "
                "somebody else, or back to the role: request_reassigned"
            )
            turn.notify(NoticeKind.ESCALATION, rung.to, text, request=request.id)


def _deadline_rungs(story: Story, deadline: Deadline) -> tuple[Rung, ...]:
    return rungs_of(story.procedure.timescale.get(deadline.timescale), deadline, story.bank_holidays)


def rungs_to_come(announced: Announced, story: Story, deadline: Deadline) -> list[Rung]:
    """The rungs of a deadline that are not announced yet, in order."""
    last = announced.deadlines.get(deadline.id)
    heard = last.heard if last else ()
    return [rung for rung in _deadline_rungs(story, deadline) if rung.key not in heard]


def request_rungs_to_come(announced: Announced, story: Story, request: Request) -> list[Rung]:
    """The same of a request: they count from when those who decide it could know of it, however long ago the matter
    happened."""
    last = announced.requests.get(request.id)
    since = max(request.since, last.since) if last else request.since
    rungs = request_rungs(request, since, story.bank_holidays)
    return [rung for rung in rungs if f"{request.id}:{rung.key}" not in announced.heard]
