"""Reaching the cases: sending a message, starting a case with its referral, reading one, listing them.

Nothing here decides anything about a case. What cannot be reached or is refused becomes an error with a plain text.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from pydantic import Field, ValidationError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from casework.case import Case
from casework.messages import Id
from casework.model import Value
from connection.search_attributes import STAGE
from connection.settings import WrongSettings, settings
from connection.temporal import connect, connect_to, named
from starter.embedded import Addresses, read_addresses
from workflows.case import CaseStart, CaseWorkflow, Receipt, workflow_id
from workflows.doors import CLOSED

LOG = logging.getLogger("starter")
"""What is used is said here; the command line puts it on standard error."""
ANSWER_WITHIN = timedelta(seconds=15)
WORKER_WITHIN = timedelta(seconds=60)
POLLS_WITHIN = timedelta(seconds=90)
"""A worker asks for work at least once a minute."""
TASK_WITHIN = timedelta(seconds=8)
"""How long a worker may take over one turn of a case. Replaying a long run takes a second or two on a busy machine, and
what takes longer than this is begun again, for ever; but a turn that is lost with a server or a worker is missed only
then, and so long the case answers nobody."""
LOOK_AGAIN = timedelta(milliseconds=200)
ASK_AGAIN = timedelta(milliseconds=50)
NOT_JUST_NOW = (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.ABORTED, RPCStatusCode.RESOURCE_EXHAUSTED)
"""The case was between two runs, or its task had to be done again; or the run was just closing, or is busy."""
DETAILS = (
    "One child's case, from the referral to its closing. Each bar of the timeline is a deadline; "
    "the current details say who must act next."
)
NO_ANSWER = (
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,  # the connection broke while the answer was on its way
)
RUNS = (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW)
Returned = TypeVar("Returned")


class Failed(Exception):
    """Something a person asked for did not happen; the text says why. `code` is the process's exit status."""

    code = 1


class NotAccepted(Failed):
    """The case refused the message."""


class Closed(NotAccepted):
    """The case is closed, and takes nothing more; a referral opens it again."""


class WronglyCalled(Failed):
    """What was typed cannot be meant."""

    code = 2


class NotFound(Failed):
    """There is no such case."""

    code = 3


class Lost(NotFound):
    """Temporal has lost the case: the record has it as open, and nothing runs."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"Temporal has lost case {reference}. Rebuild it from the record: s47 rebuild {reference}")


class NotReached(Failed):
    """Temporal, the worker or the records' database do not answer."""

    code = 4


class Opening(Value):
    """What a referral file says besides the referral itself."""

    reference: Id = Field(description="The case's own reference, with no personal data in it")
    procedure: str = Field(min_length=1, description="The procedure's key or letter; B+WT fills the gaps of B")


def there_is_none(reference: str) -> NotFound:
    """Why a case is not found that never was."""
    return NotFound(f"There is no case {reference}. List the cases with: s47 cases. Open one with: s47 refer FILE")


def is_closed(reference: str) -> NotFound:
    """Why a case is not found that is closed."""
    return NotFound(f"Case {reference} is closed. To open it again, send a new referral: s47 refer FILE")


def runs_already(reference: str) -> Failed:
    """Why a case is not rebuilt."""
    return Failed(f"Case {reference} is running, so there is nothing to rebuild. Look at it with: s47 show {reference}")


async def client() -> Client:
    """A client of the server that `TEMPORAL_*` names; else of the embedded stack on the state folder, if there is one;
    else of the server that a profile at home names. It is said which. Raises `NotReached`; also where none is named,
    since what happens to answer on this machine may be anybody's."""
    folder = settings().folder
    in_a_folder = folder.is_dir() or "folder" in settings().model_fields_set
    in_the_environment = any(name.startswith("TEMPORAL_") for name in os.environ)
    where = named().get("target_host") if in_the_environment or not in_a_folder else None
    if where is None and not in_a_folder:
        raise NotReached(
            f"S47 is not running here: there is no state folder {folder}, and no Temporal server is named. "
            "Start S47 on this computer: s47 up. If it is already running, set S47_FOLDER to its state folder, or "
            "TEMPORAL_ADDRESS to its server."
        )
    try:
        if where is None:
            return await _patiently(_stack(folder).temporal)
        reached = await asyncio.wait_for(connect(), ANSWER_WITHIN.total_seconds())
    except (RuntimeError, TimeoutError, OSError):
        raise NotReached(f"No Temporal server answers at {where or folder}. Start one with: s47 up") from None
    _say(f"Using Temporal at {where}, namespace {reached.namespace}")
    return reached


