"""What is sent in a run, by both doors, and what was answered. Everybody sends until an answer comes, under one id."""

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from casework.case import Case
from casework.effects import Refused
from casework.incoming import read
from casework.procedure_files import load
from casework.stages import MESSAGES
from casework.stages.corrections import Corrected, RecordedInError
from casework.stages.referral import ReferralReceived
from connection.settings import settings
from starter.cases import reach
from tests.faults.report import Report, Violation
from tests.lives import ABSURD, FORWARDS, SENSE, Somebody
from tests.office import OneCase
from workflows.case import CaseStart, CaseWorkflow, Receipt, workflow_id

MOST_TRIES = 10
SEND_AGAIN = 0.2
"""Seconds until what was not answered is sent again."""
OPENING_AT_ONCE = 8
VISITORS = 6
"""So many people look at cases in the Web UI all along."""


class Door(StrEnum):
    """How a message comes in."""

    UPDATE = "update"
    SIGNAL = "signal"


class Answer(StrEnum):
    """What came of sending a message once. `GONE`: no such case runs, or it is closed."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    SIGNALLED = "signalled"
    GONE = "gone"
    NONE = "no answer"


@dataclass
class Sent:
    """A message, and what was answered each time it was sent, by door. Instants are of the monotonic clock.

    `acknowledged_at` is when it was last acknowledged, and no later than when it was accepted.
    """

    name: str
    id: str
    body: dict[str, Any]
    first_at: float
    by: Somebody | None = None
    acknowledged_at: float | None = None
    answers: Counter[tuple[Door, Answer]] = field(default_factory=Counter)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def readable(self) -> bool:
        """Whether it can be read as a message at all; else its id is not known to the record."""
        return not isinstance(read(self.name, self.body), Refused)

    @property
    def accepted(self) -> bool:
        """Whether it was acknowledged as recorded."""
        return bool(self.answers[Door.UPDATE, Answer.ACCEPTED])

    @property
    def refused(self) -> bool:
        """Whether it was refused every time, and nobody but the answers knows of it."""
        return set(self.answers) == {(Door.UPDATE, Answer.REFUSED)}

    def answer(self, door: Door, answer: Answer) -> None:
        """Note what came of sending it once more."""
        if answer in (Answer.ACCEPTED, Answer.SIGNALLED) and not self.accepted:
            self.acknowledged_at = time.monotonic()
        self.answers[door, answer] += 1


@dataclass
class FaultCase(OneCase):
    """A case of a run. `shift` moves its clock, so that midnight or nine o'clock comes while it runs."""

    shift: timedelta = timedelta()
    known: Case | None = None
    sent: list[Sent] = field(default_factory=list)

    def now(self) -> datetime:
        """What its clock shows."""
        return datetime.now(UTC) + self.shift

    async def send_once(self, sent: Sent, door: Door, report: Report) -> Answer:
        """Send a message once. Nothing is raised: what came of it is noted."""
        answer = Answer.NONE
        try:
            if door is Door.SIGNAL:
                await reach.signal(self.client, self.reference, sent.name, sent.body)
                answer = Answer.SIGNALLED
            else:
                receipt = await self._update(sent)
                sent.receipts.append(receipt)
                answer = Answer.ACCEPTED
        except (reach.Closed, reach.NotFound):
            answer = Answer.GONE
        except reach.NotAccepted as refused:
            answer = Answer.REFUSED
            if "could not decide" in str(refused):
                report.violation(Violation("decided", self.reference, f"{sent.name}: {refused}"))
            if sent.by is not None:
                sent.by.heed(sent.name, str(refused))
        except reach.NotReached:
            report.notes["not reached"] += 1
        except Exception as problem:  # whatever is no plain answer
            report.notes[f"no plain answer: {_plain(problem, self)}"] += 1
        sent.answer(door, answer)
        return answer

    async def _update(self, sent: Sent) -> Receipt:
        if sent.name != ReferralReceived.name:
            return await reach.send(self.client, self.reference, sent.name, sent.body)
        if self.shift:  # what starts the case otherwise does not move its clock
            await self.client.start_workflow(
                CaseWorkflow.run,
                CaseStart(reference=self.reference, procedure=self.procedure, shift=self.shift),
                id=workflow_id(self.reference),
                task_queue=settings().task_queue,
                task_timeout=reach.TASK_WITHIN,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                rpc_timeout=reach.ANSWER_WITHIN,
            )
        opening = reach.Opening(reference=self.reference, procedure=self.procedure)
        return await reach.refer(self.client, opening, sent.body)

    async def send_until_answered(self, sent: Sent, door: Door, report: Report) -> None:
        """Send a message, as often as it takes, under one id."""
        for _ in range(MOST_TRIES):
            if await self.send_once(sent, door, report) is not Answer.NONE:
                return
            await asyncio.sleep(SEND_AGAIN)

    def new(self, name: str, body: dict[str, Any], message_id: str, by: Somebody | None = None) -> Sent:
        """A message that is about to be sent for the first time; its sender heeds why it is refused."""
        sent = Sent(name, message_id, body, time.monotonic(), by)
        self.sent.append(sent)
        return sent

    def people(self, mood: str) -> Somebody:
        """Whoever is around the case in this mood: always the same person."""
        if mood not in self._people:
            self._people[mood] = Somebody(Random(f"{self.reference} {mood}"), mood)
        return self._people[mood]

    _people: dict[str, Somebody] = field(default_factory=dict)


def _plain(problem: Exception, case: FaultCase) -> str:
    """A problem in a few words, the same for all cases."""
    return f"{type(problem).__name__}: {str(problem).replace(case.reference, '…')[:80]}"


