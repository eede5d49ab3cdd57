"""Whoever looks at a case, a colleague in the Web UI or a program, changes nothing of what follows."""

import asyncio
import dataclasses
import signal
import subprocess
from collections.abc import Sequence

import pytest
from temporalio.api.enums.v1 import EventType

from starter.cases import reach
from tests.office import Office, OneCase, eventually
from tests.test_replay import replay

MORE_QUERIES_THAN_POLLS = 3
"""What a worker has asked for already is handed to it at once, though it is stopped; what comes after that waits."""
ASKED = ["case", "__temporal_workflow_metadata"]


@pytest.mark.parametrize("query", ASKED)
async def test_a_case_that_was_asked_by_a_fresh_worker_replays(office: Office, query: str) -> None:
    ours = dataclasses.replace(office, queue=f"asked-{query.strip('_')}")
    case = await ours.case("ASKED")
    with ours.worker():
        await in_the_cache(case)
    # That worker was killed: what is for it waits on its own queue, and then passes to the common one.
    with ours.worker() as fresh:
        await (await ours.case("OTHER")).refer()  # it works
        await asked_while_held_up(case, fresh, query)
    await replay(await case.handle.fetch_history())


@pytest.mark.parametrize("query", ASKED)
async def test_a_case_that_was_asked_while_its_worker_was_held_up_replays(office: Office, query: str) -> None:
    ours = dataclasses.replace(office, queue=f"held-up-{query.strip('_')}")
    case = await ours.case("HELD-UP")
    with ours.worker() as worker:
        await in_the_cache(case)
        await asked_while_held_up(case, worker, query)
    await replay(await case.handle.fetch_history())


async def in_the_cache(case: OneCase) -> None:
    """A worker has done some tasks of the case, and nothing waits."""
    await case.refer()
    for _ in range(3):
        await case.tell("new_information_received", "police/pc-1")
    await eventually(lambda: no_task_waits(case))


async def asked_while_held_up(case: OneCase, worker: "subprocess.Popen[bytes]", query: str) -> None:
    """Queries, then a Signal, pass to the common queue while this worker is stopped; then another Signal comes.

    The queries are handed to the worker with the first Signal, and before the task that brings both.
    """
    before = len(await case.history())
    worker.send_signal(signal.SIGSTOP)
    handle = case.client.get_workflow_handle(case.handle.id)
    queries = [asyncio.create_task(handle.query(query)) for _ in range(MORE_QUERIES_THAN_POLLS)]
    await handle.describe()  # so that they are there
    await reach.signal(case.client, case.reference, "child_vanished", case.body("police/pc-1"))
    await eventually(lambda: the_task_passed_to_the_common_queue(case))  # as the queries before it
    await case.signal("new_information_received", "police/pc-1")
    worker.send_signal(signal.SIGCONT)
    await eventually(lambda: no_task_waits(case))
    assert len(await case.history()) > before + 4, "the Signals were taken"
    for task in queries:
        task.cancel()  # what waits for a run that leaves the cache may be lost
    await asyncio.gather(*queries, return_exceptions=True)


async def the_task_passed_to_the_common_queue(case: OneCase) -> bool:
    return EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT in [event.event_type for event in await case.history()]


async def test_a_case_that_another_worker_takes_over_replays(office: Office) -> None:
    """Two workflow tasks that brought about no command, and then an Update of a worker that has to replay the case:
    the SDK takes the second for a heartbeat, and hands its event and the Update over together, but on replay apart."""
    ours = dataclasses.replace(office, queue="taken-over")
    async with ours.records() as records:
        with ours.worker() as first:
            case = await ours.case("TAKEN-OVER")
            await case.enquired()
            await case.recorded(records)
            body = case.body("police/pc-1")
            async with records.transaction() as connection:  # the record is held up, and the same comes once more
                await connection.execute("SELECT FROM s47.case WHERE reference = $1 FOR UPDATE", case.reference)
                await case.send("new_information_received", body)
                await reach.signal(case.client, case.reference, "new_information_received", body)
                await eventually(lambda: no_task_waits(case))
            await case.recorded(records)
            await eventually(lambda: no_task_waits(case))
            first.kill()
            first.wait()
        with ours.worker():
            await case.tell("child_visited", "social worker/sw-1", seen=True, alone=True)
            await replay(await case.handle.fetch_history())


async def test_a_query_that_comes_along_with_a_task_does_not_end_it_too_soon(office: Office) -> None:
    """It would leave to the next task what the record answers to this one, behind whatever else that task brings."""
    ours = dataclasses.replace(office, queue="asked-along")
    case = await ours.case("ALONG")
    with ours.worker():
        await case.enquired()
    update = asyncio.create_task(case.tell("new_information_received", "police/pc-1"))
    await eventually(lambda: a_task_waits(case))
    queries = [asyncio.create_task(case.state()) for _ in range(3)]  # and these go along with it
    with ours.worker():
        assert [len(state.facts) for state in await asyncio.gather(*queries)] == [(await update).fact] * 3
    events = [event.event_type for event in await case.history()]
    accepted = last(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
    completed = last(events, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED not in events[accepted:completed]


def last(events: Sequence[EventType.ValueType], wanted: EventType.ValueType) -> int:
    """The place of the last of them."""
    return max(place for place, event in enumerate(events) if event == wanted)


async def a_task_waits(case: OneCase) -> bool:
    return not await no_task_waits(case)


async def no_task_waits(case: OneCase) -> bool:
    return not (await case.handle.describe()).raw_description.HasField("pending_workflow_task")
