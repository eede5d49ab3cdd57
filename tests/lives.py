"""For tests of the functional core: instants in London time, bank holidays by rule, and a case to be lived through.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import settings
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from casework import decide
from casework.calendar import LONDON, BankHolidays, end_of_day
from casework.decide import Decided
from casework.effects import Effect, Entry, Kept, Notice, NoticeKind, Refused
from casework.incoming import read
from casework.messages import Message
from casework.procedure import Procedure
from casework.procedure_files import load, shipped
from casework.stages import MESSAGES
from casework.story import Deadline, RequestState, Story
from casework.vocabulary import Kind, Stage

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "repeatable")
"""Continuous integration must not depend on chance: HYPOTHESIS_PROFILE=explore looks further, by other examples."""
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(PROFILE)


def examples(number: int) -> int:
    """So many examples of something slow, and many more when exploring."""
    return number if PROFILE == "repeatable" else 20 * number


EXAMPLE = Path(__file__).parent / "procedures"
"""The folder of the procedure E, which is the tests' own: how S47 works is tried on it, so that nothing hangs on what
any authority's procedure says."""
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
    version="by rule 2011-2045",
    dates=tuple(sorted(day for year in range(2011, 2046) for day in bank_holidays_by_rule(year))),
)
"""Bank holidays that owe nothing to the package production takes them from."""


# --- A case to be lived through -----------------------------------------------------------------------------------


def changed(procedure: Procedure, **parts: object) -> Procedure:
    """A procedure with other rules, unchecked; what was worked out of those it had does not go along."""
    bare = procedure.model_copy(update=parts)
    for worked_out in bare.__dict__.keys() - Procedure.model_fields.keys():
        del bare.__dict__[worked_out]
    return bare


def example(**more: Any) -> Procedure:
    """The example with further rules, or with something else in those that it has, as a procedure file says it:
    `example(timescale={"child-seen": {"within": "2 hours"}})`."""
    rules = load("E", [EXAMPLE]).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for part, tables in more.items():
        for name, table in tables.items():
            known = rules.setdefault(part, {}).get(name, {"cites": ["Q-01"], "source": "-", "words": "-"})
            rules[part][name] = {**known, **table}
    return Procedure.model_validate(rules)


