"""What a run's history says: which messages came, up to where this code can replay it, when each task was begun."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from pydantic import ValidationError
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Request
from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer

from casework.effects import Kept
from connection.temporal import DATA_CONVERTER
from worker import RUNNER
from workflows.case import CaseStart, CaseWorkflow

REPLAYED_WITHIN = 60.0
"""Seconds that replaying one history may take."""


class Sent(NamedTuple):
    """A message that Temporal took for a case by `event`: its id, where it has one, its name and itself.

    `taken`: the case said that it is recorded, or it came by Signal, where nobody waits to hear it.
    """

    event: int
    id: str | None
    name: str
    given: Payloads
    taken: bool = True


class Task(NamedTuple):
    """A workflow task to which a run can be reset: it is done again, and what came after it.

    `end` is the event with which it ended; `at` (UTC) when it was begun.
    """

    end: int
    at: datetime


def tasks(history: WorkflowHistory) -> list[Task]:
    """The workflow tasks to which a run can be reset, oldest first. Not the one that opened the case: done again, it
    would find the case open in the record, and fail."""
    start = start_of(history)
    opens = start is not None and start.carried is None and not start.rebuild
    tasks = []
    for before, event in zip(history.events, history.events[1:], strict=False):
        if before.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED and event.event_type in (
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
            EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        ):
            tasks.append(Task(event.event_id, before.event_time.ToDatetime(UTC)))
    return tasks[1:] if opens else tasks


async def last_good_task(history: WorkflowHistory) -> Task | None:
    """The last task up to which this code replays the history; None where it replays nothing of it."""
    good, candidates = None, tasks(history)
    while candidates:
        middle = candidates[len(candidates) // 2]
        if await replays(history, up_to=middle.end):
            good, candidates = middle, candidates[len(candidates) // 2 + 1 :]
        else:
            candidates = candidates[: len(candidates) // 2]
    return good


async def replays(history: WorkflowHistory, *, up_to: int) -> bool:
    """Whether this code replays the events before this one, which is what a run that is reset to it keeps."""
    kept = WorkflowHistory(history.workflow_id, [event for event in history.events if event.event_id < up_to])
    replayer = Replayer(
        workflows=[CaseWorkflow],
        workflow_runner=RUNNER,
        data_converter=DATA_CONVERTER,
        runtime=_silent(),
    )
    try:
        async with asyncio.timeout(REPLAYED_WITHIN):
            await replayer.replay_workflow(kept)
    except Exception:  # whatever it is that this code makes of another's history
        return False
    return True


@cache
def _silent() -> Runtime:
    """Else the SDK would tell of each try on standard output."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


def start_of(history: WorkflowHistory) -> CaseStart | None:
    """What the run was started with; None where that cannot be read."""
    given = history.events[0].workflow_execution_started_event_attributes.input
    try:
        start = DATA_CONVERTER.payload_converter.from_payloads(given.payloads, [CaseStart])[0]
    except (ValidationError, ValueError, IndexError):
        return None
    return start if isinstance(start, CaseStart) else None


def unwritten(start: CaseStart | None) -> Iterator[tuple[str | None, str]]:
    """The ids and names of the messages that the run before had taken and not yet written."""
    if start is None or start.carried is None:
        return
    unsent = start.carried.unsent
    waiting = [effect for pending in unsent.pending for effect in pending.effects]
    for kept in (*(unsent.in_flight.kept if unsent.in_flight else ()), *waiting):
        if isinstance(kept, Kept):
            yield kept.message_id, kept.name


def messages(history: WorkflowHistory) -> list[Sent]:
    """What Temporal took for the case in this run, in the order in which it came."""
    sent: list[Sent] = []
    updates: dict[str, int] = {}

    def updated(event: HistoryEvent, request: Request, *, taken: bool) -> None:
        if request.meta.update_id not in updates:
            updates[request.meta.update_id] = len(sent)
            sent.append(Sent(event.event_id, _id(request.input.args), request.input.name, request.input.args, taken))

    for event in history.events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                signal = event.workflow_execution_signaled_event_attributes
                sent.append(Sent(event.event_id, _id(signal.input), signal.signal_name, signal.input))
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:  # somebody reset the run before
                updated(event, event.workflow_execution_update_admitted_event_attributes.request, taken=True)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                accepted = event.workflow_execution_update_accepted_event_attributes
                updated(event, accepted.accepted_request, taken=False)
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
                completed = event.workflow_execution_update_completed_event_attributes
                if completed.outcome.HasField("success") and completed.meta.update_id in updates:
                    place = updates[completed.meta.update_id]
                    sent[place] = sent[place]._replace(taken=True)
    return sent


def _id(given: Payloads) -> str | None:
    try:
        message_id = json.loads(given.payloads[0].data)["id"]
    except (IndexError, KeyError, TypeError, ValueError):
        return None
    return message_id if isinstance(message_id, str) else None
