"""Writing the record: every batch in one transaction, so that a retry changes nothing."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import Database, DatabaseFailed
from activities.entries import columns, storable
from activities.migrate import Connection
from casework.batch import Batch, Front, Recorded
from casework.case import Deadline, Request
from casework.effects import Entry, Notice, said
from casework.model import Value

SEAL_IS_WRONG = "S4701"
"""The code with which the database refuses an entry that does not seal the one before it."""


class Records:
    """The records of all cases. `goes_out` says whether a notice is to be delivered beyond the tray."""

    def __init__(self, database: Database, goes_out: Callable[[Notice], bool] = lambda notice: False) -> None:
        self._database = database
        self._goes_out = goes_out

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write a batch, and say which of its notices are to be delivered beyond the tray and were not yet.

        An older batch changes no row that a newer one wrote. Where the chronology already has another entry of
        the same number ("EntryDiffers"), or an entry does not seal the one before it ("ChainBroken"), nothing is
        written and trying again is of no use. An entry whose predecessor is not there yet is tried again.
        """
        try:
            async with self._database.transaction() as connection:
                # Locks the row, changed or not: the batches of one case are written one after the other.
                await _put(connection, "case", ("reference", "episode"), batch, [_case_row(batch.front)])
                await _append(connection, batch.front, batch.entries)
                await _put(connection, "deadline", PART, batch, [_deadline_row(d) for d in batch.deadlines])
                await _put(connection, "request", PART, batch, [_request_row(r) for r in batch.requests])
                return Recorded(deliver=await self._tell(connection, batch))
        except DatabaseFailed as failed:
            if failed.sqlstate != SEAL_IS_WRONG:
                raise
            raise ApplicationError(
                f"Batch {batch.number} of case {_episode(batch.front)} does not continue the chronology: "
                "an entry does not seal the one before it. Nothing of it was written.",
                type="ChainBroken",
                non_retryable=True,
            ) from None

    async def earlier_episodes(self, reference: str) -> int:
        """How many episodes of this reference there were."""
        async with self._database.connection() as connection:
            last = await connection.fetchval("SELECT max(episode) FROM s47.case WHERE reference = $1", reference)
        return int(last or 0)

    async def _tell(self, connection: Connection, batch: Batch) -> tuple[str, ...]:
        """Put the notices into the trays. Gives the ids of those that are still to be delivered further."""
        await connection.executemany(
            """
            INSERT INTO s47.notice
                (id, reference, episode, kind, role, person, text, at, deadline, request, state, channel)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (id) DO NOTHING
            """,
            [
                (
                    notice.id,
                    batch.front.reference,
                    batch.front.episode,
                    notice.kind.value,
                    notice.to,
                    notice.person,
                    storable(notice.text),
                    notice.at,
                    notice.deadline,
                    notice.request,
                    *(("queued", "smtp") if self._goes_out(notice) else ("accepted", "tray")),
                )
                for notice in batch.notices
            ],
        )
        queued = await connection.fetch(
            "SELECT id FROM s47.notice WHERE id = ANY($1::text[]) AND state = 'queued' ORDER BY ordinal",
            [notice.id for notice in batch.notices],
        )
        return tuple(row["id"] for row in queued)


PART = ("reference", "episode", "id")


async def _append(connection: Connection, front: Front, entries: Sequence[Entry]) -> None:
    """Add to the chronology what it does not have. What it has must say the same."""
    if not entries:
        return
    there = await connection.fetch(
        "SELECT number, seal FROM s47.entry WHERE reference = $1 AND episode = $2 AND number = ANY($3::integer[])",
        front.reference,
        front.episode,
        [entry.number for entry in entries],
    )
    kept: dict[int, str] = {row["number"]: row["seal"] for row in there}
    for entry in entries:
        if kept.get(entry.number, entry.seal) != entry.seal:
            raise ApplicationError(
                f"Entry {entry.number} of case {_episode(front)} is in the record already and says something else. "
                "Nothing of this batch was written.",
                type="EntryDiffers",
                non_retryable=True,
            )
    new = [entry for entry in entries if entry.number not in kept]
    lines = [(entry.seal, said(entry)) for entry in new]
    rows = [{**columns(line), "said": line, "seal": seal} for seal, line in lines]
    await _insert(connection, "entry", front, rows)
    if new:
        await connection.execute(
            "UPDATE s47.case SET entries = $3, seal = $4 WHERE reference = $1 AND episode = $2 AND entries < $3",
            front.reference,
            front.episode,
            new[-1].number,
            new[-1].seal,
        )


async def _put(
    connection: Connection, table: str, key: Sequence[str], batch: Batch, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write these rows, over those that an older batch wrote and under those of a newer one."""
    if not rows:
        return
    said_again = [column for column in (*rows[0], "batch") if column not in key]
    await _insert(
        connection,
        table,
        batch.front,
        [{**row, "batch": batch.number} for row in rows],
        f"""
        ON CONFLICT ({", ".join(key)}) DO UPDATE
        SET {", ".join(f"{column} = excluded.{column}" for column in said_again)}
        WHERE kept.batch < excluded.batch
        """,
    )


async def _insert(
    connection: Connection, table: str, front: Front, rows: Sequence[Mapping[str, Any]], otherwise: str = ""
) -> None:
    """Insert rows of one case, one after the other; their keys are the columns."""
    of_the_case = {"reference": front.reference, "episode": front.episode}
    whole = [{**of_the_case, **row} for row in rows]
    if not whole:
        return
    names = list(whole[0])
    places = ", ".join(f"${number}" for number, _ in enumerate(names, 1))
    await connection.executemany(
        f"INSERT INTO s47.{table} AS kept ({', '.join(names)}) VALUES ({places}) {otherwise}",
        [tuple(row[name] for name in names) for row in whole],
    )


def _case_row(front: Front) -> dict[str, Any]:
    return {
        "procedure": front.procedure,
        "procedure_fingerprint": front.procedure_fingerprint,
        "person": front.person,
        "team": front.team and storable(front.team),
        "allocated_to": front.allocated_to,
        "stage": front.stage.value,
        "opened_at": front.opened_at,
        "closed_at": front.closed_at,
        "next_due": front.next_due,
        "overdue": list(front.overdue),
        "waiting_for": list(front.waiting_for),
    }


def _deadline_row(deadline: Deadline) -> dict[str, Any]:
    return {
        "id": deadline.id,
        "timescale": deadline.timescale,
        "duty": deadline.duty,
        "owner": deadline.owner,
        "state": deadline.state.value,
        "running": deadline.running,
        "due": deadline.due,
        "due_on": deadline.on,
        "opened_at": deadline.opened_at,
        "met_at": deadline.met_at,
        "breached_at": deadline.breached_at,
        "closed_at": deadline.closed_at,
        "cites": list(deadline.cites),
        "body": _body(deadline),
    }


def _request_row(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "subject": request.subject.value,
        "title": request.title,
        "roles": list(request.to),
        "assigned_to": request.assigned_to,
        "asked_by": request.asked_by,
        "asked_by_role": request.asked_by_role,
        "asked_at": request.asked_at,
        "state": request.state.value,
        "waiting": request.waiting,
        "decided_by": request.decided_by and storable(request.decided_by),
        "decided_at": request.decided_at,
        "reason": request.reason and storable(request.reason),
        "cites": list(request.cites),
        "body": _body(request),
    }


def _body(value: Value) -> str:
    """The whole as JSON, less its null characters, which Postgres takes in no text."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\\u0000", r"\1␀", value.model_dump_json())


def _episode(front: Front) -> str:
    return f"{front.reference} (episode {front.episode})"
