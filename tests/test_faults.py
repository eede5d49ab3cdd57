"""A short run of faults on the real stack; and that each check of it objects to what it is there for.

`make faults` is the long run.
"""

import asyncio
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.faults.checks import CHECKS, Look, histories_replay, look, mail_arrived, with_record
from tests.faults.report import Report
from tests.faults.run import Plan, restless, run
from tests.faults.sending import Door, FaultCase, Sent
from tests.faults.spoil import SPOILS, a_copy, spoil
from tests.office import Office, an_office, eventually
from tests.postgres import rows

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WORKER = "social worker/sw-1"
KINDS = ("kill worker", "freeze worker", "hand over", "kill a backend of Postgres", "kill Postgres", "kill Temporal")


async def test_nothing_is_lost_doubled_or_stuck_whatever_is_killed(state_folder: Path) -> None:
    report = Report(aloud=False)
    plan = Plan(
        state_folder, seed=47, cases=4, messages=40, faults=6, senders=4, gap=1, rate=8, kinds=KINDS, longest_freeze=3
    )
    await run(plan, report)
    assert report.violations == []
    assert len(report.faults) == plan.faults
    assert report.figures["messages"] >= plan.messages
    assert report.figures["update: accepted"] >= plan.cases
    assert report.figures["signal: signalled"] > 0
    assert report.figures["Web UI queries answered"] > 0
    assert report.figures["histories"] >= plan.cases


# --- Each check objects -------------------------------------------------------------------------------------------


class Finished(NamedTuple):
    """A case that was lived and rests, where, and what is seen of it."""

    case: FaultCase
    office: Office
    seen: Look

    async def spoilt(self, dsn: str) -> Look:
        """What is seen of it where this is its record."""
        case = dataclasses.replace(self.case, client=await self.office.client())
        return await with_record(dataclasses.replace(self.seen, case=case), dsn)


@pytest.fixture(scope="module")
def finished() -> Iterator[Finished]:
    """A case that has whatever can be spoilt: facts, refusals, a limit that was missed and escalated, a request."""
    with asyncio.Runner() as runner:
        own = an_office()
        office = runner.run(own.__aenter__())
        with office.worker():
            case = runner.run(lived(office))
            yield Finished(case, office, runner.run(look(case, office.dsn)))
        runner.run(own.__aexit__(None, None, None))


async def lived(office: Office) -> FaultCase:
    case, report = FaultCase(await office.client(), "SPOILT", "P", office), Report(aloud=False)

    async def tell(name: str, by: str, ago: timedelta, door: Door = Door.UPDATE, **fields: Any) -> Sent:
        body = case.body(by, ago, **fields)
        sent = case.new(name, body, body["id"])
        await case.send_until_answered(sent, door, report)
        return sent

    child: dict[str, Any] = {"person": "child-1", "source": "police", "date_of_birth": "2019-05-01"}
    await tell("referral_received", "police/pc-1", 3 * DAY, **child)
    await tell("social_worker_allocated", "team manager/tm-1", 3 * DAY, social_worker="sw-1")
    await tell("strategy_requested", "assistant team manager/atm-1", 3 * DAY, immediate=True)
    await tell("strategy_outcome", WORKER, 3 * DAY, decision="section 47")
    await tell("new_information_received", "police/pc-1", HOUR, Door.SIGNAL)
    await tell("child_visited", WORKER, HOUR, Door.SIGNAL, seen="perhaps")
    refused = await tell("core_group_held", WORKER, HOUR)
    assert refused.refused
    await tell("assessment_completed", WORKER, HOUR)
    assert (await tell("new_information_received", "police/pc-1", HOUR)).accepted
    assert await restless([case], office) == {}
    return case


def problems_in(seen: Look) -> dict[str, list[str]]:
    """What the checks object to, by check."""
    return {name: problems for name, holds in CHECKS.items() if (problems := list(holds(seen)))}


