"""The same facts give the same story, in whatever order they are recorded, with corrections made and taken back.

Lives are random; each is then recorded again in other orders. What is recorded before that which gives it ground is
refused, and recorded later, as people do. Only what was announced may differ.
"""

import json
import os
import re
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from casework import decide
from casework.case import Case
from casework.decide import Decided
from casework.effects import Refused
from casework.incoming import read
from casework.procedure_files import load
from casework.tell import pass_time
from casework.vocabulary import Subject
from tests.lives import FIRST_DAY, FORWARDS, HOLIDAYS, PROFILE, SENSE, Somebody, examples
from tests.test_properties import PROCEDURES

ORDERS = int(os.environ.get("S47_TEST_ORDERS", "4"))
LIVES = examples(6)
STEPS = 60 if PROFILE == "repeatable" else 90
NAMED = re.compile(r"(?P<what>@|\b(?:request|strategy|enquiry|conference|plan|review)-)(?P<number>\d+)(?![-\d])")
"""A name that the case gave by the number of a fact; numbers are the order of recording, and differ."""
NAMING = ("request", "strategy", "strand", "deadline", "action")
"""The fields in which a message names something by the number of a fact."""
CORRECTING = ("recorded_in_error", "corrected")


class Life:
    """A life as it was recorded: each accepted message, and which fact each number in it names."""

    def __init__(self, procedure: str, seed: int) -> None:
        self.procedure = load(procedure)
        self.dice = Random(f"{procedure} {seed}")
        self.case = decide.unopened("case-1", 1, self.procedure, HOLIDAYS)
        self.now = FIRST_DAY
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.tries = 0
        for _ in range(STEPS):
            if self.case.story.closed_at is None:
                self._step()
        self.until = self.now + timedelta(days=40)

    def _step(self) -> None:
        self.now += timedelta(minutes=self.dice.choice((7, 63, 601, 1447, 3 * 1440 + 11)))
        somebody = Somebody(self.dice, self.dice.choice((SENSE, FORWARDS, FORWARDS)))
        for _ in range(4):
            self.tries += 1
            name, body = somebody.message(self.case.story, self.tries, self.now)
            if name in CORRECTING:
                continue
            # No two things happen at the same instant: which of these comes first is what the record decides.
            at = datetime.fromisoformat(body["occurred_at"]) - timedelta(microseconds=self.tries)
            body["occurred_at"] = at.isoformat()
            answer = received(self.case, name, body, self.now)
            if isinstance(answer, Decided):
                self.case = answer.case
                fact = answer.case.facts[-1]
                meant = fact.message.model_dump(mode="json", exclude_unset=True, by_alias=True)
                self.messages.append((name, {**body, **{key: meant[key] for key in NAMING if meant.get(key)}}))
                return
            somebody.heed(name, answer.reason)


def received(case: Case, name: str, body: dict[str, Any], now: datetime) -> Decided | Refused:
    message = read(name, body)
    return message if isinstance(message, Refused) else decide.receive(case, message, now)


def recorded_anew(life: Life, order: list[int], dice: Random, corrections: int) -> Case | None:
    """The case, its messages recorded in this order, each once it has its ground. None where the order cannot be: a
    case that is recorded as closed, say, takes no strand that was open by then, before the closing is withdrawn."""
    case = decide.unopened("case-1", 1, life.procedure, HOLIDAYS)
    names = {fact.number: fact.message.id for fact in life.case.facts}
    happened = [datetime.fromisoformat(body["occurred_at"]) for _, body in life.messages]
    now = FIRST_DAY
    waiting = list(order)
    refused: set[int] = set()
    while len(refused) < len(waiting):
        this = waiting.pop(0)
        name, body = life.messages[this]
        now = max(now, happened[this]) + timedelta(seconds=1)
        renamed = with_numbers_of(case, body, names)
        answer = None if renamed is None else received(case, name, renamed, now)
        if isinstance(answer, Decided):
            case = answer.case
            refused.clear()
            if corrections and dice.random() < 0.3:
                case, now = made_and_taken_back(case, now, dice)
                corrections -= 1
        else:  # what happened earlier gives it its ground: it is tried again after the last of that
            refused.add(this)
            earlier = [place for place, other in enumerate(waiting) if happened[other] < happened[this]]
            waiting.insert(earlier[-1] + 1 if earlier else len(waiting), this)
    return None if waiting else case