def some_time_ago(case: FaultCase, dice: Random) -> datetime:
    """When something happened, so that a limit counted from it passes soon, has passed, or passes tonight."""
    soon = timedelta(seconds=dice.uniform(5, 400))
    past = dice.choice((timedelta(hours=24), timedelta(hours=24), timedelta(hours=72), timedelta(days=5)))
    days = timedelta(days=dice.choice((0, 1, 2, 3, 5, 7, 10, 14, 15, 21, 28, 42)))
    return case.now() - dice.choice((past - soon, past - soon, days))


async def open_case(case: FaultCase, dice: Random, report: Report) -> None:
    """Refer a child."""
    by = MESSAGES[ReferralReceived.name].sent_by
    roles = [key for key, role in load(case.procedure).role.items() if role.kind in by]
    body = {
        "id": f"{case.reference}-open",
        "occurred_at": some_time_ago(case, dice).isoformat(),
        "by": {"role": dice.choice(roles), "person": "pc-1"},
        "person": f"child-of-{case.reference}",
        "source": "police",
        "team": dice.choice(("North", "South")),
        "date_of_birth": "2019-05-01",
    }
    sent = case.new(ReferralReceived.name, body, f"{case.reference}-open")
    await case.send_until_answered(sent, Door.UPDATE, report)
    if not sent.accepted:
        report.violation(Violation("opened", case.reference, f"the referral was answered {dict(sent.answers)}"))


class Practitioner:
    """Somebody who sends messages to all cases, one after the other. `repeat`: each again, by both doors."""

    def __init__(self, cases: list[FaultCase], dice: Random, report: Report, *, repeat: bool) -> None:
        self.cases = cases
        self.dice = dice
        self.report = report
        self.repeat = repeat

    async def send_one(self) -> bool:
        """Send something to one of the cases; False where there is nothing to say there just now."""
        case = self.dice.choice(self.cases)
        if (
            case.known is None or self.dice.random() < 0.5
        ):  # else what was last known, so that a fault is not waited for
            try:
                case.known = await case.state()
            except Exception as problem:
                self.report.notes[f"no state: {_plain(problem, case)}"] += 1
        if case.known is None or (case.known.story.closed_at and self.dice.random() < 0.9):
            return False
        if not self.repeat and self.dice.random() < 0.04:
            await self._again(case)
            return True
        sent = self._message(case)
        door = Door.SIGNAL if self.dice.random() < 0.25 else Door.UPDATE
        await case.send_until_answered(sent, door, self.report)
        if self.repeat:
            for again in Door:
                await case.send_until_answered(sent, again, self.report)
        return True

    async def _again(self, case: FaultCase) -> None:
        """Send once more something that is a fact of this episode."""
        assert case.known is not None
        facts = {fact.message.id for fact in case.known.facts}
        if known := [sent for sent in case.sent if sent.accepted and sent.id in facts]:
            await case.send_until_answered(self.dice.choice(known), Door.UPDATE, self.report)

    def _message(self, case: FaultCase) -> Sent:
        assert case.known is not None
        mood = self.dice.choices((FORWARDS, SENSE, ABSURD), (6, 6, 2))[0]
        number = next(case.numbers)
        somebody = case.people(mood)
        corrects = mood == SENSE and len(case.known.facts) > 2 and self.dice.random() < 0.15
        if corrects:
            somebody.advice = (self.dice.choice((Corrected.name, RecordedInError.name)), None)
        name, body = somebody.message(case.known.story, number, case.now())
        if body.get("id") == f"m-{number}":  # else it is spoilt
            body["id"] = f"{case.reference}-{number}"
        if corrects:
            self._about_a_fact(case, name, body)
        elif mood != ABSURD and self.dice.random() < 0.35:
            body["occurred_at"] = some_time_ago(case, self.dice).isoformat()
        return case.new(name, body, f"{case.reference}-{number}", somebody)

    def _about_a_fact(self, case: FaultCase, name: str, body: dict[str, Any]) -> None:
        """Have a correction name something that was recorded, and now and then another case where it belongs."""
        assert case.known is not None
        number = self.dice.choice([fact.number for fact in case.known.facts[1:]])
        body |= {"fact": number} if name == Corrected.name else {"facts": [number]}
        body.pop("belongs_to", None)
        if name == RecordedInError.name and self.dice.random() < 0.3:
            body["belongs_to"] = self.dice.choice(self.cases).reference


async def send_all(practitioners: Sequence[Practitioner], *, messages: int, rate: float, minutes: float) -> None:
    """Have these people send so many messages, `rate` a second at most, and `minutes` long at most. They are asked to
    stop and not cancelled: the SDK takes that for an answer that did not come."""
    budget, until = iter(range(messages)), time.monotonic() + 60 * minutes

    async def practise(who: Practitioner) -> None:
        for _ in budget:
            sent = False
            while not sent and time.monotonic() < until:
                await asyncio.sleep(who.dice.expovariate(rate / len(practitioners)))
                try:
                    sent = await who.send_one()
                except Exception:  # one that stops would leave the others behind
                    who.report.violation(Violation("sending", "", traceback.format_exc()))

    await asyncio.gather(*map(practise, practitioners))


async def visit(cases: list[FaultCase], dice: Random, report: Report) -> None:
    """Open one case after the other in the Web UI: each asks for its metadata, by a query. Goes on until cancelled."""
    while True:
        await asyncio.sleep(dice.expovariate(0.5))
        report.figures["Web UI queries"] += 1
        with suppress(RPCError, TimeoutError):
            async with asyncio.timeout(reach.ANSWER_WITHIN.total_seconds()):
                await dice.choice(cases).metadata()
                report.figures["Web UI queries answered"] += 1
