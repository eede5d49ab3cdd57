"""`make bench`: how fast the core decides and tells, what a case weighs, what an update costs. Ratios, not verdicts.

`python -m tests.bench --json` prints the same as JSON. Machines differ; compare ratios, and runs on one machine.
"""

import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from uuid import uuid4

import psutil
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Replayer

from activities.basis import bank_holidays
from casework import decide
from casework.case import Case
from casework.decide import Decided
from casework.incoming import read
from casework.messages import Message
from casework.procedure_files import load
from casework.tell import book_of, tell
from connection.search_attributes import registered
from connection.temporal import DATA_CONVERTER
from starter.embedded import temporal_server
from starter.rehearsal.run import Notebook
from starter.rehearsal.scenario import load as load_scenario
from tests.empty_workflow import EmptyWorkflow
from tests.lives import london, plan_made
from tests.office import ROOT, Office, OneCase, an_office
from tests.record_histories import HISTORIES, history_in
from worker import RUNNER, case_worker
from workflows.case import CaseStart, CaseWorkflow, Receipt, workflow_id

SCENARIOS = Path(__file__).parent.parent / "scenarios"
ROUNDS = 5
UPDATES = 20
AT_ONCE = 16
COLD = 450
FACTS = 300
WARM, WEIGHED = 60, 150
"""Cases that are opened before it is weighed, and those that are weighed."""
WEIGHINGS = 3
SETTLED = 0.3
"""Seconds without a new event after which a case is done."""
Figures = dict[str, float]


def core(scenario: str) -> float:
    """Messages a second that the core decides, living through a scenario over and over: the median of the rounds."""
    life = load_scenario(SCENARIOS / scenario)
    procedure = load(life.procedure)
    holidays = bank_holidays(life.message[0].told_at.year)
    messages: list[tuple[Message, datetime]] = []
    for number, step in enumerate(life.message, 1):
        message = read(step.send, step.message(number))
        assert isinstance(message, Message), message
        messages.append((message, step.told_at))

    def one_round() -> float:
        began, lives = time.perf_counter(), 0
        while time.perf_counter() - began < 0.5:
            case = decide.unopened("bench", 1, procedure, holidays)
            for message, at in messages:
                answer = decide.receive(case, message, at)
                if isinstance(answer, Decided):
                    case = answer.case
            lives += 1
        return lives * len(messages) / (time.perf_counter() - began)

    return median(one_round() for _ in range(ROUNDS))


