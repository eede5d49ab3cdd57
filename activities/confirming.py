"""Seeing to it that each case knows of all that stands in its record.

A turn is recorded within a workflow task, and that task may be lost afterwards. Done again, it finds what was written,
and the case goes on from there. But a message that came as an Update is not brought again where its sender has gone:
then the record would have something of which the case does not know, and whose clocks would not run.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.database import Database, DatabaseFailed
from casework.batch import LastWritten, Recorded

EVERY = 20.0
"""Seconds between two looks."""
ANSWER_WITHIN = timedelta(seconds=5)
NEWEST_EVENTS = 50
"""So many are looked at: those of some eight messages."""
LOCAL_ACTIVITY = "core_local_activity"
"""What the SDK calls the event that keeps what an activity within a workflow task has answered."""
UNCONFIRMED = """
SELECT reference, episode, batch, batch_at FROM s47.case
WHERE confirmed < batch AND written_at < now() - interval '15 seconds' ORDER BY written_at LIMIT 500
"""


class Confirming:
    """Looks after what was recorded a moment ago, again and again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def go_on(self, client: Client) -> None:
        """Confirm what is recorded, for ever; what cannot be reached is looked at the next time."""
        while True:
            with suppress(DatabaseFailed, OSError, RPCError, TimeoutError):
                await self.confirm(client)
            await asyncio.sleep(EVERY)

    async def confirm(self, client: Client) -> None:
        """Ask each case whose record was not confirmed yet; one that does not know all of it goes on from it."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(UNCONFIRMED)
        for row in rows:
            if await self._knows(client, row):
                async with self._database.connection() as connection:
                    await connection.execute(
                        "UPDATE s47.case SET confirmed = $3 WHERE reference = $1 AND episode = $2 AND confirmed < $3",
                        row["reference"],
                        row["episode"],
                        row["batch"],
                    )

    async def _knows(self, client: Client, row: Any) -> bool:
        this = (row["episode"], row["batch"], row["batch_at"])
        handle = client.get_workflow_handle(f"case-{row['reference']}")
        try:
            # A run that is asked leaves the cache, so what its history shows is looked at first.
            seen = await last_in_history(client, handle.id)
            if seen is not None and seen.knows_of(*this):
                return True
            last = await handle.query("last_written", result_type=LastWritten, rpc_timeout=ANSWER_WITHIN)
            if last.knows_of(*this):
                return True
            logging.warning("case %s goes on from its record: a workflow task of it was lost", row["reference"])
            await handle.signal("go_on_from_the_record")
        except RPCError as error:
            # Closed, or lost: that is for others to find. One that does not answer is asked again.
            return error.status is RPCStatusCode.NOT_FOUND
        return False


async def last_in_history(client: Client, workflow_id: str) -> LastWritten | None:
    """The last batch that the newest events of a workflow show as written. None where they show none: the answer is
    further back, or in an earlier run."""
    tail = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id),
            maximum_page_size=NEWEST_EVENTS,
        ),
        timeout=ANSWER_WITHIN,
    )
    for event in tail.history.events:
        marker = event.marker_recorded_event_attributes
        if marker.marker_name == LOCAL_ACTIVITY and "result" in marker.details:
            [about] = await client.data_converter.decode(marker.details["data"].payloads)
            if about["activity_type"] == "record":
                recorded: Recorded
                [recorded] = await client.data_converter.decode(marker.details["result"].payloads, [Recorded])
                return recorded.written
    return None
