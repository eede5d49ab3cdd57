"""The worker: the process that runs the cases and their activities. Run as many as are needed, all alike.

`python -m worker` or `s47 up`. Settings: `TEMPORAL_*` or a Temporal TOML profile, and `S47_*`.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.table import all_activities, production
from connection.settings import settings
from connection.temporal import connect
from workflows.case import CaseWorkflow
from workflows.queries import LeavingAfterQueries

GRACE = timedelta(seconds=20)
"""How long activities may finish when the worker is asked to stop."""
CACHED_CASES = 2000
"""Cases kept in memory, at some 150 KiB each; others are replayed from their history when they stir."""

# Loaded once, not once per case: these modules hold no state, and a test keeps them from clocks, chance and I/O.
RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("casework", "connection", "workflows")
)


def case_worker(client: Client, activities: Sequence[Callable[..., Any]], task_queue: str) -> Worker:
    """A worker for cases on this task queue. With a build id set (`S47_BUILD`) it runs versioned and pinned."""
    build = settings().build
    version = WorkerDeploymentVersion(settings().deployment, build) if build else None
    runner = LeavingAfterQueries(RUNNER)
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[CaseWorkflow],
        activities=activities,
        workflow_runner=runner,
        max_cached_workflows=CACHED_CASES,
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
    return worker


async def main() -> None:
    """Serve cases until asked to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    client = await connect()
    stop = asyncio.Event()
    for asked in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(asked, stop.set)
    async with production() as real, case_worker(client, all_activities(*real), settings().task_queue):
        logging.info("the worker serves task queue %s", settings().task_queue)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
