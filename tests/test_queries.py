"""Whoever looks at a case, a colleague in the Web UI or a program, changes nothing of what follows."""

import asyncio
import dataclasses
import signal
from collections.abc import Sequence
from contextlib import suppress

import pytest
from temporalio.api.enums.v1 import EventType

from starter.cases import reach
from tests.office import Office, OneCase, eventually
from tests.test_replay import replay
from worker import STICKY_WINDOW

BETWEEN = 0.4 * STICKY_WINDOW.total_seconds()
"""Seconds by which the query is ahead of the signal. Both wait for the dead worker; so long the query is alone."""


@pytest.mark.parametrize("query", ["case", "__temporal_workflow_metadata"])
async def test_a_case_that_was_asked_by_a_fresh_worker_replays(office: Office, query: str) -> None:
    ours = dataclasses.replace(office, queue=f"asked-{query.strip('_')}")
    case = await ours.case("ASKED")
    with ours.worker():
        await case.refer()
        await case.tell("new_information_received", "police/pc-1")
        await case.state()
        await case.tell("new_information_received", "police/pc-1")  # it is in the cache again
    # That worker was killed. Nothing waits, so the query goes to its own queue first, and then to the common one.
    with ours.worker():
        await (await ours.case("OTHER")).refer()  # the fresh worker works
        query_task = asyncio.create_task(case.client.get_workflow_handle(case.handle.id).query(query))
        await asyncio.sleep(BETWEEN)
        await case.signal("new_information_received", "police/pc-1")
        await query_task
        await asyncio.gather(*(case.tell("new_information_received", "police/pc-1") for _ in range(2)))

        async def all_answered() -> bool:
            return len((await case.state()).facts) == 6

        await eventually(all_answered)
    await replay(await case.handle.fetch_history())


async def test_a_case_that_was_asked_while_its_worker_was_held_up_replays(office: Office) -> None:
    """The queries pass to the common queue, and bring to a case in the cache what came after them."""
    ours = dataclasses.replace(office, queue="held-up")
    with ours.worker() as worker:
        case = await ours.case("HELD-UP")
        await case.refer()
        for _ in range(3):
            await case.tell("new_information_received", "police/pc-1")
        await eventually(lambda: no_task_waits(case))
        worker.send_signal(signal.SIGSTOP)
        asked = [asyncio.create_task(case.state()) for _ in range(6)]
        await asyncio.sleep(BETWEEN)
        await reach.signal(case.client, case.reference, "child_vanished", case.body("police/pc-1"))
        await asyncio.sleep(1.7 * BETWEEN)  # the queries go to the common queue
        told = asyncio.create_task(case.tell("new_information_received", "police/pc-1"))
        await asyncio.sleep(BETWEEN / 4)
        worker.send_signal(signal.SIGCONT)
        await told
        for query in asked:
            with suppress(reach.NotReached):  # what waits for a run that leaves the cache may be lost
                await query
    await replay(await case.handle.fetch_history())


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
