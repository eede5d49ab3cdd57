"""Recording a fact on the case where it belongs, after it was recorded on the wrong child's."""

import json

from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.database import Database
from casework.batch import Forwarding


class Forwards:
    """The way from one case to another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @activity.defn(name="forward")
    async def forward(self, forwarding: Forwarding) -> str:
        """Send the message of a fact, whole as the record has it, to the other case. Gives why not, or nothing.

        Its id there is made of where it comes from, so that an attempt made twice counts once.
        """
        fact, to = forwarding.forwarded.fact, forwarding.forwarded.to
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT name, body FROM s47.fact WHERE reference = $1 AND episode = $2 AND fact = $3",
                forwarding.reference,
                forwarding.episode,
                fact,
            )
        if row is None:
            raise ApplicationError(f"No. {fact} is not in the record yet", type="NotRecorded")
        body = json.loads(row["body"])
        body["id"] = f"moved-{forwarding.reference}-{forwarding.episode}-{fact}"[-64:].lstrip("-._")
        body["moved_from"] = f"{forwarding.reference}.{fact}"
        handle = activity.client().get_workflow_handle(f"case-{to}")
        try:
            await handle.execute_update(row["name"], body, id=body["id"])
        except WorkflowUpdateFailedError as refused:
            return str(refused.cause)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return f"case {to} is not open"
            raise
        return ""
