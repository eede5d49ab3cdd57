"""What came of a rehearsal: the documented JSON, and how it is held against what the scenario expects."""

import itertools
from collections.abc import Sequence
from datetime import date, datetime

from casework.calendar import LONDON
from casework.case import Case
from casework.effects import Entry, Notice, NoticeKind
from casework.model import Value
from casework.story import Deadline
from starter.rehearsal.scenario import Expected, Scenario


class SentMessage(Value):
    """One message of the scenario and its answer."""

    number: int
    occurred_at: datetime
    told_at: datetime
    by: str
    message: str
    accepted: bool
    reason: str | None


class Move(Value):
    """A due date that moved. It never does so silently."""

    from_due: datetime | None
    to_due: datetime | None


class DeadlineLife(Value):
    """One deadline from opening to end. Instants are UTC; `due_on` is the London day of a date-type limit."""

    id: str
    timescale: str
    nth: int
    cites: tuple[str, ...]
    duty: str
    owner: str
    counted_from: datetime
    counted_from_event: str | None
    opened_at: datetime
    due: datetime | None
    due_on: date | None
    due_local: str | None
    window_opens: date | None
    reading: str | None
    other_reading_on: date | None
    state: str
    met_at: datetime | None
    breached_at: datetime | None
    closed_at: datetime | None
    because: str | None
    moves: tuple[Move, ...]


class Check(Value):
    """Something the scenario expects, whether it is so, and what was found."""

    expected: str
    found: str
    holds: bool


class Rehearsed(Value):
    """A rehearsal, whole."""

    title: str
    procedure: str
    procedure_fingerprint: str
    bank_holidays: str
    stage: str
    waiting_for: tuple[str, ...]
    messages: tuple[SentMessage, ...]
    deadlines: tuple[DeadlineLife, ...]
    notices: tuple[Notice, ...]
    entries: tuple[Entry, ...]
    checks: tuple[Check, ...]

    @property
    def as_expected(self) -> bool:
        """Whether everything the scenario expects is so."""
        return all(check.holds for check in self.checks)


def life_of(snapshots: Sequence[Deadline], nth: int) -> DeadlineLife:
    """A deadline's life, from what was recorded of it, in order; the nth of its timescale."""
    last = snapshots[-1]
    moves = tuple(
        Move(from_due=before.due, to_due=after.due)
        for before, after in itertools.pairwise(snapshots)
        if before.due != after.due
    )
    local = last.due.astimezone(LONDON).replace(tzinfo=None).isoformat(timespec="minutes") if last.due else None
    return DeadlineLife(
        id=last.id,
        timescale=last.timescale,
        nth=nth,
        cites=last.cites,
        duty=last.duty,
        owner=last.owner,
        counted_from=last.counted_from,
        counted_from_event=last.counted_from_event,
        opened_at=snapshots[0].opened_at,
        due=last.due,
        due_on=last.on,
        due_local=last.on.isoformat() if last.on else local,
        window_opens=last.window_opens,
        reading=last.reading,
        other_reading_on=last.other_reading_on,
        state=last.state,
        met_at=last.met_at,
        breached_at=last.breached_at,
        closed_at=last.closed_at,
        because=last.because,
        moves=moves,
    )


def held_against(
    scenario: Scenario,
    case: Case,
    messages: Sequence[SentMessage],
    lives: Sequence[DeadlineLife],
    notices: Sequence[Notice],
) -> tuple[Check, ...]:
    """Everything the scenario expects, held against what came of it."""
    checks = [_answer(scenario, number, message) for number, message in enumerate(messages)]
    for expected in scenario.expect:
        checks += _deadline(expected, lives)
    for timescale in scenario.absent:
        ran = [life for life in lives if life.timescale == timescale]
        checks.append(Check(expected=f"{timescale} never starts", found=f"it started {len(ran)} times", holds=not ran))
    if scenario.expect_stage is not None:
        checks.append(_same("stage", scenario.expect_stage, case.story.stage.value))
    if scenario.expect_waiting_for is not None:
        checks.append(_same("waiting for", ", ".join(scenario.expect_waiting_for), ", ".join(case.story.waiting_for)))
    if scenario.expect_overdue_notices is not None:
        overdue = sum(notice.kind is NoticeKind.OVERDUE for notice in notices)
        checks.append(_same("overdue notices", scenario.expect_overdue_notices, overdue))
    return tuple(checks)


def _same(what: str, expected: object, actual: object) -> Check:
    return Check(expected=f"{what}: {_spoken(expected)}", found=_spoken(actual), holds=expected == actual)


def _spoken(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _answer(scenario: Scenario, number: int, message: SentMessage) -> Check:
    step = scenario.message[number]
    holds = message.accepted == (step.expect == "accepted")
    if step.because is not None:
        holds = holds and step.because.casefold() in (message.reason or "").casefold()
    because = f" because … {step.because} …" if step.because else ""
    return Check(
        expected=f"message {message.number}, {step.send}: {step.expect}{because}",
        found="accepted" if message.accepted else f"refused: {message.reason}",
        holds=holds,
    )


def _deadline(expected: Expected, lives: Sequence[DeadlineLife]) -> list[Check]:
    name = f"{expected.deadline} {expected.nth}"
    life = next((life for life in lives if (life.timescale, life.nth) == (expected.deadline, expected.nth)), None)
    if life is None:
        return [Check(expected=f"{name} starts", found="it never started", holds=False)]
    checks = []
    if expected.due is not None:
        checks.append(_same(f"{name} due", expected.due[:16], life.due_local))
    if expected.other_reading is not None:
        checks.append(_same(f"{name} read the other way", expected.other_reading, life.other_reading_on))
    if expected.window_opens is not None:
        checks.append(_same(f"{name} may be held from", expected.window_opens, life.window_opens))
    if expected.state is not None:
        checks.append(_same(f"{name} state", expected.state, life.state))
    if expected.breached is not None:
        checks.append(_same(f"{name} missed at some time", expected.breached, life.breached_at is not None))
    return checks
