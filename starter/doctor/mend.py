"""Mending what is stuck: a run is reset to its last good task, or the case is rebuilt from the record.

A reset run is given again what came since, in the order in which it came. Each message counts once, by its id, and
what the record has already of a later turn the case takes over (`CaseWorkflow._catch_up`); so a reset loses nothing.
Whatever was done, the record is held against the case afterwards.
"""

import asyncio
import time
from datetime import UTC, timedelta
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import ResetReapplyExcludeType, ResetReapplyType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHistory
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities import reading
from activities.basis import CaseBasis
from activities.database import Database
from activities.records import work_lists_give_way
from casework.batch import BasisWanted
from casework.calendar import spoken_instant
from casework.case import Announced
from casework.model import Value
from connection.search_attributes import TROUBLE
from starter.cases import reach, recorded
from starter.doctor.history import Task, last_good_task, messages, start_of, tasks, unwritten
from starter.doctor.look import OFTEN, Kind, Stuck
from workflows.case import workflow_id

HELPS_WITHIN = timedelta(seconds=30)
"""How long a case that was mended may take to go on."""
LOOK_AGAIN = 0.2
MOST_NAMED = 5
WRITING = ("record", "case_basis")
"""The activities without which a case does not go on."""


class Mended(Value):
    """What was done about something that is stuck. `whole`: the case goes on, and the record agrees with it."""

    whole: bool
    done: str


class NotMended(Exception):
    """It could not be mended, and nothing is worse than before. The text says why, and what to do."""


async def mend(to: Client, records: Database, stuck: Stuck) -> Mended | None:
    """Mend it; None where nothing about it can be mended from here. Raises `NotReached`."""
    if stuck.reference is None:
        return None
    ways = {Kind.TASK_FAILS: _mend_run, Kind.NOT_RUNNING: _rebuild, Kind.RECORD_REFUSES: _write_again}
    way = ways.get(stuck.kind)
    if way is None:
        return None
    try:
        done = await way(to, records, stuck.reference)
    except (NotMended, reach.Failed, ApplicationError) as failed:
        return Mended(whole=False, done=str(failed))
    except RPCError as error:
        return Mended(whole=False, done=str(reach.of(error, stuck.reference)))
    verified = await recorded.verify(to, records, stuck.reference)
    problems = verified.problems if verified else ("neither Temporal nor the record has it",)
    if problems:
        return Mended(whole=False, done=f"{done} But the check found: {'; '.join(problems)}")
    return Mended(whole=True, done=f"{done} The record and the case agree.")


# --- The ways -----------------------------------------------------------------------------------------------------


async def _rebuild(to: Client, records: Database, reference: str) -> str:
    try:
        missing = await _not_in_the_record(records, reference, await _history(to, reference))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        missing = ""
    await reach.rebuild(to, reference)
    again = f" Send again what had not come into the record: {missing}." if missing else ""
    return f"Rebuilt from the record.{again}"


async def _mend_run(to: Client, records: Database, reference: str) -> str:
    """Reset a run that this code cannot replay; where that does not help, rebuild the case from the record."""
    history = await _history(to, reference)
    good = await last_good_task(history)
    if good is not None:
        await _reset(to, reference, history, good, "This release cannot replay what came after")
        if await _at_rest(to, reference):
            return f"Went back to {_instant(good)}, and took again what came since."
    missing = await _not_in_the_record(records, reference, history)
    tried = "Going back did not help" if good else "This release cannot replay any of its history"
    if missing:
        raise NotMended(
            f"{tried}, and the record does not have: {missing}. Run the release of S47 that the case was started with."
        )
    reason = "s47 doctor: this release cannot replay it; rebuilt from the record"
    await to.get_workflow_handle(workflow_id(reference)).terminate(reason=reason)
    await reach.rebuild(to, reference)
    return f"{tried}; the record has all that was sent, so the case was ended and rebuilt from it."


