"""A workflow whose updates do nothing, or let an activity within the task do nothing: what those cost at the least.

`python -m tests.empty_workflow ADDRESS` is a worker for it.
"""

import asyncio
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker


@activity.defn
async def do_nothing() -> None:
    """Do nothing."""


@workflow.defn(name="empty")
class EmptyWorkflow:
    """It waits to be done, and answers meanwhile."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self) -> None:
        """Wait."""
        await workflow.wait_condition(lambda: self._done)

    @workflow.update
    async def nothing(self) -> None:
        """Do nothing."""

    @workflow.update
    async def nothing_within_the_task(self) -> None:
        """Let a local activity do nothing."""
        await workflow.execute_local_activity(do_nothing, start_to_close_timeout=timedelta(seconds=4))

    @workflow.signal
    def finish(self) -> None:
        """Be done."""
        self._done = True


async def main(address: str) -> None:
    """Serve it until killed."""
    from worker import RUNNER

    client = await Client.connect(address)
    async with Worker(
        client, task_queue="empty", workflows=[EmptyWorkflow], activities=[do_nothing], workflow_runner=RUNNER
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
