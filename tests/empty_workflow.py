"""A workflow whose update does nothing: what an update costs at the least on a server."""

from temporalio import workflow


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
