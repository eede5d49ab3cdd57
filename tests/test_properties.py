"""What holds whatever happens: random lives under every procedure, mostly sensible, sometimes absurd.

HYPOTHESIS_PROFILE=explore looks at many more of them, and at other ones each time.
"""

from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from casework import decide, view
from casework.batch import batch_of
from casework.story import Case, Deadline, DeadlineState, RungKind
from casework.conditions import all_hold, holds
from casework.effects import DeadlineChanged, Decided, Entry, Notice, NoticeKind, Refused, sealed
from casework.incoming import read
from casework.stages import MESSAGES, Message
from casework.procedure_files import load, shipped
from casework.vocabulary import Stage
from tests.lives import ABSURD, CHILD, FIRST_DAY, FORWARDS, HOLIDAYS, NOTE, PRIVATE, SENSE, SIBLING, Somebody, examples

BASE_SETS = ("working-together",)
KEYS = [path.stem for path in shipped()]
PROCEDURES = [key for key in KEYS if key not in BASE_SETS]
COMPLETED = [f"{key}+{base}" for base in BASE_SETS if base in KEYS for key in PROCEDURES]
BOUND = 120_000
"""Bytes of JSON the state may take beside its procedure and its calendar."""

procedure_named = lru_cache(load)


class Step(NamedTuple):
    """One thing that happens, by a throw of dice of its own: a failing life shrinks by leaving steps out."""

    what: str
    dice: int


OFTEN = [FORWARDS] * 8 + [SENSE] * 6 + [ABSURD] * 2 + ["wait", "next alarm", "again", "unsent"]
STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(OFTEN),
        dice=st.integers(0, 2**32),
    ),
    min_size=20,
    max_size=70,
)


