"""Finding what is stuck, of every case that runs or that the record has open, and why. Nothing is changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC
from enum import StrEnum

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError, RPCStatusCode

from activities import reading
from activities.database import Database
from casework.calendar import spoken_instant
from casework.model import Value
from connection.search_attributes import TROUBLE
from starter.cases import reach
from starter.cases.ended import ended
from workflows.case import workflow_id

OFTEN = 2
"""What failed more often than this is stuck."""
AT_A_TIME = 16
"""So many cases are looked at together."""
LAST_EVENTS = 30
"""Among so many of the last events of a history is the failure of a task that fails again and again."""
FIRST_LINE = 300
POSTGRES = "Is Postgres up, and can the worker reach it? The case goes on by itself then."
DOING = {
    "record": ("Writing the record", POSTGRES),
    "case_basis": ("Loading what the case is decided with", POSTGRES),
    "deliver": ("Sending a notice by email", "Is the mail server up? The notice goes out by itself then."),
    "mark_undelivered": ("Noting that a notice could not be sent", POSTGRES),
    "forward": (
        "Recording something on the case it belongs to",
        "Is that case open? Look at it with: s47 show. It goes on by itself then.",
    ),
}
"""By activity, what it does in words, and what to do where it does not succeed."""


class Kind(StrEnum):
    """In what way something is stuck."""

    TASK_FAILS = "task fails"
    ACTIVITY_RETRIES = "activity retries"
    NOT_RUNNING = "not running"
    RECORD_REFUSES = "record refuses"
    NO_WORKER = "no worker"
    NO_RECORD = "no record"


class Stuck(Value):
    """Something that is stuck: of which case (none: it is of many), why, and what to do."""

    reference: str | None
    kind: Kind
    why: str
    to_do: str


async def look(to: Client, records: Database | None, references: Sequence[str] = ()) -> list[Stuck]:
    """What is stuck of these cases, of all of them where none is named. `records` is none where Postgres is away.

    Raises `NotFound` where there is no such case, `NotReached`.
    """
    is_open = {case.reference for case in await reading.open_cases(records)} if records else set()
    wanted = list(references) or sorted(is_open | set(await reach.running(to)))
    turn = asyncio.Semaphore(AT_A_TIME)

    async def described(reference: str) -> WorkflowExecutionDescription | None:
        async with turn:
            try:
                return await to.get_workflow_handle(workflow_id(reference)).describe(rpc_timeout=reach.ANSWER_WITHIN)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise reach.of(error, reference) from None

    descriptions = dict(zip(wanted, await asyncio.gather(*map(described, wanted)), strict=True))
    findings: list[Stuck] = []
    for reference, description in descriptions.items():
        if description is None and records and await reading.front(records, reference) is None:
            raise reach.there_is_none(reference)
        if description is not None and description.status in reach.RUNS:
            findings += await _of_a_run(to, reference, description)
        elif reference in is_open:
            findings.append(await _not_running(to, reference))
    running = [run for run in descriptions.values() if run and run.status in reach.RUNS]
    return [*await _without_a_worker(to, running), *findings]


async def _not_running(to: Client, reference: str) -> Stuck:
    how = await ended(to, reference)
    return Stuck(
        reference=reference,
        kind=Kind.NOT_RUNNING,
        why=f"The record has the case open, and its workflow was {how}."
        if how
        else "The record has the case open, and Temporal does not know it.",
        to_do=f"Rebuild it from the record: s47 rebuild {reference}",
    )


async def _of_a_run(to: Client, reference: str, described: WorkflowExecutionDescription) -> list[Stuck]:
    raw, findings = described.raw_description, []
    if raw.HasField("pending_workflow_task") and raw.pending_workflow_task.attempt > OFTEN:
        why = await _last_failure(to, reference) or "A worker does not answer in time."
        findings.append(
            Stuck(
                reference=reference,
                kind=Kind.TASK_FAILS,
                why=f"The worker has failed to go on {raw.pending_workflow_task.attempt - 1} times. {why}",
                to_do="If this began with a new release of S47, go back to the one before. "
                f"Then: s47 doctor --mend {reference}",
            )
        )
    if described.typed_search_attributes.get(TROUBLE):
        findings.append(
            Stuck(
                reference=reference,
                kind=Kind.RECORD_REFUSES,
                why="The record refuses what the case decided: something that was written before is not there.",
                to_do=f"Restore the record's database if you can. Otherwise: s47 doctor --mend {reference}",
            )
        )
    return findings + [
        _retrying(reference, activity) for activity in raw.pending_activities if activity.attempt > OFTEN
    ]


def _retrying(reference: str, activity: PendingActivityInfo) -> Stuck:
    doing, to_do = DOING.get(activity.activity_type.name, (activity.activity_type.name, "Look at the worker's log."))
    since = spoken_instant(activity.scheduled_time.ToDatetime(UTC))
    failure = _first_line(activity.last_failure.message) or "it does not answer in time"
    return Stuck(
        reference=reference,
        kind=Kind.ACTIVITY_RETRIES,
        why=f"{doing} has failed {activity.attempt - 1} times since {since}. Last: {failure}",
        to_do=to_do,
    )


async def _last_failure(to: Client, reference: str) -> str | None:
    """Why the last workflow task that failed did, and on which worker."""
    asked = GetWorkflowExecutionHistoryReverseRequest(
        namespace=to.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id(reference)),
        maximum_page_size=LAST_EVENTS,
    )
    events = (await to.workflow_service.get_workflow_execution_history_reverse(asked)).history.events
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failed = event.workflow_task_failed_event_attributes
            at = spoken_instant(event.event_time.ToDatetime(UTC))
            return f"First on {at}, by worker {failed.identity}: {_first_line(failed.failure.message)}"
    return None


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:FIRST_LINE]


async def _without_a_worker(to: Client, running: Iterable[WorkflowExecutionDescription]) -> list[Stuck]:
    """The queues, and the builds that cases are pinned to, for which no worker asks."""
    cases: dict[tuple[str, str | None], int] = defaultdict(int)
    for description in running:
        versioning = description.raw_description.workflow_execution_info.versioning_info
        build = versioning.deployment_version.build_id or None
        cases[description.task_queue, build] += 1
    findings = []
    for queue in dict.fromkeys(queue for queue, _ in cases):
        builds = await reach.builds_asking(to, queue)
        for (of, build), count in cases.items():
            if of == queue and (build not in builds if build else not builds):
                which = f" of build {build}" if build else ""
                findings.append(
                    Stuck(
                        reference=None,
                        kind=Kind.NO_WORKER,
                        why=f"No worker{which} serves the task queue {queue}. Nothing happens on {_cases(count)}.",
                        to_do=f"Start a worker{which}; if one runs, look at its log.",
                    )
                )
    return findings


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"
