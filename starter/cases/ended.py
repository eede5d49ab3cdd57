"""How the workflow of a case ended, as far as Temporal knows it."""

from datetime import datetime

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistoryEventFilterType
from temporalio.service import RPCError, RPCStatusCode

from casework.calendar import spoken_instant
from casework.model import Value
from connection.stuck import ENDS
from starter.cases import reach
from workflows.case import workflow_id


class Ended(Value):
    """How a workflow ended: `how` in a word, `at` (UTC), `by` whom and `why`, where Temporal says it."""

    how: str
    at: datetime | None = None
    by: str | None = None
    why: str | None = None

    def __str__(self) -> str:
        at = f" on {spoken_instant(self.at)}" if self.at else ""
        by = f" by {self.by}" if self.by else ""
        why = f": {self.why}" if self.why else ""
        return f"{self.how} in Temporal{at}{by}{why}"


async def ended(to: Client, reference: str) -> Ended | None:
    """How the last run of a case ended; None where it runs, or where Temporal knows nothing of it. Raises `Failed`."""
    handle = to.get_workflow_handle(workflow_id(reference))
    try:
        described = await handle.describe(rpc_timeout=reach.ANSWER_WITHIN)
        how = ENDS.get(described.status) if described.status else None
        if how is None:
            return None
        last = [
            event
            async for event in handle.fetch_history_events(
                event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT, rpc_timeout=reach.ANSWER_WITHIN
            )
        ]
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise reach.of(error, reference) from None
    by, why = _by_whom(last[-1]) if last else (None, None)
    return Ended(how=how, at=described.close_time, by=by, why=why)


def _by_whom(event: HistoryEvent) -> tuple[str | None, str | None]:
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        terminated = event.workflow_execution_terminated_event_attributes
        return terminated.identity or None, terminated.reason or None
    if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        return None, event.workflow_execution_failed_event_attributes.failure.message or None
    return None, None