class Life:
    """One case on the functional core, as the workflow would live it: woken at each of its alarms, told messages.

    It keeps everything that was decided, also what the case's own state forgets.
    """

    def __init__(self, procedure: str | Procedure, at: str, reference: str = "case-1") -> None:
        self.procedure = load(procedure, [EXAMPLE]) if isinstance(procedure, str) else procedure
        self.whole = decide.unopened(reference, 1, self.procedure, HOLIDAYS)
        self.now = london(at)
        self.effects: list[Effect] = []
        self.warnings: tuple[str, ...] = ()
        self._messages = 0

    @property
    def case(self) -> Story:
        """The case as it stands: its story."""
        return self.whole.story

    @property
    def deadlines(self) -> dict[str, Deadline]:
        """Every deadline of the story."""
        return self.case.deadlines

    # --- What happens ---

    def until(self, at: str | datetime) -> "Life":
        """Let time pass, with a waking at each alarm on the way."""
        end = london(at) if isinstance(at, str) else at
        assert end >= self.now, f"{end} is over already"
        while (ringing := self.next_alarm) is not None and ringing <= end:
            assert ringing > self.now, f"an alarm at {ringing} that rings again and again"
            self.now = ringing
            self._keep(decide.wake(self.whole, self.now))
        self.now = end
        self._keep(decide.wake(self.whole, self.now))
        return self

    def sleep(self, at: str) -> "Life":
        """Let time pass with no waking on the way, as when nothing ran for a while."""
        self.now = london(at)
        self._keep(decide.wake(self.whole, self.now))
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
        before = self.whole
        state_before = to_json(before)
        answer = self._tell(name, by, at, occurred_at, fields)
        if not isinstance(answer, Refused):
            raise AssertionError(f"{name} was accepted")
        assert at is not None or self.whole is before
        assert to_json(before) == state_before, f"the refused {name} altered the case"
        return answer.reason

    def _tell(
        self, name: str, by: str, at: str | None, occurred_at: str | None, fields: dict[str, Any]
    ) -> Decided | Refused:
        if at is not None:
            self.until(at)
        self._messages += 1
        fields = {**USUALLY.get(name, {}), **fields}
        role, _, person = by.partition("/")
        body = {
            "id": fields.pop("id", f"m-{self._messages}"),
            "occurred_at": london(occurred_at) if occurred_at else self.now,
            "by": {"role": role, "person": person or "somebody"},
            **{key: london(value) if key in MEETING_TIMES else value for key, value in fields.items()},
        }
        message = read(name, body)
        return message if isinstance(message, Refused) else decide.receive(self.whole, message, self.now)

    def _keep(self, decided: Decided) -> None:
        self.whole = decided.case
        self.effects += decided.effects
        self.warnings = decided.warnings

    # --- What came of it ---

    @property
    def next_alarm(self) -> datetime | None:
        return min((at for at, _ in decide.alarms(self.whole).values()), default=None)

    def all_of(self, timescale: str) -> list[Deadline]:
        """Every deadline of this timescale there ever was, in order, as it was last known."""
        return [deadline for deadline in self.deadlines.values() if deadline.timescale == timescale]

    def the(self, timescale: str, nth: int = -1) -> Deadline:
        """The last deadline of this timescale (or the nth, from 0)."""
        deadlines = self.all_of(timescale)
        assert deadlines, f"{timescale} never ran; what did: {', '.join(sorted(self.deadlines))}"
        return deadlines[nth]

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
        closed = "" if deadline.closed_at is None or deadline.state.value.startswith(("met", "ended")) else " closed"
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
    def kept(self) -> list[Kept]:
        return [effect for effect in self.effects if isinstance(effect, Kept)]

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
            and about in (None, (effect.deadline or "").partition("@")[0])
        ]

    def sent(self, kind: NoticeKind | None = None, about: str | None = None) -> list[tuple[str, str]]:
        """When (in London) and to whom those notices went."""
        notices = self.notices(kind, about)
        return [(notice.at.astimezone(LONDON).strftime("%Y-%m-%d %H:%M"), notice.to) for notice in notices]


USUALLY: dict[str, dict[str, Any]] = {"child_visited": {"seen": True}, "core_group_minutes_sent": {"minutes": 2}}
"""What a message of a test says unless it says otherwise."""
MEETING_TIMES = frozenset({"starts_at", "first_core_group_at", "first_review_at"})


SW = "social worker/sw"
ATM = "assistant team manager/atm"
TM = "team manager/tm"
IRO = "independent reviewing officer/iro"
CS = "conference service/cs"
"""The people of the example: the role they act in, and an id."""
ALONE: dict[str, Any] = {"alone": True, "unannounced": True}
"""The visit that a plan asks for."""


# --- The usual ways through a procedure ---------------------------------------------------------------------------


def referred(procedure: str | Procedure, at: str, by: str = "police/pc-1", **fields: Any) -> Life:
    """A case whose referral came at this time."""
    if "expected_date_of_birth" not in fields:
        fields.setdefault("date_of_birth", "2018-05-01")
    return Life(procedure, at).say("referral_received", by, person="child-1", source="police", **fields)


def strategy_held(strategy: str, referral: str | None = None, *, by: str | Procedure = "E", **fields: Any) -> Life:
    """By the example: referred and agreed the day before (or at that time), the strategy meeting held: S47."""
    life = referred(by, referral or f"{london(strategy) - ONE_DAY:%Y-%m-%d} 08:00", **fields)
    life.say("strategy_requested", "assistant team manager/atm")
    life.say("authorisation", "team manager/tm", request="strategy discussion", decision="authorise")
    return life.say("strategy_outcome", "social worker/sw", strategy, decision="section 47")


