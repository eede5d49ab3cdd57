"""Whoever looks at a case, a colleague in the Web UI or a program, changes nothing of what follows."""

import asyncio
import dataclasses

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from connection.temporal import DATA_CONVERTER
from tests.office import Office, eventually
from worker import RUNNER, STICKY_WINDOW
from workflows.case import CaseWorkflow

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
        asked = asyncio.create_task(case.client.get_workflow_handle(case.handle.id).query(query))
        await asyncio.sleep(BETWEEN)
        await case.signal("new_information_received", "police/pc-1")
        await asked
        await asyncio.gather(*(case.tell("new_information_received", "police/pc-1") for _ in range(2)))

        async def all_told() -> bool:
            return len((await case.state()).facts) == 6

        await eventually(all_told)
    history = WorkflowHistory(case.handle.id, await case.history())
    replayer = Replayer(workflows=[CaseWorkflow], workflow_runner=RUNNER, data_converter=DATA_CONVERTER)
    await replayer.replay_workflow(history)