def telling() -> Figures:
    """Milliseconds to tell a long story from its facts, and to take a fact into its middle, or at its end."""
    life = plan_made("2026-04-08 10:00", "2026-04-29 14:00")
    day = london("2026-05-05 10:00")
    while len(life.whole.facts) < FACTS:
        life.until(day)
        life.say("child_visited", "social worker/sw", alone=True, unannounced=True)
        life.say("visit_recorded", "social worker/sw")
        day += timedelta(days=9)
    case, late = life.whole, life.whole.facts[FACTS // 2].message.occurred_at + timedelta(hours=1)

    def again() -> None:
        tell(book_of(case.start, case.facts))

    return {
        f"telling a story of {FACTS} facts, ms": _least(again) * 1000,
        "a late fact into its middle, ms": _least(lambda: _receive(case, late, life.now)) * 1000,
        "the newest fact, ms": _least(lambda: _receive(case, life.now, life.now)) * 1000,
        f"state of a case of {FACTS} facts, kB": len(case.model_dump_json(exclude={"procedure"})) / 1000,
    }


def _receive(case: Case, at: datetime, now: datetime) -> None:
    fields = {"id": "bench", "occurred_at": at, "by": {"role": "social worker", "person": "sw"}, "seen": True}
    message = read("child_visited", fields)
    assert isinstance(message, Message)
    assert isinstance(decide.receive(case, message, now), Decided)


def _least(doing: Callable[[], None]) -> float:
    """The shortest of some rounds, in seconds: what else the machine does only ever adds."""
    times = []
    for _ in range(3 * ROUNDS):
        began = time.perf_counter()
        doing()
        times.append(time.perf_counter() - began)
    return min(times)


def weights() -> Figures:
    """KiB that a worker needs for each case that it keeps, on P and on B: the median of some processes of their own,
    for what a process is given by the system varies by a tenth."""

    def weighed(letter: str) -> float:
        command = [sys.executable, "-m", "tests.bench", "--weigh", letter]
        return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return {
        f"KiB of a worker per cached case on {letter}": median(weighed(letter) for _ in range(WEIGHINGS))
        for letter in ("P", "B")
    }


async def weigh(letter: str) -> float:
    """The same of one procedure, in this process: some dozens more of its cases are opened."""
    by = {"P": "other agency", "B": "school"}[letter]
    with tempfile.TemporaryDirectory(prefix="s47-bench-") as folder:
        server = temporal_server(
            Path(folder), lambda line: None, search_attributes=registered(), port=7433, ui_port=None
        )
        async with server as addresses:
            client = await Client.connect(addresses.server, data_converter=DATA_CONVERTER)
            notebook = Notebook(load(letter), datetime.now(UTC).year)
            async with case_worker(client, [notebook.basis, notebook.record], f"weigh-{letter}"):
                await _open(client, letter, by, range(WARM))
                before = _resident()
                await _open(client, letter, by, range(WARM, WARM + WEIGHED))
                return (_resident() - before) / WEIGHED / 1024


async def _open(client: Client, letter: str, by: str, numbers: Iterable[int]) -> None:
    for number in numbers:
        start = CaseStart(reference=f"weigh-{letter}-{number}", procedure=letter)
        case = await client.start_workflow(
            CaseWorkflow.run, start, id=workflow_id(start.reference), task_queue=f"weigh-{letter}"
        )
        await _refer(case, by)
        await _tell(case)


def _resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


async def replays() -> float:
    """Events a second that replaying the golden histories takes in."""
    histories = [history_in(path) for path in sorted(HISTORIES.glob("*.json"))]
    events = sum(len(history.events) for history in histories)
    replayer = Replayer(workflows=[CaseWorkflow], workflow_runner=RUNNER, data_converter=DATA_CONVERTER)

    async def one_round() -> float:
        began = time.perf_counter()
        for history in histories:
            await replayer.replay_workflow(history)
        return events / (time.perf_counter() - began)

    return median([await one_round() for _ in range(ROUNDS)])


async def updates() -> Figures:
    """Updates of cases against updates that do nothing, in turns, each by a worker of its own on the same server: one
    at a time, and as many at once as there are workflows. Events of history a message."""
    async with an_office() as office:
        with office.worker(), _empty_worker(office):
            client = await office.client()
            cases = [await office.case("BENCH") for _ in range(AT_ONCE)]
            await asyncio.gather(*(case.refer() for case in cases))
            empties = [
                await client.start_workflow(EmptyWorkflow.run, id=f"empty-{number}", task_queue="empty")
                for number in range(AT_ONCE)
            ]
            rounds = [await _round(empties, cases) for _ in range(ROUNDS)]
    return {
        "update of a case, ms": median(round.one.case for round in rounds) * 1000,
        "empty update, ms": median(round.one.empty for round in rounds) * 1000,
        "update of a case / empty update": median(round.one.case / round.one.empty for round in rounds),
        "update with an empty local activity / empty update": median(
            round.one.local / round.one.empty for round in rounds
        ),
        f"updates of cases a second, {AT_ONCE} at once": median(round.many.case for round in rounds),
        f"empty updates a second, {AT_ONCE} at once": median(round.many.empty for round in rounds),
        "updates of cases / empty updates, at once": median(round.many.case / round.many.empty for round in rounds),
        "updates with an empty local activity / empty updates, at once": median(
            round.many.local / round.many.empty for round in rounds
        ),
        "events of history per message": median(round.events for round in rounds),
    }


@contextmanager
def _empty_worker(office: Office) -> Iterator[None]:
    command = (sys.executable, "-m", "tests.empty_workflow", office.temporal)
    process = subprocess.Popen(command, env=office.environment, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


class Updates(NamedTuple):
    """A figure of an empty update, of one with an empty local activity (no update that is recorded costs less), and of
    a case's."""

    empty: float
    local: float
    case: float


class Round(NamedTuple):
    """The median time of one update, in seconds; how many a second, at once; the events a message of a case took."""

    one: Updates
    many: Updates
    events: float


async def _round(empties: Sequence[WorkflowHandle[EmptyWorkflow, None]], cases: Sequence[OneCase]) -> Round:
    """Some updates of each. What a case writes down after it has answered is waited for, or it would weigh on both."""

    def nothing(number: int) -> Awaitable[object]:
        return empties[number].execute_update(EmptyWorkflow.nothing)

    def nothing_within_the_task(number: int) -> Awaitable[object]:
        return empties[number].execute_update(EmptyWorkflow.nothing_within_the_task)

    def something(number: int) -> Awaitable[object]:
        return cases[number].tell("new_information_received", "police/pc-1")

    began = await _settled(cases[0].handle)
    one = Updates(*[await _one_after_the_other(update) for update in (nothing, nothing_within_the_task, something)])
    events = (await _settled(cases[0].handle) - began) / UPDATES
    many = Updates(*[await _a_second(update) for update in (nothing, nothing_within_the_task, something)])
    return Round(one, many, events)


async def _one_after_the_other(doing: Callable[[int], Awaitable[object]]) -> float:
    """The median time of one, in seconds."""
    return median([await _timed(lambda: doing(0)) for _ in range(UPDATES)])


async def _a_second(doing: Callable[[int], Awaitable[object]]) -> float:
    """How many can be done a second, with one for each workflow on its way at any time."""

    async def one_after_the_other(number: int) -> None:
        for _ in range(UPDATES):
            await doing(number)

    taken = await _timed(lambda: asyncio.gather(*map(one_after_the_other, range(AT_ONCE))))
    return AT_ONCE * UPDATES / taken


async def cold() -> Figures:
    """The first message to each of many cases, some at once, whose worker was killed and has just been replaced."""
    async with an_office() as office:
        cases = [await office.case("COLD") for _ in range(COLD)]
        with office.worker():
            await _at_once(cases, lambda case: case.refer())
            await _at_once(cases, _tell_once)
        with office.worker():
            other = await office.case("READY")
            await other.refer()
            times = await _at_once(cases, _tell_once)
    return {
        f"first message to each of {COLD} cold cases, ms (median)": median(times) * 1000,
        f"first message to each of {COLD} cold cases, ms (p99)": quantiles(times, n=100)[98] * 1000,
    }


async def _tell_once(case: OneCase) -> Receipt:
    return await case.tell("new_information_received", "police/pc-1")


async def _at_once(cases: Sequence[OneCase], doing: Callable[[OneCase], Awaitable[object]]) -> list[float]:
    """The seconds that each took."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def timed_update(case: OneCase) -> float:
        async with gate:
            return await _timed(lambda: doing(case))

    return list(await asyncio.gather(*map(timed_update, cases)))


async def _settled(case: WorkflowHandle[CaseWorkflow, str]) -> int:
    """Wait until the case's history grows no more. Returns its length."""
    known = -1
    while (length := (await case.describe()).history_length) != known:
        known = length
        await asyncio.sleep(SETTLED)
    return length


async def _timed(doing: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await doing()
    return time.perf_counter() - began


async def _refer(case: WorkflowHandle[CaseWorkflow, str], by: str = "other agency") -> None:
    fields = {"person": "bench", "date_of_birth": "2019-05-01", "source": "education"}
    await case.execute_update("referral_received", {**_by(by), **fields}, result_type=Receipt)


async def _tell(case: WorkflowHandle[CaseWorkflow, str]) -> None:
    await case.execute_update("new_information_received", _by("police"), result_type=Receipt)


def _by(role: str) -> dict[str, object]:
    at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    return {"id": f"m-{uuid4().hex}", "occurred_at": at, "by": {"role": role, "person": "bench-1"}}


def main(arguments: Iterable[str]) -> None:
    """Measure, and print a table, or JSON."""
    match list(arguments):
        case ["--weigh", letter]:
            print(asyncio.run(weigh(letter)))
            return
    figures: Figures = {
        "core messages per second, a whole life on P": core("a-20-whole-life.toml"),
        "core messages per second, a missing child on B": core("b-whereabouts-unknown.toml"),
        **telling(),
        **weights(),
        "replayed events per second": asyncio.run(replays()),
        **asyncio.run(updates()),
        **asyncio.run(cold()),
    }
    figures["core messages per empty update"] = (
        figures["core messages per second, a whole life on P"] * figures["empty update, ms"] / 1000
    )
    if "--json" in arguments:
        print(json.dumps(figures, indent=2))
        return
    for what, figure in figures.items():
        print(f"{what:<63} {figure:>10,.{2 if figure < 10 else 1}f}")


if __name__ == "__main__":
    main(sys.argv[1:])