def conference_set(strategy: str, conference: str, **fields: Any) -> Life:
    """By the example: visited and substantiated on the day of the strategy meeting, the conference arranged."""
    life = strategy_held(strategy, **fields)
    if "expected_date_of_birth" not in fields:
        life.say("child_visited", "social worker/sw")
    life.say("section47_outcome", "social worker/sw", outcome="substantiated")
    life.say("conference_service_informed", "social worker/sw")
    return life.say("conference_scheduled", "conference service/cs", starts_at=conference)


def plan_made(strategy: str, conference: str, **fields: Any) -> Life:
    """By the example: the conference held at its time, and a plan made."""
    life = conference_set(strategy, conference, **fields)
    life.say("chair_allocated", "conference service/cs", chair="iro")
    life.say("assessment_completed", "social worker/sw")
    request = life.case.waiting_requests[-1].id
    life.say("authorisation", "team manager/tm", request=request, decision="authorise")
    return life.say(
        "initial_conference_held", "independent reviewing officer/iro", conference, plan=True, categories=["neglect"]
    )


B_QUORUM = ["lead practitioner", "health practitioner", "police"]
B_ANSWERS: dict[str, Any] = {
    "attended_by": B_QUORUM,
    "medical": "not needed",
    "reason": "Nothing was disclosed and no abuse is suspected",
    "doctor_consulted": True,
    "share_with_family": "share",
    "legal_action": False,
    "information_needed": "What the school has seen, from its safeguarding lead",
}
"""What Pan-Bedfordshire asks of every strategy discussion; what initiates section 47 names an action too."""


def strategy_on_b(referral: str, strategy: str, **fields: Any) -> Life:
    """On Pan-Bedfordshire: referred, and the strategy discussion held: section 47."""
    action = {"what": "See the child", "owner": "lead practitioner", "due": strategy[:10]}
    return referred("B", referral).say(
        "strategy_outcome",
        "lead practitioner/sw",
        strategy,
        **{"decision": "section 47", "actions": [action], **B_ANSWERS, **fields},
    )


# --- A random way through any procedure ---------------------------------------------------------------------------

NOTE = "NOTE-OF-A-WORKER"
CHILD = "PERSON-OF-THE-CHILD"
SIBLING = "PERSON-OF-A-SIBLING"
WORDS = "WORDS-OF-A-WORKER"
PRIVATE = (NOTE, CHILD, SIBLING, WORDS)
"""What no notice and no alarm may ever contain, wherever it was written."""

FIRST_DAY = datetime(2026, 1, 5, 9, tzinfo=UTC)
ABSURD_TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-12:00",
    "1969-12-31T23:59:59Z",
    "2026-04-08T10:00:00",
    "in a week",
    "",
    0,
    1e300,
    None,
)
ABSURD_DATES = ("0001-01-01", "9999-12-31", "1900-02-29", "1900-01-01", "2199-12-31", "2026-04-08T10:00:00Z", None, -1)
ABSURD_VALUES: tuple[Any, ...] = (None, "", " ", "x" * 5000, "\x00", "é́" * 40, -1, 2**70, True, [], {}, [[]], {"a": {}})
USUAL: dict[Stage, tuple[str, ...]] = {
    Stage.REFERRAL: ("screening_decided", "social_worker_allocated", "strategy_requested", "strategy_outcome"),
    Stage.ASSESSMENT: ("assessment_completed", "strategy_requested", "assessment_estimate_proposed"),
    Stage.STRATEGY: ("strategy_outcome", "strategy_outcome", "strategy_scheduled", "child_visited"),
    Stage.ENQUIRY: ("child_visited", "visit_recorded", "section47_outcome", "section47_outcome"),
    Stage.CONFERENCE: (
        "conference_service_informed",
        "conference_requested",
        "chair_allocated",
        "conference_scheduled",
        "assessment_completed",
        "report_shared",
        "invitations_requested",
        "conference_requests_sent",
        "initial_conference_held",
        "initial_conference_held",
    ),
    Stage.PLAN: (
        "child_visited",
        "core_group_held",
        "core_group_record_distributed",
        "conference_scheduled",
        "core_group_minutes_sent",
        "review_report_completed",
        "review_conference_held",
        "step_down_considered",
        "step_down_agreed",
    ),
    Stage.CLOSING: ("case_closed", "assessment_completed", "strategy_requested"),
    Stage.CLOSED: ("referral_received", "case_closed"),
}
"""What people mostly say at each stage. Whatever else there is to say comes in now and then."""
ANY_TIME = (
    "procedure_adopted",
    "information_withheld",
    "information_released",
    "bank_holiday_proclaimed",
    "whereabouts_unknown",
)


