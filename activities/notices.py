"""Delivering notices beyond the tray, where each already lies since its batch was recorded."""

import asyncio

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import Database
from activities.mail import Mail, NotTaken, Undeliverable
from activities.migrate import Connection
from casework.batch import Delivered, Delivery

AT_ONCE = 4
"""Deliveries at the same time; each holds a connection to the records, of which the rest is for writing them."""


class Notices:
    """The ledger of deliveries, and the channel that they go by."""

    def __init__(self, database: Database, mail: Mail) -> None:
        self._database = database
        self._mail = mail
        self._turns = asyncio.Semaphore(AT_ONCE)

    @activity.defn(name="deliver")
    async def deliver(self, delivery: Delivery) -> Delivered:
        """Send a notice by e-mail, unless it was sent, was refused for good, or was seen in the tray meanwhile.

        The ledger's row is held while it is sent, so that an earlier attempt that still goes on and this one do not
        both send it. What may succeed later is raised ("NotTaken"), to be tried again. A worker that dies after the
        mail server took it and before the ledger says so sends a copy, which has the same Message-ID.
        """
        async with self._turns, self._database.transaction() as connection:
            row = await connection.fetchrow(
                "SELECT state, channel, last_error FROM s47.notice WHERE id = $1 FOR UPDATE NOWAIT", delivery.notice.id
            )
            if row is None:
                raise ApplicationError(f"Notice {delivery.notice.id} is not in the record yet", type="NotRecorded")
            if row["state"] != "queued":
                failed = row["last_error"] if row["state"] == "failed" else None
                return Delivered(channel=row["channel"], failed=failed)
            answer = await self._send(connection, delivery)
        if isinstance(answer, NotTaken):
            raise ApplicationError(str(answer), type="NotTaken")
        return answer

    @activity.defn(name="mark_undelivered")
    async def mark_undelivered(self, delivery: Delivery, reason: str) -> None:
        """Write down that a notice was given up. One that was delivered or seen after all stays so."""
        async with self._database.connection() as connection:
            await connection.execute(
                "UPDATE s47.notice SET state = 'failed', last_error = $2 WHERE id = $1 AND state = 'queued'",
                delivery.notice.id,
                reason,
            )
        activity.logger.warning("Notice %s was given up", delivery.notice.id)

    async def _send(self, connection: Connection, delivery: Delivery) -> Delivered | NotTaken:
        notice = delivery.notice
        address = self._mail.address(notice)
        if address is None:  # the settings are others than when it was recorded
            await connection.execute(
                "UPDATE s47.notice SET state = 'accepted', channel = 'tray' WHERE id = $1", notice.id
            )
            return Delivered(channel="tray")
        try:
            await self._mail.send(delivery, address)
        except Undeliverable as refused:
            await _tried(connection, notice.id, "failed", str(refused))
            activity.logger.warning("Notice %s cannot be delivered by e-mail", notice.id)
            return Delivered(channel="smtp", failed=str(refused))
        except NotTaken as problem:
            await _tried(connection, notice.id, "queued", str(problem))
            return problem
        await _tried(connection, notice.id, "delivered", None)
        activity.logger.info("Notice %s was sent by e-mail", notice.id)
        return Delivered(channel="smtp")


async def _tried(connection: Connection, notice_id: str, state: str, problem: str | None) -> None:
    await connection.execute(
        "UPDATE s47.notice SET state = $2, last_error = $3, attempts = attempts + 1, tried_at = now() WHERE id = $1",
        notice_id,
        state,
        problem,
    )