async def test_nothing_is_objected_to_in_a_case_that_is_sound(finished: Finished) -> None:
    assert problems_in(finished.seen) == {}
    assert await histories_replay(finished.seen.histories) == []
    assert list(mail_arrived(finished.seen.record["notice"], Counter())) == []


@pytest.mark.parametrize(("check", "statement"), [(name, spoil) for name, spoils in SPOILS.items() for spoil in spoils])
async def test_a_check_objects_to_a_record_that_is_spoilt(finished: Finished, check: str, statement: str) -> None:
    async with a_copy(finished.office.dsn) as copy:
        assert await spoil(copy, statement, finished.case.reference) > 0
        assert list(CHECKS[check](await finished.spoilt(copy)))


@pytest.mark.parametrize("state", ["queued", "delivered"])
async def test_mail_that_never_came_is_objected_to(finished: Finished, state: str) -> None:
    async with a_copy(finished.office.dsn) as copy:
        await spoil(copy, f"UPDATE s47.notice SET state = '{state}' WHERE reference = $1", finished.case.reference)
        assert list(mail_arrived(await rows(copy, "notice"), Counter()))


def without_its_last_timer(seen: Look) -> Look:
    events = list(seen.histories[-1].events)
    last = max(n for n, event in enumerate(events) if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED)
    history = WorkflowHistory(seen.case.handle.id, events[:last] + events[last + 1 :])
    return dataclasses.replace(seen, histories=[*seen.histories[:-1], history])


def a_year_later(seen: Look) -> Look:
    return dataclasses.replace(seen, at=seen.at + 365 * DAY)


@pytest.mark.parametrize(
    ("check", "spoilt"), [("timers_are_alarms", without_its_last_timer), ("nothing_is_missed", a_year_later)]
)
def test_a_check_objects_to_timers_that_are_wrong(
    finished: Finished, check: str, spoilt: Callable[[Look], Look]
) -> None:
    assert list(CHECKS[check](spoilt(finished.seen)))


async def test_a_history_that_does_not_replay_is_objected_to(finished: Finished) -> None:
    history = json.loads(finished.seen.histories[-1].to_json())
    kind = "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"
    last = [event for event in history["events"] if event["eventType"] == kind][-1]
    last["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "forget"
    [problem] = await histories_replay([WorkflowHistory.from_json(finished.case.handle.id, history)])
    assert "Nondeterminism" in problem


@workflow.defn(name="broken")
class Broken:
    """A workflow whose task fails again and again, or that waits for an activity that nobody does."""

    @workflow.run
    async def run(self, how: str) -> None:
        if how == "task":
            raise RuntimeError("This can never be done")
        await workflow.execute_activity("nobody_does_it", schedule_to_close_timeout=HOUR)


@pytest.mark.parametrize("how", ["task", "activity"])
async def test_a_workflow_that_is_stuck_is_objected_to(finished: Finished, how: str) -> None:
    client = await finished.office.client()
    stuck = await client.start_workflow("broken", how, id=f"broken-{how}", task_queue="broken")

    async def objected_to() -> bool:
        seen = dataclasses.replace(finished.seen, description=await stuck.describe())
        return any("attempt" in problem for problem in CHECKS["workflow_is_sound"](seen))

    async with Worker(client, task_queue="broken", workflows=[Broken], workflow_runner=UnsandboxedWorkflowRunner()):
        await eventually(objected_to)
    await stuck.terminate()


async def test_a_workflow_that_was_ended_is_objected_to(finished: Finished) -> None:
    case = dataclasses.replace(
        finished.case, client=await finished.office.client(), reference="ENDED", sent=[], numbers=count(1)
    )
    await case.refer()
    await restless([case], finished.office)
    await case.handle.terminate()
    assert set(problems_in(await look(case, finished.office.dsn))) >= {"verifies", "workflow_is_sound"}


def test_there_is_no_check_that_is_never_objected_by() -> None:
    assert set(CHECKS) == {*SPOILS, "timers_are_alarms", "nothing_is_missed", "workflow_is_sound"}