ANSWERS: dict[str, Callable[[Story], object]] = {
    "child_located": lambda case: case.missing,
    "further_action_agreed": lambda case: case.missing,
    "child_born": lambda case: case.child and not case.child.born,
    "protection_power_ended": lambda case: case.power_in_force,
    "assessment_overrun_explained": lambda case: any(d.timescale == "assessment" for d in case.overdue),
    "conference_dispute_resolved": lambda case: "decision on a conference disputed" in case.clock,
    "household_child_spoken_to": lambda case: case.household,
    "strategy_extension_requested": lambda case: any(strategy.complex for strategy in case.strategies),
    "next_action_sent": lambda case: "strategy discussion ended with no further action" in case.clock,
    "report_sharing_decided": lambda case: case.conference,
    "information_released": lambda case: case.withholding,
    "strand_ended": lambda case: case.strands,
    "request_reassigned": lambda case: case.waiting_requests,
    "recorded_in_error": lambda case: case.deadlines,
    "corrected": lambda case: case.deadlines,
    "bank_holiday_withdrawn": lambda case: " + " in case.bank_holidays.version,
    "plan_received": lambda case: case.child and not case.plan,
    "duty_departed": lambda case: any(d.no_amount for d in case.running_deadlines),
}
"""What answers something that is open."""
FORWARD: dict[tuple[str, str], Any] = {
    ("strategy_outcome", "decision"): "section 47",
    ("section47_outcome", "outcome"): "substantiated",
    ("section47_outcome", "conference"): True,
    ("initial_conference_held", "plan"): True,
    ("initial_conference_held", "categories"): ["neglect"],
    ("screening_decided", "harm_suspected"): True,
    ("strategy_outcome", "share_with_family"): "share",
    ("child_visited", "seen"): True,
    ("child_visited", "alone"): True,
    ("review_conference_held", "decision"): "continue",
}
"""The answers that lead from one stage to the next."""
SENSE, FORWARDS, ABSURD = "sense", "forwards", "absurd"


@lru_cache
def procedure_body(name: str) -> Any:
    """A procedure as a message carries it."""
    return json.loads(to_json(load(name)))