def records_dsn() -> str:
    """The DSN of the records' database that `S47_POSTGRES` names, else of the embedded stack on the state folder. It is
    said which. Raises `NotReached` or `WrongSettings`."""
    dsn = settings().postgres
    if not dsn:
        return _stack(settings().folder).postgres
    try:
        parts = urlsplit(dsn)
    except ValueError as error:
        raise WrongSettings(f"S47_POSTGRES: {error}") from None
    host = parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", ["this machine"]))
    _say(f"Using the record in {parts.path.strip('/')} at {host}")  # never the password
    return dsn


def _stack(folder: Path) -> Addresses:
    running = read_addresses(folder)
    if running is None:
        raise NotReached(f"S47 is not running on the state folder {folder}. Start it with: s47 up")
    _say(f"Using the state folder {folder}, Temporal at {running.temporal}")
    return running


@cache
def _say(line: str) -> None:
    LOG.info(line)


async def _patiently(address: str) -> Client:
    """The embedded server is started again when it dies, so it is waited for."""
    until = time.monotonic() + ANSWER_WITHIN.total_seconds()
    while True:
        try:
            return await asyncio.wait_for(connect_to(address), ANSWER_WITHIN.total_seconds())
        except RuntimeError:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(LOOK_AGAIN.total_seconds())


async def send(to: Client, reference: str, message: str, body: dict[str, Any]) -> Receipt:
    """Send a message by its Update and wait for the answer. Raises `NotAccepted`, `NotFound` or `NotReached`."""
    handle = _handle(to, reference)
    return await _answered(
        to,
        reference,
        lambda: handle.execute_update(message, body, result_type=Receipt, rpc_timeout=ANSWER_WITHIN),
    )


async def signal(to: Client, reference: str, message: str, body: dict[str, Any]) -> None:
    """Send a message by its Signal: nobody waits for the answer, and a refusal is told to the sender as a notice."""
    handle = _handle(to, reference)
    await _answered(to, reference, lambda: handle.signal(message, body, rpc_timeout=ANSWER_WITHIN))


async def refer(to: Client, opening: Opening, body: dict[str, Any]) -> Receipt:
    """Open a case with its referral. On a case that runs, the referral is new information.

    A case that is closed, and still writes its record, is waited for: the referral opens its next episode. Raises
    `NotAccepted` or `NotReached`.
    """
    until = time.monotonic() + ANSWER_WITHIN.total_seconds()
    while True:
        # An id of its own: by the message's the server would give an old answer again, even of a case never opened.
        ask = partial(_refer, to, opening, body, uuid4().hex)
        try:
            return await _answered(to, opening.reference, ask)
        except Closed:
            if time.monotonic() > until:
                raise NotReached(
                    f"Case {opening.reference} has only just been closed, and is still being written to the record. "
                    "The referral is not recorded yet. Send it again in a minute."
                ) from None
        await asyncio.sleep(LOOK_AGAIN.total_seconds())


async def _refer(to: Client, opening: Opening, body: dict[str, Any], update_id: str) -> Receipt:
    operation = WithStartWorkflowOperation(
        CaseWorkflow.run,
        CaseStart(reference=opening.reference, procedure=opening.procedure),
        id=workflow_id(opening.reference),
        task_queue=settings().task_queue,
        task_timeout=TASK_WITHIN,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        static_summary=f"Case {opening.reference}, on the procedure {opening.procedure}",
        static_details=DETAILS,
    )
    try:
        receipt: Receipt = await to.execute_update_with_start_workflow(
            "referral_received",
            body,
            id=update_id,
            result_type=Receipt,
            start_workflow_operation=operation,
            rpc_timeout=ANSWER_WITHIN,
        )
        return receipt
    except Exception:
        with suppress(Exception):
            await operation.workflow_handle()  # it fails with the same; left alone, it would complain at exit
        raise


async def rebuild(to: Client, reference: str) -> None:
    """Start a case again from what the record has, and wait until it runs.

    Raises `Failed` where it runs, or there is nothing to rebuild.
    """
    try:
        handle = await to.start_workflow(
            CaseWorkflow.run,
            CaseStart(reference=reference, procedure="", rebuild=True),
            id=workflow_id(reference),
            task_queue=settings().task_queue,
            task_timeout=TASK_WITHIN,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"Case {reference}, rebuilt from the record",
            static_details=DETAILS,
            rpc_timeout=ANSWER_WITHIN,
        )
    except WorkflowAlreadyStartedError:
        raise runs_already(reference) from None
    except RPCError as error:
        raise of(error, reference) from None
    for _ in range(int(ANSWER_WITHIN / LOOK_AGAIN)):
        described = await handle.describe()
        if described.typed_search_attributes.get(STAGE):
            return
        if described.status is WorkflowExecutionStatus.FAILED:
            try:
                await handle.result()
            except WorkflowFailureError as failed:
                raise Failed(f"Case {reference} could not be rebuilt: {failed.cause}") from None
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
    raise NotReached(f"Case {reference} has started but does not answer yet. Try again: s47 show {reference}")


