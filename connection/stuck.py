"""Which cases are stuck, as Temporal's own list of workflows has it: light enough to be asked every minute.

`s47 doctor` looks closer, says why, and mends.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from connection.search_attributes import STAGE, TROUBLE

LOG = logging.getLogger("stuck")
EVERY = timedelta(minutes=1)
MOST = 100
"""So many ended workflows are looked at, one by one, whether they run again."""
CASES = "WorkflowType = 'case'"
HELD_UP = (
    f"{CASES} AND ExecutionStatus = 'Running' AND (TemporalReportedProblems IS NOT NULL OR {TROUBLE.name} IS NOT NULL)"
)
"""Their workflow task fails again and again, or the record refuses what they decided."""
ENDED = (
    f"{CASES} AND ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled') "
    f"AND {STAGE.name} IS NOT NULL AND {STAGE.name} != 'closed'"
)
"""A case was open, and its workflow was ended. It may run again since."""
ENDS = {
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.TIMED_OUT: "timed out",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.COMPLETED: "completed",
}


async def stuck(client: Client) -> list[str]:
    """The ids of the workflows that are stuck. Raises `RPCError`."""
    held_up = [execution.id async for execution in client.list_workflows(HELD_UP)]
    ended = dict.fromkeys([execution.id async for execution in client.list_workflows(ENDED, limit=MOST)])
    for workflow in ended:
        last = await client.get_workflow_handle(workflow).describe()
        if last.status in ENDS and last.status is not WorkflowExecutionStatus.COMPLETED:
            held_up.append(workflow)
    return held_up


async def watch(client: Client) -> None:
    """Say in the log, once a minute at most, how many cases are stuck; until it is cancelled."""
    while True:
        with suppress(RPCError):  # a server that is away is told of already
            if found := len(await stuck(client)):
                LOG.error("%d %s stuck. To see why: s47 doctor", found, "case is" if found == 1 else "cases are")
        await asyncio.sleep(EVERY.total_seconds())