class World:
    """A case among its people. Every turn of it is checked against what always holds."""

    def __init__(self, procedure: str) -> None:
        self.procedure = procedure_named(procedure)
        self.case = decide.unopened("case-1", 1, self.procedure, HOLIDAYS)
        self.roles = frozenset(self.procedure.role)
        self.now = FIRST_DAY
        self.accepted: list[tuple[Message | None, datetime]] = []
        self.entries: list[Entry] = []
        self.notices: list[Notice] = []
        self.deadlines: dict[str, Deadline] = {}
        self.moves: Counter[str] = Counter()
        self.sounded: Counter[tuple[str, int, NoticeKind]] = Counter()
        self.said = 0

    def live(self, steps: list[Step]) -> None:
        for step in steps:
            dice = Random(step.dice)
            match step.what:
                case "wait":
                    self.now += timedelta(minutes=dice.choice((1, 90, 1440, 5 * 1440, 30 * 1440, 200 * 1440)))
                    self._wake()
                case "next alarm":
                    ahead = [at for at, _ in decide.alarms(self.case).values()]
                    self.now = min(ahead, default=self.now)
                    self._wake()
                case "again" if self.accepted:
                    self._say_again(dice)
                case "unsent" if self.notices:
                    self._undelivered(dice)
                case _:
                    self.now += timedelta(minutes=dice.choice((0, 5, 60, 60, 600, 1440, 3 * 1440)))
                    self._say(dice, step.what if step.what in (SENSE, FORWARDS, ABSURD) else SENSE)

    # --- Turns ---

    def _say(self, dice: Random, mood: str) -> None:
        """Up to five tries to say something that is accepted, mostly heeding why it was not."""
        somebody = Somebody(dice, mood)
        for _ in range(1 if mood == ABSURD else 5):
            self.said += 1
            name, body = somebody.message(self.case, self.said, self.now)
            before = _own(self.case)
            message = read(name, body)
            answer = message if isinstance(message, Refused) else decide.receive(self.case, message, self.now)
            if isinstance(answer, Decided):
                assert isinstance(message, Message)
                assert answer.case.seen[-1] == message.id
                self._check_allowed(message)
                self.accepted.append((message, self.now))
                self._keep(answer)
                return
            assert answer.reason.strip()
            assert _own(self.case) == before, f"{name}, refused, altered the case"
            if dice.random() < 0.8:
                somebody.heed(name, answer.reason)
            if dice.random() < 0.1:
                self._refused_signal(name, body, answer.reason)

    def _refused_signal(self, name: str, body: Any, reason: str) -> None:
        by = body.get("by") if isinstance(body.get("by"), dict) else {}
        role, person = by.get("role"), by.get("person")
        decided = decide.refuse_signal(
            self.case,
            name,
            person if isinstance(person, str) else None,
            role if isinstance(role, str) else None,
            reason,
            self.now,
        )
        assert any(notice.kind is NoticeKind.REFUSED for notice in decided.effects if isinstance(notice, Notice))
        self._check_effects(decided)
        assert decided.case.model_copy(update=_chronology(self.case)) == self.case, (
            "a refusal changed more than the log"
        )

    def _wake(self) -> None:
        self.accepted.append((None, self.now))
        self._keep(decide.wake(self.case, self.now))
        for deadline, (at, _) in decide.alarms(self.case).items():
            assert at > self.now, f"{deadline} would ring in the past"

    def _say_again(self, dice: Random) -> None:
        message, _ = dice.choice(self.accepted)
        if message is not None:
            answer = decide.receive(self.case, message, self.now)
            assert isinstance(answer, Decided)
            assert answer.duplicate
            assert answer.case is self.case
            assert answer.effects == ()

    def _undelivered(self, dice: Random) -> None:
        decided = decide.notice_undelivered(self.case, dice.choice(self.notices), self.now)
        assert decided.effects
        self._check_effects(decided)

    def _keep(self, decided: Decided) -> None:
        before, self.case = self.case, decided.case
        self.roles = frozenset(before.procedure.role.keys() | self.case.procedure.role.keys())
        self._check_moves(before, decided)
        self._check_effects(decided)
        self._check_state(before)
        for effect in decided.effects:
            if isinstance(effect, Entry):
                self.entries.append(effect)
            elif isinstance(effect, Notice):
                self.notices.append(effect)

    # --- What always holds ---

    def _check_allowed(self, message: Message) -> None:
        """Nothing is accepted that the procedure forbids: not from this role, not past this gate, not unanswered."""
        case, procedure = self.case, self.case.procedure
        role = procedure.role_named(message.by.role)
        assert role is not None
        assert procedure.role[role].kind in message.sent_by
        said = message.model_dump(mode="json")
        for gate in procedure.gate:
            meant = gate.message == message.name and all(said[field] == value for field, value in gate.when.items())
            if meant and gate.needs is not None and gate.subject is None and all_hold(gate.only_if, case):
                assert holds(gate.needs, case), f"{message.name} was accepted although: {gate.because}"
        for answer in procedure.answer:
            meant = answer.message == message.name and all(said[field] == value for field, value in answer.when.items())
            if meant and all_hold(answer.only_if, case):
                assert said[answer.field] not in (None, [], ""), f"{message.name} left {answer.field} open"
                assert answer.must_be in (None, said[answer.field])

    def _check_effects(self, decided: Decided) -> None:
        """The chronology is one sealed chain; notices have ids of their own and hold nothing private."""
        seal, number = (self.entries[-1].seal, self.entries[-1].number) if self.entries else ("", 0)
        told = {notice.id for notice in self.notices}
        for effect in decided.effects:
            if isinstance(effect, Entry):
                assert effect.number == number + 1
                assert effect == sealed(effect, seal)
                seal, number = effect.seal, effect.number
                assert not any(word in effect.text for word in (NOTE, CHILD, SIBLING)), effect.text
            elif isinstance(effect, Notice):
                assert effect.id not in told
                told.add(effect.id)
                assert effect.to in self.roles, f"nobody holds {effect.to}: {effect.text}"
                assert not any(word in effect.text for word in PRIVATE), effect.text
        assert decided.case.seal == seal
        batch_of(decided.case, decided.effects, 1)

    def _check_moves(self, before: Case, decided: Decided) -> None:
        """A due date that moves says so; a limit is heard of once; what is closed stays closed."""
        entries = [effect.text for effect in decided.effects if isinstance(effect, Entry)]
        moved_notices = [e for e in decided.effects if isinstance(e, Notice) and e.kind is NoticeKind.MOVED]
        for effect in decided.effects:
            if isinstance(effect, DeadlineChanged):
                self._check_change(effect.deadline, entries, moved_notices)
            elif isinstance(effect, Notice) and effect.kind in (NoticeKind.OVERDUE, NoticeKind.ESCALATION):
                assert effect.deadline is not None
                key = (effect.deadline, self.moves[effect.deadline], effect.kind)
                self.sounded[key] += 1
                rungs = self.deadlines[effect.deadline].rungs
                kind = RungKind.DUE if effect.kind is NoticeKind.OVERDUE else RungKind.ESCALATION
                assert self.sounded[key] <= sum(rung.kind is kind for rung in rungs), f"{effect.text}, again"
        for name, deadline in decided.case.deadlines.items():
            assert deadline == self.deadlines[name], f"{name} changed without an effect"
        for name in before.deadlines:
            assert name in decided.case.deadlines or self.deadlines[name].closed_at is not None, f"{name} vanished"

    def _check_change(self, now: Deadline, entries: list[str], moved: list[Notice]) -> None:
        before = self.deadlines.get(now.id)
        self.deadlines[now.id] = now
        assert (now.met_at is not None) == (now.state in (DeadlineState.MET, DeadlineState.MET_LATE))
        assert now.state is not DeadlineState.OVERDUE or now.breached_at is not None
        assert now.state is not DeadlineState.MET_LATE or now.breached_at is not None
        assert now.due is None or now.rungs or now.closed_at or self._is_aim(now)
        assert all(one.at <= other.at for one, other in pairwise(now.rungs)), "rungs out of order"
        if before is None:
            return
        assert before.breached_at is None or now.breached_at is not None, "a breach was forgotten"
        if before.closed_at is not None:
            assert now == before.model_copy(update={"because": now.because}), f"{now.id} changed after its end"
        if before.due != now.due:
            self.moves[now.id] += 1
            assert any(text.startswith(f"{now.duty}: moved from") for text in entries), f"{now.id} moved silently"
            assert any(notice.deadline == now.id for notice in moved), f"nobody was told that {now.id} moved"

    def _check_state(self, before: Case) -> None:
        case = self.case
        if case.closed_at is not None:
            assert not [one.id for one in case.deadlines.values() if one.closed_at is None]
            assert not case.waiting_requests
            assert not case.waiting_for
            assert not decide.alarms(case)
            assert before.closed_at is None or before.model_copy(update=_chronology(case)) == case
        elif case.child is not None:
            assert case.waiting_for
        assert set(case.waiting_for) <= set(case.procedure.role)
        for at, summary in decide.alarms(case).values():
            assert at.tzinfo is not None
            assert not any(word in summary for word in PRIVATE), summary
        assert not any(word in view.details(case) for word in (NOTE, CHILD, SIBLING))
        for deadline in case.running_deadlines:
            if deadline.provisional:
                limits = case.procedure.timescale[deadline.timescale].before_scheduled
                owed = {one.timescale for one in case.deadlines.values() if one.closed_at is None}
                assert owed & set(limits), f"{deadline.id} counts from a limit that is no more"
            passed = deadline.due is not None and deadline.due + timedelta(seconds=1) <= self.now
            late = passed and not self._is_aim(deadline)
            assert (deadline.state is DeadlineState.OVERDUE) == late, f"{deadline.id} is {deadline.state.value}"

    def _is_aim(self, deadline: Deadline) -> bool:
        """An aim that passes is not a limit missed."""
        rule = self.case.procedure.timescale.get(deadline.timescale)
        return rule is not None and rule.target

    def check_at_the_end(self) -> None:
        read_back = Case.model_validate_json(to_json(self.case))
        assert read_back == self.case
        assert read_back.procedure.fingerprint == self.case.procedure.fingerprint
        assert len(_own(self.case)) < BOUND
        assert self._lived_again() == self.case

    def _lived_again(self) -> Case:
        """The same messages at the same instants, in a fresh case."""
        case = decide.unopened("case-1", 1, self.procedure, HOLIDAYS)
        for message, now in self.accepted:
            decided = decide.wake(case, now) if message is None else decide.receive(case, message, now)
            assert isinstance(decided, Decided)
            case = decided.case
        return case