async def _write_again(to: Client, records: Database, reference: str) -> str:
    """Go back to before the first turn that the record lacks, so that it is decided and written again."""
    history = await _history(to, reference)
    start = start_of(history)
    basis = await CaseBasis(records).case_basis(BasisWanted(reference=reference, procedure="", rebuild=True))
    entries = await reading.chronology(records, reference, basis.episode)
    there = (len(basis.kept), len(entries))
    carried = start.carried.case.announced if start and start.carried else Announced()
    if start is None or carried.kept > there[0] or carried.entries > there[1]:
        began = spoken_instant(history.events[0].event_time.ToDatetime(UTC))
        raise NotMended(
            f"What the record has lost is older than the present run, which began on {began}. Restore the record's "
            f"database from a newer backup. If there is none, end the workflow ({_terminate(reference)}), then run "
            f"s47 rebuild {reference}, and send again what the record does not have."
        )
    last = max([kept.recorded_at for kept in basis.kept] + [entry.recorded_at for entry in entries], default=None)
    begun = tasks(history)
    before = [task for task in begun if last is not None and task.at + start.shift <= last]
    after = begun[len(before) : len(before) + 1]
    announced = Announced.model_validate_json(basis.announced)
    if (announced.kept, announced.entries) != there:
        await work_lists_give_way(records, reference, basis.episode)
    # A task may have been written in part: then what the record has of it stands, and the rest is decided again.
    for task in (*after, *before[-1:]):
        await _reset(to, reference, history, task, "The record has lost what was written after")
        rests = await _at_rest(to, reference)
        if rests and not rests.typed_search_attributes.get(TROUBLE):
            return f"Went back to {_instant(task)}; what the record had lost is decided and written again."
        history = await _history(to, reference)
    raise NotMended(
        f"What the record has lost could not be written again. Restore its database from a backup. If there is none, "
        f"end the workflow ({_terminate(reference)}), then run s47 rebuild {reference}."
    )


def _terminate(reference: str) -> str:
    return f"temporal workflow terminate --workflow-id {workflow_id(reference)}"


def _instant(task: Task) -> str:
    return spoken_instant(task.at)


# --- What they need -----------------------------------------------------------------------------------------------


async def _history(to: Client, reference: str) -> WorkflowHistory:
    handle = to.get_workflow_handle(workflow_id(reference))
    run = (await handle.describe()).run_id
    return await to.get_workflow_handle(workflow_id(reference), run_id=run).fetch_history()


async def _reset(to: Client, reference: str, history: WorkflowHistory, task: Task, why: str) -> None:
    """Begin the task anew in a run of its own, which is sent the messages that came since, in their order, as Signals.

    Temporal would give the run its Signals and Updates again by itself. But a worker that takes both in one task takes
    them in another order when it replays it, and each may be the ground for the next.
    """
    await to.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=to.namespace,
            workflow_execution=WorkflowExecution(workflow_id=history.workflow_id, run_id=history.run_id),
            reason=f"s47 doctor: {why}",
            workflow_task_finish_event_id=task.end,
            request_id=uuid4().hex,
            reset_reapply_type=ResetReapplyType.RESET_REAPPLY_TYPE_ALL_ELIGIBLE,
            reset_reapply_exclude_types=[
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
                ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
            ],
            identity=to.identity,
        )
    )
    sending = asyncio.create_task(_send_again(to, history, task))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:  # somebody's Ctrl-C must not come in between
        await sending
        raise


async def _send_again(to: Client, history: WorkflowHistory, task: Task) -> None:
    """Send what came from this task on; also what came while the run was being reset."""
    handle = to.get_workflow_handle(history.workflow_id)
    ended = await to.get_workflow_handle(history.workflow_id, run_id=history.run_id).fetch_history()
    for sent in messages(ended):
        if sent.event >= task.end:
            await handle.signal(sent.name, args=[RawValue(payload) for payload in sent.given.payloads])


async def _at_rest(to: Client, reference: str) -> WorkflowExecutionDescription | None:
    """A case that was reset, once it has done its tasks again and tried to write; none where it fails again."""
    handle = to.get_workflow_handle(workflow_id(reference))
    until = time.monotonic() + HELPS_WITHIN.total_seconds()
    while time.monotonic() < until:
        described = await handle.describe()
        raw = described.raw_description
        if described.status is WorkflowExecutionStatus.FAILED:
            return None
        waiting = raw.HasField("pending_workflow_task")
        if waiting and raw.pending_workflow_task.attempt > OFTEN:
            return None
        if not waiting and not any(activity.activity_type.name in WRITING for activity in raw.pending_activities):
            return described
        await asyncio.sleep(LOOK_AGAIN)
    return None


async def _not_in_the_record(records: Database, reference: str, history: WorkflowHistory) -> str:
    """What Temporal took for the case and the record does not have, in words; empty where it has all."""
    recorded_ids = {message.message_id for message in await reading.facts(records, reference, refused=True)}
    taken = [*unwritten(start_of(history)), *((sent.id, sent.name) for sent in messages(history) if sent.taken)]
    missing = [(message, name) for message, name in taken if message and message not in recorded_ids]
    named = [f"{name} {message}" for message, name in missing[:MOST_NAMED]]
    more = len(missing) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