async def runs(to: Client, reference: str) -> bool:
    """Whether a workflow runs that is this case. Between two runs of it, it does."""
    try:
        status = (await _handle(to, reference).describe(rpc_timeout=ANSWER_WITHIN)).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise of(error, reference) from None
    return status in RUNS


async def running(to: Client) -> list[str]:
    """The references of the cases that run. What was only just started or ended may be missing, or still be there."""
    query = "WorkflowType = 'case' AND ExecutionStatus = 'Running'"
    try:
        return [execution.id.removeprefix("case-") async for execution in to.list_workflows(query)]
    except RPCError as error:
        raise NotReached(f"Temporal did not list the running cases: {error.message}") from None


async def read(to: Client, reference: str) -> Case:
    """The case as its workflow has it, to hold the record against.

    Raises `NotFound` where none runs and none was closed, `Lost`, or `NotReached`.
    """
    handle = _handle(to, reference)
    case = await _answered(
        to,
        reference,
        lambda: handle.query(
            CaseWorkflow.state,
            reject_condition=QueryRejectCondition.NOT_COMPLETED_CLEANLY,
            rpc_timeout=ANSWER_WITHIN,
        ),
    )
    if case is None or not case.facts:
        raise NotFound(f"Case {reference} is just being opened. Try again in a moment.")
    return case


async def worker_ready(to: Client) -> None:
    """Wait until a worker serves the task queue. Raises `NotReached` when none has come in time."""
    for _ in range(int(WORKER_WITHIN / LOOK_AGAIN)):
        if await builds_asking(to, settings().task_queue):
            return
        await asyncio.sleep(LOOK_AGAIN.total_seconds())
    raise NotReached("The worker did not start. To see why, look at worker.log in the folder where S47 keeps its data.")


async def builds_asking(to: Client, queue: str) -> set[str | None]:
    """The builds of the workers that ask for work on a queue; none stands for a worker without versions."""
    asked = DescribeTaskQueueRequest(
        namespace=to.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    since = datetime.now(UTC) - POLLS_WITHIN
    return {
        poller.deployment_options.build_id or None
        for poller in (await to.workflow_service.describe_task_queue(asked)).pollers
        if poller.last_access_time.ToDatetime(UTC) > since
    }


def _handle(to: Client, reference: str) -> WorkflowHandle[CaseWorkflow, str]:
    return to.get_workflow_handle_for(CaseWorkflow.run, workflow_id(reference))


async def _answered(to: Client, reference: str, ask: Callable[[], Awaitable[Returned]]) -> Returned:
    """The answer to what is asked. Asked again where the case could not answer just then: each message counts once."""
    until = time.monotonic() + ANSWER_WITHIN.total_seconds()
    while True:
        try:
            return await asyncio.wait_for(ask(), ANSWER_WITHIN.total_seconds() + 1)
        except WorkflowUpdateFailedError as failed:
            cause = failed.cause
            if not isinstance(cause, ApplicationError):
                raise NotAccepted(str(cause)) from None
            raise (Closed if cause.type == CLOSED else NotAccepted)(cause.message) from None
        except WorkflowQueryRejectedError as rejected:
            if rejected.status is not WorkflowExecutionStatus.CONTINUED_AS_NEW or time.monotonic() > until:
                raise Lost(reference) from None
        except ValidationError:
            raise Failed(
                f"Case {reference} is on another version of S47, which this one cannot read. "
                "Use the same version here as the worker does."
            ) from None
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            raise NotReached(
                f"Case {reference} did not answer: no worker is running, or it is busy. "
                "What you sent may still be recorded. If you send exactly the same again, it counts once."
            ) from None
        except RPCError as error:
            if time.monotonic() > until or not await _goes_on(to, reference, error):
                raise of(error, reference) from None
        await asyncio.sleep(ASK_AGAIN.total_seconds())


async def _goes_on(to: Client, reference: str, error: RPCError) -> bool:
    """Whether the case could not answer just then, but runs: between two runs it looks as if it were closed."""
    if error.status in NOT_JUST_NOW:
        return True
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    with suppress(Failed):
        return await runs(to, reference)
    return False


def of(error: RPCError, reference: str) -> Failed:
    """What Temporal's answer about a case means, in words."""
    if error.status is RPCStatusCode.NOT_FOUND:
        if "completed" in error.message:
            return is_closed(reference)
        return there_is_none(reference)
    if error.status in (*NOT_JUST_NOW, *NO_ANSWER):
        return NotReached(
            f"Case {reference} did not answer ({error.message}): no worker is running, or Temporal is down. "
            "What you sent may still be recorded. If you send exactly the same again, it counts once."
        )
    return Failed(f"Case {reference}: {error.message}")
