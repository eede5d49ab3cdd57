"""One run: cases of all procedures live, things fail under them, and then everything is checked from outside."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from starter.cases import recorded
from tests.faults.checks import CHECKS, check, histories_of, histories_replay, look, mail_arrived
from tests.faults.report import Report, Violation
from tests.faults.sending import OPENING_AT_ONCE, VISITORS, FaultCase, Practitioner, open_case, send_all, visit
from tests.faults.spoil import SPOILS, spoil
from tests.faults.world import FAULTS, World, a_world, inject
from tests.office import Office
from tests.postgres import rows

PROCEDURES = ("P", "W", "B", "T", "M", "B+WT", "P+WT", "W+WT")
RESTS_WITHIN = 240.0
"""Seconds after the last fault in which every case comes to rest."""
LOOK_AGAIN = 1.0
AT_ONCE = 4


@dataclass(frozen=True)
class Plan:
    """How a run is to be: so many faults, `gap` seconds apart on average; so many messages, `rate` a second at most,
    sent for so many `minutes` at most."""

    folder: Path
    seed: int = 1
    cases: int = 64
    messages: int = 2000
    faults: int = 45
    senders: int = 24
    gap: float = 5.0
    rate: float = 12.0
    workers: int = 1
    repeat: bool = False
    kinds: tuple[str, ...] = tuple(FAULTS)
    longest_freeze: float = 25.0
    minutes: float = 10.0


async def run(plan: Plan, report: Report, *, control: bool = False) -> None:
    """Live through a plan and check it. `control`: the record is spoilt first, and each check must say so."""
    async with a_world(plan.folder, report, longest_freeze=plan.longest_freeze) as world:
        world.keep_workers(plan.workers)
        cases = await cases_of(plan, world.office)
        await live(plan, world, cases, report)
        report.say("waiting for rest")
        unquiet = await restless(cases, world.office)
        for reference, why in unquiet.items():
            report.violation(Violation("at_rest", reference, why))
        at_rest = [case for case in cases if case.reference not in unquiet]
        if control:
            await _control(at_rest, world.office.dsn, report)
            return
        report.say("checking from outside")
        for case in at_rest:
            try:
                await check(await look(case, world.office.dsn), report)
            except Exception as error:  # what cannot be checked may be wrong in any way
                report.violation(Violation("checkable", case.reference, repr(error)))
        for case in (case for case in cases if case.reference in unquiet):
            for problem in await histories_replay(await histories_of(case)):
                report.violation(Violation(histories_replay.__name__, case.reference, problem))
        await check_the_whole(world, report)


async def live(plan: Plan, world: World, cases: list[FaultCase], report: Report) -> None:
    """Open the cases and send to them, while things fail."""
    faults = inject(world, Random(f"{plan.seed} faults"), faults=plan.faults, gap=plan.gap, kinds=plan.kinds)
    failing = asyncio.create_task(faults)
    turn = asyncio.Semaphore(OPENING_AT_ONCE)

    async def opened(case: FaultCase) -> None:
        async with turn:
            await open_case(case, Random(f"{plan.seed} {case.reference}"), report)

    beside = [visit(cases, Random(f"{plan.seed} visitor {number}"), report) for number in range(VISITORS)]
    besides = [asyncio.create_task(doing) for doing in (*beside, _watch(cases, report))]
    senders = [Random(f"{plan.seed} practitioner {number}") for number in range(plan.senders)]
    practitioners = [Practitioner(cases, dice, report, repeat=plan.repeat) for dice in senders]
    sending = send_all(practitioners, messages=plan.messages, rate=plan.rate, minutes=plan.minutes)
    await asyncio.gather(sending, *map(opened, cases))
    await failing
    for task in besides:
        task.cancel()
    await asyncio.gather(*besides, return_exceptions=True)
    report.figures["messages"] = sum(len(case.sent) for case in cases)
    report.figures["attempts"] = sum(sum(sent.answers.values()) for case in cases for sent in case.sent)


async def _watch(cases: list[FaultCase], report: Report) -> None:
    while True:
        await asyncio.sleep(15)
        sent = sum(len(case.sent) for case in cases)
        report.say(f"{sent} messages, {len(report.faults)} faults, {dict(report.notes.most_common(4))}")


async def cases_of(plan: Plan, office: Office) -> list[FaultCase]:
    """The cases of a run: of every procedure, half of them on a clock by which midnight or nine o'clock comes soon."""
    dice = Random(f"{plan.seed} clocks")
    client, started = await office.client(), f"{plan.seed}x{int(time.time()) % 100_000}"
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    cases = []
    for number in range(plan.cases):
        procedure, clock = PROCEDURES[number % len(PROCEDURES)], number // len(PROCEDURES) % 4
        shift = timedelta()
        if clock >= 2:
            there = midnight + timedelta(days=dice.randrange(-20, 20), hours=9 * (clock == 3))
            shift = there - datetime.now(UTC) - plan.faults * plan.gap * dice.uniform(0.2, 2) * timedelta(seconds=1)
        cases.append(FaultCase(client, f"F{started}-{number}", procedure, office, shift=shift))
    return cases