def _own(case: Case) -> str:
    """The case's own state, without the snapshots it is decided with."""
    return case.model_dump_json(exclude={"procedure", "bank_holidays"})


def _chronology(case: Case) -> dict[str, Any]:
    """What a line in the chronology alone changes of a case."""
    return {"seal": case.seal, "latest": case.latest, "numbers": case.numbers}


@pytest.mark.parametrize("procedure", PROCEDURES)
@settings(max_examples=examples(60))
@given(steps=STEPS)
def test_whatever_happens_a_case_stays_sound(procedure: str, steps: list[Step]) -> None:
    world = World(procedure)
    world.live(steps)
    world.check_at_the_end()


@pytest.mark.parametrize("procedure", COMPLETED)
@settings(max_examples=examples(20))
@given(steps=STEPS)
def test_and_so_it_does_under_a_procedure_that_a_base_set_completes(procedure: str, steps: list[Step]) -> None:
    world = World(procedure)
    world.live(steps)
    world.check_at_the_end()


def test_random_lives_get_everywhere() -> None:
    """The tests above are worth something only if the lives they look at are: nearly every message is accepted
    somewhere, and every stage is reached."""
    stages, names = set(), set()
    for procedure in PROCEDURES:
        for seed in range(12):
            dice = Random(f"{procedure} {seed}")
            world = World(procedure)
            for _ in range(70):
                world.live([Step(dice.choice(OFTEN), dice.randrange(2**32))])
                stages.add(world.case.stage)
            names |= {message.name for message, _ in world.accepted if message is not None}
    assert stages == set(Stage)
    assert len(names) > 0.9 * len(MESSAGES), f"never accepted: {', '.join(sorted(MESSAGES.keys() - names))}"
