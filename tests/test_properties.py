"""Whatever happens, in whatever order it is told: what holds of every case, under every procedure.

Random people live random lives: they say what makes sense, or anything at all, late or early, twice or wrongly.
"""

import json
from collections import Counter
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import product
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from casework import decide, view
from casework.batch import batch_of
from casework.calendar import spoken_instant
from casework.case import Case
from casework.checks import missing
from casework.deadlines.rungs import RungKind, rungs_of
from casework.decide import Decided
from casework.effects import Effect, Entry, Kept, Notice, NoticeKind, Refused
from casework.facts import Fact
from casework.incoming import read
from casework.messages import Message
from casework.procedure_files import load, shipped
from casework.stages import MESSAGES
from casework.story import Deadline, DeadlineState, Story
from casework.tell import book_of, pass_time, tell
from casework.telling import Book
from casework.vocabulary import Stage
from tests.lives import (
    ABSURD,
    CHILD,
    FIRST_DAY,
    FORWARDS,
    HOLIDAYS,
    NOTE,
    PRIVATE,
    SENSE,
    SIBLING,
    WORDS,
    Somebody,
    examples,
)

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
        self.kept: list[Kept] = []
        self.deadlines: dict[str, Deadline] = {}
        self.sounded: Counter[tuple[str, datetime | None, NoticeKind, str]] = Counter()
        self.tries = 0

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
            self.tries += 1
            name, body = somebody.message(self.case.story, self.tries, self.now)
            before = _own(self.case)
            message = read(name, body)
            answer = message if isinstance(message, Refused) else decide.receive(self.case, message, self.now)
            if isinstance(answer, Decided):
                assert isinstance(message, Message)
                assert answer.case.facts[-1].message.id == message.id
                self._check_allowed(answer.case, message)
                self.accepted.append((message, self.now))
                self._keep(answer)
                return
            assert answer.reason.strip()
            assert _own(self.case) == before, f"{name}, refused, altered the case"
            if dice.random() < 0.8:
                somebody.heed(name, answer.reason)
            if dice.random() < 0.1:
                self._refused(name, None if isinstance(message, Refused) else message, answer.reason)

    def _refused(self, name: str, message: Message | None, reason: str) -> None:
        decided = decide.refused(self.case, name, message, "{}", reason, self.now, tell_sender=True)
        assert any(notice.kind is NoticeKind.REFUSED for notice in decided.effects if isinstance(notice, Notice))
        assert any(kept.fact is None and kept.refused for kept in decided.effects if isinstance(kept, Kept))
        assert decided.case.story == self.case.story
        self.case = decided.case
        self._check_effects(decided.effects)

    def _wake(self) -> None:
        self.accepted.append((None, self.now))
        self._keep(decide.wake(self.case, self.now))
        for deadline, (at, _) in decide.alarms(self.case).items():
            assert at > self.now, f"{deadline} would ring in the past"
        again = decide.wake(self.case, self.now)
        assert again.effects == (), f"said twice: {again.effects}"

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
        self.case = decided.case
        self._check_effects(decided.effects)

    def _keep(self, decided: Decided) -> None:
        before, self.case = self.case, decided.case
        self.roles = frozenset(before.story.procedure.role.keys() | self.case.story.procedure.role.keys())
        self._check_effects(decided.effects)
        self._check_moves(before, decided.effects)
        self._check_state(before)

    # --- What always holds ---

    def _check_allowed(self, case: Case, message: Message) -> None:
        """Nothing is accepted that the procedure forbids: not from this role, not past this gate, not unanswered."""
        fact = case.facts[-1]
        if case.book.in_force == [*self.case.book.in_force, fact]:
            then = self.case.base.story
        else:
            earlier = [other for other in case.book.in_force if other.message.occurred_at <= message.occurred_at]
            then = _story_of(case, [other for other in earlier if other.number != fact.number])
        then = pass_time(then, message.occurred_at).story
        role = then.procedure.role_named(message.by.role)
        assert role is not None
        assert then.procedure.may_record(role, message.name, message.sent_by)
        assert not missing(then, fact.message), f"{message.name} was accepted although something is lacking"

    def _check_effects(self, effects: tuple[Effect, ...]) -> None:
        """The record is gapless; notices have ids of their own and hold nothing private."""
        known = {notice.id for notice in self.notices}
        for effect in effects:
            if isinstance(effect, Kept):
                assert effect.number == len(self.kept) + 1
                self.kept.append(effect)
            elif isinstance(effect, Entry):
                assert effect.number == len(self.entries) + 1
                assert not any(word in effect.text for word in (NOTE, CHILD, SIBLING)), effect.text
                self.entries.append(effect)
            elif isinstance(effect, Notice):
                assert effect.id not in known
                known.add(effect.id)
                assert effect.to in self.roles, f"nobody holds {effect.to}: {effect.text}"
                request = self.case.story.requests.get(effect.request or "")
                words_of = (
                    effect.text.replace(request.assigned_to, "") if request and request.assigned_to else effect.text
                )
                assert not any(word in words_of for word in PRIVATE), effect.text
                self.notices.append(effect)
        batch_of(self.case, effects, self.case.announced, 1, self.now)

    def _check_moves(self, before: Case, effects: tuple[Effect, ...]) -> None:
        """A due date never moves unsaid; each rung is heard once for the limit it was for."""
        entries = [effect.text for effect in effects if isinstance(effect, Entry)]
        moved = [e.deadline for e in effects if isinstance(e, Notice) and e.kind is NoticeKind.MOVED]
        for effect in effects:
            if isinstance(effect, Deadline):
                self._check_change(effect, entries, moved)
            # In their order: what was missed before the message came was told of the limit before the message moved it.
            elif isinstance(effect, Notice) and effect.kind in (NoticeKind.OVERDUE, NoticeKind.ESCALATION):
                if effect.deadline is None:
                    continue
                deadline = self.deadlines[effect.deadline]
                key = (effect.deadline, deadline.due, effect.kind, effect.to)
                self.sounded[key] += 1
                kind = RungKind.DUE if effect.kind is NoticeKind.OVERDUE else RungKind.ESCALATION
                rungs = {
                    rung.key
                    for story in (before.story, self.case.story)  # by the rules before the turn, or those after it
                    if (known := story.deadlines.get(effect.deadline)) is not None
                    for rung in rungs_of(story.procedure.timescale.get(known.timescale), known, story.bank_holidays)
                    if (rung.kind, rung.to) == (kind, effect.to)
                }
                assert self.sounded[key] <= len(rungs), f"{effect.text}, again"
        for name, deadline in self.case.story.deadlines.items():
            assert deadline == self.deadlines[name], f"{name} changed without an effect"

    def _check_change(self, now: Deadline, entries: list[str], moved: list[str | None]) -> None:
        before = self.deadlines.get(now.id)
        self.deadlines[now.id] = now
        assert (now.met_at is not None) == (now.state in (DeadlineState.MET, DeadlineState.MET_LATE))
        assert now.state is not DeadlineState.OVERDUE or now.breached_at is not None
        assert now.state is not DeadlineState.MET_LATE or now.breached_at is not None
        if before is not None and before.met_at != now.met_at and now.met_at is not None:
            when = spoken_instant(now.met_at)
            assert any(now.duty in entry and when in entry for entry in entries), f"{now.id} was met unsaid"
        if before is not None and before.due != now.due:
            assert any(text.startswith(f"{now.duty}: moved from") for text in entries), f"{now.id} moved silently"
            assert now.id in moved, f"nobody was told that {now.id} moved"

    def _check_state(self, before: Case) -> None:
        story = self.case.story
        if story.closed_at is not None:
            assert not [deadline.id for deadline in story.deadlines.values() if deadline.closed_at is None]
            assert not story.waiting_requests
            assert not story.waiting_for
            assert not decide.alarms(self.case)
        elif story.child is not None:
            assert story.waiting_for
        assert set(story.waiting_for) <= set(story.procedure.role)
        notified = {(notice.request, notice.to) for notice in self.notices if notice.kind is NoticeKind.REQUEST}
        for request in story.waiting_requests:
            assert {(request.id, role) for role in request.to} <= notified, f"not everybody was asked {request.title}"
        for at, summary in decide.alarms(self.case).values():
            assert at.tzinfo is not None
            assert not any(word in summary for word in PRIVATE), summary
        assert not any(word in view.details(self.case) for word in (NOTE, CHILD, SIBLING))
        for deadline in story.running_deadlines:
            if deadline.provisional:
                limits = story.procedure.timescale[deadline.timescale].before_scheduled
                owed = {other.timescale for other in story.deadlines.values() if other.closed_at is None}
                assert owed & set(limits), f"{deadline.id} counts from a limit that is no more"
            passed = deadline.due is not None and deadline.due + timedelta(seconds=1) <= self.now
            late = passed and not self._is_aim(deadline)
            assert (deadline.state is DeadlineState.OVERDUE) == late, f"{deadline.id} is {deadline.state.value}"

    def _is_aim(self, deadline: Deadline) -> bool:
        """An aim that passes is not a limit missed."""
        rule = self.case.story.procedure.timescale.get(deadline.timescale)
        return rule is not None and rule.target

    def check_at_the_end(self) -> None:
        """Read back, told anew and lived again, the case is what it was."""
        read_back = Case.model_validate_json(to_json(self.case))
        assert to_json(read_back) == to_json(self.case)
        assert read_back.story == self.case.story
        anew = book_of(self.case.start, self.case.facts)
        assert (list(self.case.book.in_force), self.case.book.start) == (list(anew.in_force), anew.start)
        assert read_back.procedure is self.case.procedure, "a procedure is held once"
        plain = [fact for fact in self.case.facts if fact.message.name != "procedure_adopted"]  # it brings a whole file
        assert len(_own(self.case.model_copy(update={"facts": tuple(plain)}))) < BOUND
        narrative = (NOTE, f"{WORDS} because", f"{WORDS} and support")
        assert not any(words in _own(self.case) for words in narrative), "narrative in the state"
        rebuilt = decide.rebuilt(decide.unopened("case-1", 1, self.procedure, HOLIDAYS), self.kept, self.case.announced)
        assert rebuilt.story == self.case.story
        assert decide.wake(rebuilt, self.now).effects == decide.wake(self.case, self.now).effects
        assert self._lived_again().facts == self.case.facts
        sent = {message.id: message for message, _ in self.accepted if message}
        for kept in self.kept:
            if kept.fact is not None and kept.message_id:
                assert read(kept.name, json.loads(kept.body)) == sent[kept.message_id], "it can be taken again"

    def _lived_again(self) -> Case:
        """The same messages at the same instants, in a fresh case."""
        case = decide.unopened("case-1", 1, self.procedure, HOLIDAYS)
        for message, now in self.accepted:
            decided = decide.wake(case, now) if message is None else decide.receive(case, message, now)
            assert isinstance(decided, Decided)
            case = decided.case
        return case