async def restless(cases: Sequence[FaultCase], office: Office) -> dict[str, str]:
    """Wait until every case rests: the record has what it decided, and nothing of it is being done. Gives the
    references of those that do not come to rest in time, and why."""
    turn, until = asyncio.Semaphore(AT_ONCE), time.monotonic() + RESTS_WITHIN
    async with office.records() as records:

        async def why_not(case: FaultCase) -> str | None:
            description = (await case.handle.describe()).raw_description
            if description.HasField("pending_workflow_task"):
                return f"its workflow task is at attempt {description.pending_workflow_task.attempt}"
            if description.pending_activities:
                names = ", ".join(activity.activity_type.name for activity in description.pending_activities)
                return f"of it {names} is done"
            verified = await recorded.verify(case.client, records, case.reference)
            return "; ".join(verified.problems) or None if verified else "nobody knows it"

        async def comes_to_rest(case: FaultCase) -> str | None:
            while True:
                async with turn:
                    try:
                        why = await why_not(case)
                    except Exception as error:  # a server that is only just back may answer anything
                        why = repr(error)
                if why is None or time.monotonic() > until:
                    return why
                await asyncio.sleep(LOOK_AGAIN)

        whys = await asyncio.gather(*map(comes_to_rest, cases))
        return {case.reference: why for case, why in zip(cases, whys, strict=True) if why is not None}


async def check_the_whole(world: World, report: Report) -> None:
    """What is of no one case: the mail, the command line's own verdict, and that the workers still run."""
    for problem in mail_arrived(await rows(world.office.dsn, "notice"), world.post.taken):
        report.violation(Violation(mail_arrived.__name__, "", problem))
    report.figures["mails"] = len(world.post.taken)
    report.figures["mails that came more than once"] = sum(times > 1 for times in world.post.taken.values())
    ran = await world.office.s47_itself("verify", seconds=RESTS_WITHIN)
    if ran.code:
        report.violation(Violation("s47 verify", "", f"{ran.out[-2000:]}{ran.err[-2000:]}"))
    world.keep_workers(len(world.workers))


async def _control(cases: list[FaultCase], dsn: str, report: Report) -> None:
    """Spoil the record in every way, each on a case that has what is spoilt; a check that says nothing is at fault."""
    for name, statements in SPOILS.items():
        for statement in statements:
            for case in cases:
                problems = list(CHECKS[name](await look(case, dsn)))
                if not problems and await spoil(dsn, statement, case.reference):
                    cases.remove(case)
                    objections = list(CHECKS[name](await look(case, dsn)))
                    report.say(f"{name}, spoilt on purpose: {objections[0] if objections else 'NOTHING'}")
                    report.figures[f"spoilt: {name}"] += 1
                    if not objections:
                        report.violation(Violation(name, case.reference, f"it does not see: {statement}"))
                    break
            else:
                report.violation(Violation(name, "", f"no case has what to spoil: {statement}"))
