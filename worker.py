"""The worker: the process that runs the cases and their activities. Run as many as are needed, all alike.

`python -m worker` or `s47 up`. Settings: `TEMPORAL_*` or a Temporal TOML profile, and `S47_*`.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities.table import production
from connection import stuck
from connection.settings import WrongSettings, settings
from connection.temporal import SETTLE, address, connect, named
from workflows.case import CaseWorkflow
from workflows.queries import LeavingAfterQueries

ASK_AGAIN, BEAT = 1.0, 5.0
"""Seconds between two attempts to reach Temporal, and between two signs of life."""
GRACE = timedelta(seconds=20)
"""How long activities may finish when the worker is asked to stop."""
STICKY_WINDOW = timedelta(seconds=2)
"""How long what comes for a case waits for the worker that has it in its cache. So long a worker that was killed holds
its cases up; a busy one that does not come to it in this time hands it to any other, which has to replay it."""
STUCK_AFTER = timedelta(seconds=15)
"""A turn of a case that takes longer is taken to be stuck, and is interrupted."""
CACHED_CASES = 2000
"""Cases kept in memory, at some 150 KiB each; others are replayed from their history when they stir."""

# Without the SDK's sandbox: it would let our modules through in any case, and costs a fifth of what a message takes.
# tests/test_architecture.py holds that the workflow and the core look at no clock, draw no chance and touch nothing.
RUNNER = UnsandboxedWorkflowRunner()


def case_worker(
    client: Client, activities: Sequence[Callable[..., Any]], task_queue: str, *, stays: bool = False
) -> Worker:
    """A worker for cases on this task queue. With a build id set (`S47_BUILD`) it runs versioned and pinned.

    `stays`: it lives as long as its cases, as in a rehearsal, and may keep in its cache what answered a query.
    """
    build = settings().build
    version = WorkerDeploymentVersion(settings().deployment, build) if build else None
    runner = LeavingAfterQueries(RUNNER)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[CaseWorkflow],
        activities=activities,
        workflow_runner=RUNNER if stays else runner,
        max_cached_workflows=CACHED_CASES,
        sticky_queue_schedule_to_start_timeout=STICKY_WINDOW,
        graceful_shutdown_timeout=GRACE,
        deployment_config=WorkerDeploymentConfig(
            version=version,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )
        if version
        else None,
    )
    runner.guard(worker)
    assert worker._workflow_worker is not None
    # The SDK's own are two seconds: on a busy machine a long replay takes longer, and interrupting it breaks the run.
    worker._workflow_worker._deadlock_timeout_seconds = int(STUCK_AFTER.total_seconds())  # it has no public way
    return worker


async def main() -> None:
    """Serve cases until asked to stop. Raises `WrongSettings`."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = asyncio.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(asked, stop.set)
    try:
        async with production() as (activities, confirming):
            client = await _reached(stop)
            if client is None:
                return
            async with (
                case_worker(client, activities, settings().task_queue),
                _beside(confirming.go_on(client)),
                _beside(stuck.watch(client)),
            ):
                logging.info(
                    "the worker serves task queue %s of Temporal at %s", settings().task_queue, address(client)
                )
                await _beating(settings().heartbeat, stop)
    finally:
        await asyncio.sleep(SETTLE)


@asynccontextmanager
async def _beside(doing: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something beside the block, for as long as that takes."""
    task = asyncio.create_task(doing)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _reached(stop: asyncio.Event) -> Client | None:
    """A client, once a server answers; None where the worker is asked to stop before.

    Where both start at once, or the server is started anew, it may come after the worker. Raises `WrongSettings`.
    """
    waiting = False
    while not stop.is_set():
        try:
            client = await connect()
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
            return client
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise WrongSettings(
                    f"Temporal at {address(client)} has no namespace {client.namespace!r}: make it, or set "
                    "TEMPORAL_NAMESPACE to one that there is."
                ) from None
            reason = error.message
        except RuntimeError as error:
            reason = str(error)
        if not waiting:
            logging.warning("no Temporal server answers at %s yet, waiting for it: %s", named()["target_host"], reason)
        waiting = True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), ASK_AGAIN)
    return None


async def _beating(heart: Path | None, stop: asyncio.Event) -> None:
    """Touch the file as long as the loop turns, until asked to stop: whoever watches looks at how old it is."""
    while not stop.is_set():
        try:
            if heart:
                heart.touch()
        except OSError as error:
            raise WrongSettings(f"S47_HEARTBEAT: {heart}: {error.strerror}") from None
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT if heart else None)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except WrongSettings as wrong:
        sys.exit(f"The worker cannot start. {wrong}")