class Somebody:
    """One of the people around a case: says mostly what makes sense now, sometimes anything at all.

    `mood` is how: with sense, forwards (only what leads on to the next stage), or absurd.
    """

    def __init__(self, dice: Random, mood: str) -> None:
        self.dice = dice
        self.sense = mood != ABSURD
        self.forwards = mood == FORWARDS
        self.advice: tuple[str, str | None] | None = None
        self.insist: set[str] = set()

    def heed(self, name: str, reason: str) -> None:
        """Having been refused: do next what the reason says, or answer what it asks."""
        for word, about in re.findall(r"\b([a-z][a-z0-9_]+)(?: ([a-z][a-z0-9-]+))?", reason):
            if word in MESSAGES and "_" in word:
                self.advice = (word, about or None)
                return
        self.advice = (name, None)
        self.insist = set(re.findall(r"^([a-z_]+): ", reason, re.MULTILINE))

    def message(self, case: Story, number: int, now: datetime) -> tuple[str, dict[str, Any]]:
        """A message's name and its body, as JSON would bring it."""
        name, about = self.advice or (self._name(case), None)
        self.advice = None
        kind = MESSAGES[name]
        required = {answer.field: answer.must_be for answer in case.procedure.answer if answer.message == name}
        body = {
            key: self._field(case, name, key, field, now)
            for key, field in kind.model_fields.items()
            if (key != "moved_from" or not self.sense)  # only a correction "on the wrong child" fills it in
            if field.is_required() or key in self.insist or (key in required and self.sense) or self._often(key)
        }
        if self.sense:
            body |= {field: must_be for field, must_be in required.items() if must_be is not None}
            body |= {field: about for field in ("duty", "form") if field in kind.model_fields and about}
        body["id"] = f"m-{number}"
        body["occurred_at"] = (now - self._delay(0.1 if self.forwards else 0.4)).isoformat()
        request = case.requests.get(str(body.get("request")))
        person = request.assigned_to if request and self.dice.random() < 0.9 else None
        body["by"] = {"role": self._role(case, kind, body), "person": person or f"p-{self.dice.randrange(6)}"}
        if name == "referral_received":
            body["person"] = CHILD
            unborn = body.pop("date_of_birth", None) is None or self.dice.random() < 0.15
            born = "expected_date_of_birth" if unborn else "date_of_birth"
            body.pop("expected_date_of_birth", None)
            body[born] = str((now + timedelta(days=90 if unborn else -3000)).date())
        if name == "request_reassigned" and self.sense:
            body.pop("to" if body.get("back_to_role") else "back_to_role", None)
        if not self.sense:
            self._garble(body)
        return name, body

    def _name(self, case: Story) -> str:
        if (case.child is None or case.stage is Stage.CLOSED) and self.dice.random() < 0.9:
            return "referral_received"
        chance = self.dice.random()
        if not self.sense or (chance < 0.2 and not self.forwards):
            ends_it_all = {"case_ended"} if self.dice.random() < 0.9 else set()
            return self.dice.choice(sorted(set(MESSAGES) - ends_it_all))
        if case.waiting_requests and chance < 0.5:
            request = case.waiting_requests[0]
            return "request_finished" if request.state is RequestState.AUTHORISED else "authorisation"
        answers = [name for name, is_open in ANSWERS.items() if is_open(case)]
        if answers and chance < 0.55 and not self.forwards:
            return self.dice.choice(answers)
        if chance < 0.65 and not self.forwards:
            return self.dice.choice((*ANY_TIME, "duty_done", "form_completed", "action_completed"))
        there = [name for name, kind in MESSAGES.items() if kind.stage is case.stage]
        return self.dice.choice(USUAL.get(case.stage) or there or sorted(MESSAGES))

    def _often(self, key: str) -> bool:
        return key in ("attended_by", "review_on", "which", "plan", "conference") or self.dice.random() < 0.6

    def _delay(self, chance: float) -> timedelta:
        if self.dice.random() > chance:
            return timedelta()
        return timedelta(minutes=self.dice.choice((1, 60, 600, 1440, 3 * 1440, 20 * 1440)))

    def _role(self, case: Story, kind: type[Message], body: dict[str, Any]) -> str:
        request = case.requests.get(str(body.get("request")))
        name = kind.name
        may = [key for key in case.procedure.role if case.procedure.may_record(key, name, kind.sent_by)]
        if request is not None and self.dice.random() < 0.9:
            may = list(request.to)
        elif self.dice.random() < 0.05:
            may = list(case.procedure.role)
        asked_by = [role for rule in case.procedure.authorisation.values() for role in rule.asked_by]
        both = [role for role in may if role in asked_by]
        return self.dice.choice(both if both and self.dice.random() < 0.7 else may)

    def _field(self, case: Story, name: str, key: str, field: FieldInfo, now: datetime) -> Any:
        if self.forwards and (name, key) in FORWARD:
            return FORWARD[name, key]
        known = self._known(case, name, key, now)
        if known is not None and self.dice.random() < (0.95 if self.sense else 0.5):
            return known
        return self._value(case, field.annotation, key, now)

    def _known(self, case: Story, name: str, key: str, now: datetime) -> Any:
        """What somebody with the case before them would fill in."""
        choices: dict[str, Callable[[], list[Any]]] = {
            "note": lambda: [f"{NOTE}, at length"],
            "request": lambda: [r.id for r in case.waiting_requests][:1] or [r.id for r in case.requests.values()],
            "strategy": lambda: [s.id for s in case.strategies],
            "deadline": lambda: list(case.deadlines),
            "action": lambda: [d.id for d in case.deadlines.values() if d.timescale == "action"],
            "duty": lambda: [d.timescale for d in case.running_deadlines if d.no_amount or name == "duty_done"],
            "form": lambda: list(case.procedure.form),
            "prompt": lambda: list(case.procedure.prompt),
            "contents": lambda: [[c for form in case.procedure.form.values() for c in form.contents][:30]],
            "procedure": lambda: [procedure_body(self.dice.choice(shipped()).stem)],
            "attended_by": lambda: [self._quorum(case)],
            "person": lambda: [SIBLING],
            "owner": lambda: list(case.procedure.role),
            "responsible": lambda: list(case.procedure.role),
            "decision": lambda: ["authorise"] if name == "authorisation" else [],
            "strand": lambda: list(case.strands),
            "facts": lambda: [[self.dice.randrange(2, 30)]],
            "fact": lambda: [self.dice.randrange(1, 30)],
            "changes": lambda: [{"note": f"{NOTE}, put right"}, {"occurred_at": now.isoformat()}, {"seen": False}],
            "back_to_role": lambda: [True],
            "accepted_in_writing_on": lambda: [str((now - timedelta(days=2)).date())],
            "authority": lambda: ["Elsewhere"],
            "with_police": lambda: [True],
            "with_chair": lambda: [True],
            "minutes": lambda: [len(case.plan.core_groups_held[-2:])] if case.plan else [],
            "reason": lambda: [f"{WORDS} because"],
            "support": lambda: [f"{WORDS} and support"],
        }
        known = choices[key]() if key in choices else []
        return self.dice.choice(known) if known else None

    def _quorum(self, case: Story) -> list[str]:
        professionals = [key for key, role in case.procedure.role.items() if role.kind is not Kind.FAMILY]
        return professionals if self.dice.random() < 0.85 else self.dice.sample(professionals, 2)

    def _value(self, case: Story, annotation: Any, key: str, now: datetime) -> Any:
        """A value of the kind the field asks for."""
        origin, inside = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._value(case, inside[0], key, now)
        if origin in (Union, UnionType):
            wanted = [option for option in inside if option is not NoneType]
            return self._value(case, self.dice.choice(wanted), key, now)
        if origin is Literal:
            return self.dice.choice(inside)
        if origin is tuple:
            return [
                self._value(case, inside[0], key, now) for _ in range(self.dice.randrange(1 if self.forwards else 0, 4))
            ]
        if isinstance(annotation, type) and issubclass(annotation, StrEnum):
            return self.dice.choice(list(annotation)).value
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            fields = annotation.model_fields.items()
            return {
                name: self._known(case, "", name, now) or self._value(case, its_field.annotation, name, now)
                for name, its_field in fields
            }
        if annotation is bool:
            return self.dice.random() < 0.7
        if annotation is int:
            return self.dice.randrange(-1, 4)
        if annotation is AwareDatetime:
            return (now + timedelta(days=self.dice.randrange(-3, 120), hours=self.dice.randrange(24))).isoformat()
        if annotation is date:
            return str((now + timedelta(days=self.dice.randrange(-10, 120))).date())
        return self.dice.choice(("id-1", "id-2", "id-3", WORDS, "social worker") if key != "ask" else ("id-1",))

    def _garble(self, body: dict[str, Any]) -> None:
        """Spoil one field or two."""
        for _ in range(self.dice.randrange(1, 3)):
            key = self.dice.choice([*body, "no_such_field"])
            if key == "occurred_at" or key.endswith("_at"):
                body[key] = self.dice.choice(ABSURD_TIMES)
            elif "date" in key or key.endswith(("_by", "_on")) or key in ("day", "due"):
                body[key] = self.dice.choice(ABSURD_DATES)
            elif self.dice.random() < 0.3:
                body.pop(key, None)
            else:
                body[key] = self.dice.choice(ABSURD_VALUES)
