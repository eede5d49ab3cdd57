"""For tests of the functional core: instants in London time, bank holidays by rule, and a case to be lived through.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import settings
from pydantic_core import to_json

from casework import decide
from casework.calendar import LONDON, BankHolidays, end_of_day
from casework.case import Deadline
from casework.effects import DeadlineChanged, Decided, Effect, Entry, Notice, NoticeKind, Refused
from casework.incoming import read
from casework.procedure import Procedure
from casework.procedure_files import load

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
"""Continuous integration must not depend on chance: HYPOTHESIS_PROFILE=explore looks further, by other examples."""

ONE_DAY = timedelta(days=1)
MONDAY, SATURDAY = 0, 5


def london(words: str) -> datetime:
    """The UTC instant of `2026-04-08 10:00` as clocks in London show it."""
    return datetime.fromisoformat(words).replace(tzinfo=LONDON).astimezone(UTC)


# --- Bank holidays, by the rules they are made by -----------------------------------------------------------------


def easter_sunday(year: int) -> date:
    """Easter by the anonymous Gregorian algorithm (Meeus, Jones, Butcher)."""
    golden = year % 19
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leaps - moon + 15) % 30
    fours, ones = divmod(of_century, 4)
    to_sunday = (32 + 2 * rest + 2 * fours - epact - ones) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day0 = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day0 + 1)


def _first_monday(year: int, month: int) -> date:
    day = date(year, month, 1)
    while day.weekday() != MONDAY:
        day += ONE_DAY
    return day


def _last_monday(year: int, month: int) -> date:
    return max(day for week in range(5) if (day := _first_monday(year, month) + 7 * week * ONE_DAY).month == month)


def bank_holidays_by_rule(year: int) -> set[date]:
    """The bank holidays of England and Wales in a year: the Act of 1971, substitute days, and what was proclaimed."""
    days = {easter_sunday(year) - 2 * ONE_DAY, easter_sunday(year) + ONE_DAY, _last_monday(year, 8)}
    days.add({2020: date(2020, 5, 8)}.get(year, _first_monday(year, 5)))  # 2020: moved to VE Day
    days.add({2022: date(2022, 6, 2)}.get(year, _last_monday(year, 5)))  # 2022: moved to the Jubilee
    for fixed in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        day = fixed
        while day.weekday() >= SATURDAY or day in days:  # on a weekend: the next weekday that is free
            day += ONE_DAY
        days.add(day)
    once_only = {
        2022: {date(2022, 6, 3), date(2022, 9, 19)},  # Platinum Jubilee, State Funeral
        2023: {date(2023, 5, 8)},  # Coronation
    }
    return days | once_only.get(year, set())


HOLIDAYS = BankHolidays(
    version="by rule 2015-2045",
    dates=tuple(sorted(day for year in range(2015, 2046) for day in bank_holidays_by_rule(year))),
)
"""Bank holidays that owe nothing to the package production takes them from."""


# --- A case to be lived through -----------------------------------------------------------------------------------


class Life:
    """One case on the functional core, as the workflow would live it: woken at each of its alarms, told messages.

    It keeps everything that was decided, also what the case's own state forgets.
    """

    def __init__(self, procedure: str | Procedure, at: str, reference: str = "case-1") -> None:
        self.procedure = load(procedure) if isinstance(procedure, str) else procedure
        self.case = decide.unopened(reference, 1, self.procedure, HOLIDAYS)
        self.now = london(at)
        self.effects: list[Effect] = []
        self.deadlines: dict[str, Deadline] = {}
        self._told = 0

    # --- What happens ---

    def until(self, at: str | datetime) -> "Life":
        """Let time pass, with a waking at each alarm on the way."""
        end = london(at) if isinstance(at, str) else at
        assert end >= self.now, f"{end} is over already"
        while (ringing := self.next_alarm) is not None and ringing <= end:
            assert ringing > self.now, f"an alarm at {ringing} that rings again and again"
            self.now = ringing
            self._keep(decide.wake(self.case, self.now))
        self.now = end
        self._keep(decide.wake(self.case, self.now))
        return self

    def say(
        self, name: str, by: str, at: str | None = None, *, occurred_at: str | None = None, **fields: Any
    ) -> "Life":
        """Tell the case something (at a time in London, if not now). It has to be accepted."""
        answer = self._tell(name, by, at, occurred_at, fields)
        if isinstance(answer, Refused):
            raise AssertionError(f"{name} was refused: {answer.reason}")
        self._keep(answer)
        return self

    def refused(
        self, name: str, by: str, at: str | None = None, *, occurred_at: str | None = None, **fields: Any
    ) -> str:
        """Tell the case something that it has to refuse. Returns the reason."""
        before = self.case
        said_before = to_json(before)
        answer = self._tell(name, by, at, occurred_at, fields)
        if not isinstance(answer, Refused):
            raise AssertionError(f"{name} was accepted")
        assert at is not None or self.case is before
        assert to_json(before) == said_before, f"the refused {name} altered the case"
        return answer.reason

    def _tell(
        self, name: str, by: str, at: str | None, occurred_at: str | None, fields: dict[str, Any]
    ) -> Decided | Refused:
        if at is not None:
            self.until(at)
        self._told += 1
        role, _, person = by.partition("/")
        body = {
            "id": fields.pop("id", f"m-{self._told}"),
            "occurred_at": london(occurred_at) if occurred_at else self.now,
            "by": {"role": role, "person": person or "somebody"},
            **{key: london(value) if key in MEETING_TIMES else value for key, value in fields.items()},
        }
        message = read(name, body)
        return message if isinstance(message, Refused) else decide.receive(self.case, message, self.now)

    def _keep(self, decided: Decided) -> None:
        self.case = decided.case
        self.effects += decided.effects
        self.deadlines |= {one.deadline.id: one.deadline for one in decided.effects if isinstance(one, DeadlineChanged)}

    # --- What came of it ---

    @property
    def next_alarm(self) -> datetime | None:
        return min((at for at, _ in decide.alarms(self.case).values()), default=None)

    def all_of(self, timescale: str) -> list[Deadline]:
        """Every deadline of this timescale there ever was, in order, as it was last known."""
        found = [deadline for deadline in self.deadlines.values() if deadline.timescale == timescale]
        return sorted(found, key=lambda deadline: int(deadline.id.rpartition("-")[2]))

    def the(self, timescale: str, nth: int = -1) -> Deadline:
        """The last deadline of this timescale (or the nth, from 0)."""
        found = self.all_of(timescale)
        assert found, f"{timescale} never ran; what did: {', '.join(sorted(self.deadlines))}"
        return found[nth]

    def due(self, timescale: str, nth: int = -1) -> str:
        """When it is due: `2026-04-29`, or `2026-04-09 10:00` where it is counted in hours. In London time."""
        deadline = self.the(timescale, nth)
        if deadline.on is not None:
            assert deadline.due == end_of_day(deadline.on)
            return str(deadline.on)
        assert deadline.due is not None, f"{timescale} has no date"
        return deadline.due.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")

    def state(self, timescale: str, nth: int = -1) -> str:
        """Its state, in the words of the vocabulary; `missed` beside it where it ever was."""
        deadline = self.the(timescale, nth)
        missed = " missed" if deadline.breached_at else ""
        closed = "" if deadline.closed_at is None or deadline.state.value.startswith(("met", "canc")) else " closed"
        return deadline.state.value + closed + missed

    def never_ran(self, timescale: str) -> bool:
        """Whether the procedure has this timescale and the case never had a deadline of it."""
        assert timescale in self.procedure.timescale
        return not self.all_of(timescale)

    @property
    def running(self) -> list[str]:
        """The timescales that are owed, soonest first."""
        return [deadline.timescale for deadline in self.case.running_deadlines]

    @property
    def entries(self) -> list[Entry]:
        return [effect for effect in self.effects if isinstance(effect, Entry)]

    @property
    def lines(self) -> list[str]:
        return [entry.text for entry in self.entries]

    def notices(self, kind: NoticeKind | None = None, about: str | None = None) -> list[Notice]:
        """The notices so far: of one kind, about the deadlines of one timescale."""
        return [
            effect
            for effect in self.effects
            if isinstance(effect, Notice)
            and kind in (None, effect.kind)
            and about in (None, (effect.deadline or "").rpartition("-")[0])
        ]

    def told(self, kind: NoticeKind | None = None, about: str | None = None) -> list[tuple[str, str]]:
        """When (in London) and to whom those notices went."""
        found = self.notices(kind, about)
        return [(notice.at.astimezone(LONDON).strftime("%Y-%m-%d %H:%M"), notice.to) for notice in found]


MEETING_TIMES = frozenset({"starts_at", "first_core_group_at", "first_review_at"})


# --- The usual ways through a procedure ---------------------------------------------------------------------------


def referred(procedure: str | Procedure, at: str, by: str = "police/pc-1", **fields: Any) -> Life:
    """A case whose referral came at this time."""
    if "expected_date_of_birth" not in fields:
        fields.setdefault("date_of_birth", "2018-05-01")
    return Life(procedure, at).say("referral_received", by, person="child-1", source="police", **fields)


def strategy_on_p(strategy: str, referral: str | None = None, **fields: Any) -> Life:
    """On the process map: referred and agreed the day before (or at that time), the strategy meeting held: S47."""
    life = referred("P", referral or f"{london(strategy) - ONE_DAY:%Y-%m-%d} 08:00", **fields)
    life.say("strategy_requested", "assistant team manager/atm")
    life.say("authorisation", "team manager/tm", request="request-1", decision="authorise")
    return life.say("strategy_outcome", "social worker/sw", strategy, decision="section 47")


def conference_set_on_p(strategy: str, conference: str, **fields: Any) -> Life:
    """On the process map: visited and substantiated on the day of the strategy meeting, the conference arranged."""
    life = strategy_on_p(strategy, **fields)
    if "expected_date_of_birth" not in fields:
        life.say("child_visited", "social worker/sw")
    life.say("section47_outcome", "social worker/sw", outcome="substantiated")
    life.say("conference_service_informed", "social worker/sw")
    return life.say("conference_scheduled", "conference service/cs", starts_at=conference)


def plan_on_p(strategy: str, conference: str, **fields: Any) -> Life:
    """On the process map: the conference held at its time, and a plan made."""
    life = conference_set_on_p(strategy, conference, **fields)
    life.say("chair_allocated", "conference service/cs", chair="iro")
    life.say("assessment_completed", "social worker/sw")
    asked = life.case.waiting_requests[-1].id
    life.say("authorisation", "team manager/tm", request=asked, decision="authorise")
    return life.say(
        "initial_conference_held", "independent reviewing officer/iro", conference, plan=True, categories=["neglect"]
    )


B_QUORUM = ["lead practitioner", "health practitioner", "police"]


def strategy_on_b(referral: str, strategy: str, **fields: Any) -> Life:
    """On Pan-Bedfordshire: referred, and the strategy discussion held: section 47."""
    return referred("B", referral).say(
        "strategy_outcome",
        "lead practitioner/sw",
        strategy,
        decision="section 47",
        attended_by=B_QUORUM,
        **fields,
    )