def with_numbers_of(case: Case, body: dict[str, Any], names: dict[int, str]) -> dict[str, Any] | None:
    """The message with the numbers that this case has given; None while what it names is not recorded."""
    numbers = {fact.message.id: fact.number for fact in case.facts}
    missing = []

    def renumbered(match: re.Match[str]) -> str:
        number = numbers.get(names.get(int(match["number"]), ""))
        missing.extend([match[0]] if number is None else [])
        return f"{match['what']}{number}"

    whole = {key: NAMED.sub(renumbered, body[key]) for key in NAMING if isinstance(body.get(key), str)}
    return None if missing else {**body, **whole}


def made_and_taken_back(case: Case, now: datetime, dice: Random) -> tuple[Case, datetime]:
    """Something is withdrawn, authorised where it has to be, and the withdrawal is withdrawn again."""
    by = next(role for role in case.story.procedure.managers)
    wrong = dice.choice([fact.number for fact in case.facts if fact.message.name not in CORRECTING])
    first = case
    for _ in range(2):
        now += timedelta(seconds=1)
        number = len(case.facts) + 1
        fields = {"facts": [wrong], "reason": "It was recorded on the wrong line"}
        answer = received(case, "recorded_in_error", _body(number, now, by, "p-a", fields), now)
        if isinstance(answer, Refused):
            return first, now  # a later fact hangs on it
        case = answer.case
        if case.facts[-1].asks:
            now += timedelta(seconds=1)
            agreed = {"request": f"request-{number}", "decision": "authorise"}
            answer = received(case, "authorisation", _body(number + 1, now, by, "p-b", agreed), now)
            if isinstance(answer, Refused):
                return first, now
            case = answer.case
        wrong = number
    return case, now


def _body(number: int, now: datetime, role: str, person: str, fields: dict[str, Any]) -> dict[str, Any]:
    by = {"role": role, "person": person}
    return {"id": f"c-{number}", "occurred_at": now.isoformat(), "by": by, **fields}


def picture(case: Case, until: datetime) -> dict[str, Any]:
    """The story, whoever numbered it: deadlines with their dates and states, strands, stage, who acts next."""
    story = decide.wake(case, until).case
    assert story.announced.until == until
    told_until = pass_time(story.base.story, until).story
    plain = told_until.model_copy(
        update={
            "requests": {
                name: request
                for name, request in told_until.requests.items()
                if request.subject is not Subject.CORRECTION
            }
        }
    )
    names = {fact.number: fact.message.id for fact in case.facts}
    shown = plain.model_dump(mode="json", exclude={"procedure"})
    shown |= {
        "procedure": plain.procedure.fingerprint,
        "running": [deadline.id for deadline in plain.running_deadlines],
    }
    renamed = NAMED.sub(lambda match: f"{match['what']}{names.get(int(match['number']), '?')}", json.dumps(shown))
    return {**json.loads(renamed), "stage": plain.stage, "waiting_for": plain.waiting_for}


@pytest.mark.parametrize("procedure", [*PROCEDURES, "pan-bedfordshire+working-together"])
def test_the_same_facts_in_any_order_give_the_same_story(procedure: str) -> None:
    possible = []
    for seed in range(LIVES):
        life = Life(procedure, seed)
        wanted = picture(life.case, life.until)
        possible.append(0)
        for number in range(2 * ORDERS):
            if possible[-1] == ORDERS:
                break
            dice = Random(f"{procedure} {seed} {number}")
            order = list(range(len(life.messages)))
            if number == 0:
                dice.shuffle(order)  # no order at all
            else:
                for _ in range(max(3, len(order) // 4)):  # a quarter is told late
                    late = order.pop(dice.randrange(len(order)))
                    order.insert(dice.randrange(len(order) + 1), late)
            case = recorded_anew(life, order, dice, corrections=3)
            if case is None:
                continue
            possible[-1] += 1
            again = picture(case, life.until)
            for part, expected in wanted.items():
                assert again[part] == expected, f"{procedure} {seed} {number}: {part}"
    assert sum(possible) > 0.5 * LIVES * ORDERS, f"so many orders of each life could be: {possible}"


def test_these_lives_are_worth_telling_again() -> None:
    """Most have several strands and tens of deadlines, and most orders refuse something on the way."""
    lives = [Life(procedure, seed) for procedure in PROCEDURES for seed in range(3)]
    assert sum(len(life.messages) for life in lives) / len(lives) > 20
    assert sum(len(life.case.story.deadlines) for life in lives) / len(lives) > 8
    assert {message for life in lives for message, _ in life.messages} >= {"strategy_outcome", "authorisation"}
