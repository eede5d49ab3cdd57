"""A workflow whose update does nothing: what an update costs at the least on a server.

`python -m tests.empty_workflow ADDRESS` is a worker for it.
"""

import asyncio
import sys

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker


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

    @workflow.signal
    def finish(self) -> None:
        """Be done."""
        self._done = True


async def main(address: str) -> None:
    """Serve it until killed."""
    from worker import RUNNER

    client = await Client.connect(address)
    async with Worker(client, task_queue="empty", workflows=[EmptyWorkflow], workflow_runner=RUNNER):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