def _story_of(case: Case, facts: list[Fact]) -> Story:
    return tell(Book(case.book.start, facts, case.book.facts)).story


def _own(case: Case) -> str:
    """The case's own state, without the snapshots it is decided with."""
    return case.model_dump_json(exclude={"procedure", "bank_holidays"})


def live_and_look(procedure: str, steps: list[Step]) -> None:
    world = World(procedure)
    world.live(steps)
    world.check_at_the_end()


@pytest.mark.parametrize("procedure", PROCEDURES)
@settings(max_examples=examples(40))
@given(steps=STEPS)
def test_whatever_happens_a_case_stays_sound(procedure: str, steps: list[Step]) -> None:
    live_and_look(procedure, steps)


@pytest.mark.parametrize("procedure", COMPLETED)
@settings(max_examples=examples(15))
@given(steps=STEPS)
def test_and_so_it_does_under_a_procedure_that_a_base_set_completes(procedure: str, steps: list[Step]) -> None:
    live_and_look(procedure, steps)


def test_random_lives_get_everywhere() -> None:
    """The tests above are worth something only if the lives they look at are: nearly every message is accepted
    somewhere, and every stage is reached."""
    stages: set[Stage] = set()
    names: set[str] = set()
    for seed, procedure in product(range(12), PROCEDURES):
        dice = Random(f"{procedure} {seed}")
        world = World(procedure)
        for _ in range(70):
            world.live([Step(dice.choice(OFTEN), dice.randrange(2**32))])
            stages.add(world.case.story.stage)
        names |= {message.name for message, _ in world.accepted if message is not None}
        if stages == set(Stage) and len(names) > 0.9 * len(MESSAGES):
            return
    pytest.fail(f"reached {stages}, never accepted: {', '.join(sorted(MESSAGES.keys() - names))}")
