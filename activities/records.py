"""Writing the record: every batch in one transaction, so that a retry changes nothing."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import Database, DatabaseFailed
from activities.migrate import Connection
from activities.moment import in_a_moment
from activities.texts import storable, storable_json
from casework.batch import Batch, Front, Recorded
from casework.effects import Entry, HolidayChanged, Kept, Notice
from casework.story import Deadline, Request

DOES_NOT_FOLLOW = "S4701"
"""The code with which the database refuses a row of the record that does not follow the last one."""

UNIQUE = "23505"
"""Postgres' code of a key that is there already: here, of a message's or a line's number."""
SLOW = 0.25
"""Seconds. A record that takes longer is written outside of the workflow tasks, which have to be short."""
CASE = ("reference", "episode")
PART = (*CASE, "id")
SAME_MESSAGE = ("fact", "recorded_at", "name", "message_id", "body")
SAME_ENTRY = ("fact", "recorded_at", "what")
"""What a row that is there already must have in common with the one that is sent again.

Not the wording: a workflow that is replayed by reworded code sends a batch again whose lines were written as they
were worded before. They stay as they are, and the case goes on.
"""


class Records:
    """The records of all cases. `goes_out` says whether a notice is to be delivered beyond the tray."""

    def __init__(self, database: Database, goes_out: Callable[[Notice], bool] = lambda notice: False) -> None:
        self._database = database
        self._goes_out = goes_out

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write a batch, and say which of its notices are to be delivered beyond the tray and were not yet.

        An older batch changes no row that a newer one wrote. Nothing is written, and trying again is of no use,
        where the record has another batch, message or entry of the same number ("EntryDiffers"): a task that was
        lost wrote it, or two workflows write one case. So too where the one before is not there ("ChainBroken"):
        batches come one after the other, so an earlier one was written and is lost.
        """
        began = time.monotonic()
        recorded = await in_a_moment(self._record(batch))
        return recorded.model_copy(update={"slow": time.monotonic() - began > SLOW})

    async def _record(self, batch: Batch) -> Recorded:
        try:
            async with self._database.transaction() as connection:
                # Locks the row, changed or not: the batches of one case are written one after the other.
                is_newest = await _put(connection, "case", CASE, batch, [_case_row(batch)])
                facts, entries = (
                    [_kept_row(kept) for kept in batch.kept],
                    [_entry_row(entry) for entry in batch.entries],
                )
                if not is_newest:
                    await _is_the_same(connection, batch)
                    facts = await _new(connection, "fact", batch, facts, SAME_MESSAGE)
                    entries = await _new(connection, "entry", batch, entries, SAME_ENTRY)
                await _insert(connection, "fact", batch.front, facts)
                await _insert(connection, "entry", batch.front, entries)
                await _put(connection, "deadline", PART, batch, [_deadline_row(d) for d in batch.deadlines])
                await _put(connection, "request", PART, batch, [_request_row(r) for r in batch.requests])
                if is_newest:  # else another case may have taken back since what this one proclaimed
                    await _proclaim(connection, batch.holidays)
                return Recorded(deliver=await self._tell(connection, batch))
        except DatabaseFailed as failed:
            if failed.sqlstate == UNIQUE:
                raise _differs(batch, "message or line of a number") from None
            if failed.sqlstate != DOES_NOT_FOLLOW:
                raise
            raise ApplicationError(
                f"Batch {batch.number} of case {_episode(batch.front)} does not continue the record: "
                "what comes before it is not there. Nothing of it was written.",
                type="ChainBroken",
                non_retryable=True,
            ) from None

    async def _tell(self, connection: Connection, batch: Batch) -> tuple[str, ...]:
        """Put the notices into the trays. Gives the ids of those that are still to be delivered further."""
        if not batch.notices:
            return ()
        await _insert(
            connection,
            "notice",
            batch.front,
            [
                {**_notice_row(notice), "state": state, "channel": channel}
                for notice in batch.notices
                for state, channel in [("queued", "smtp") if self._goes_out(notice) else ("accepted", "tray")]
            ],
            "ON CONFLICT (id) DO NOTHING",
        )
        queued = await connection.fetch(
            "SELECT id FROM s47.notice WHERE id = ANY($1::text[]) AND state = 'queued' ORDER BY ordinal",
            [notice.id for notice in batch.notices],
        )
        return tuple(row["id"] for row in queued)


async def work_lists_give_way(database: Database, reference: str, episode: int) -> None:
    """Let whatever batch comes next write over the work lists of a case: they say more than the record has."""
    async with database.transaction() as connection:
        for table in ("case", "deadline", "request"):
            await connection.execute(
                f"UPDATE s47.{table} SET batch = 0 WHERE reference = $1 AND episode = $2", reference, episode
            )


async def _is_the_same(connection: Connection, batch: Batch) -> None:
    """A batch of this number that is there already has to be this very one."""
    made_at = await connection.fetchval(
        "SELECT batch_at FROM s47.case WHERE reference = $1 AND episode = $2 AND batch = $3",
        batch.front.reference,
        batch.front.episode,
        batch.number,
    )
    if made_at is not None and made_at != batch.at:
        raise _differs(batch, "batch of that number")


async def _new(
    connection: Connection, table: str, batch: Batch, rows: Sequence[dict[str, Any]], same: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows that the record does not have. What it has stays as it is, and must be `same` as what is sent."""
    front = batch.front
    of_the_case = f"FROM s47.{table} WHERE reference = $1 AND episode = $2"
    last: int = await connection.fetchval(
        f"SELECT coalesce(max(number), 0) {of_the_case}", front.reference, front.episode
    )
    compared = " AND ".join(f"{column} IS NOT DISTINCT FROM ${place}" for place, column in enumerate(same, 4))
    for row in rows:
        if row["number"] <= last and not await connection.fetchval(
            f"SELECT {compared} {of_the_case} AND number = $3",
            front.reference,
            front.episode,
            row["number"],
            *(row[column] for column in same),
        ):
            raise _differs(batch, f"{table} {row['number']}")
    return [row for row in rows if row["number"] > last]


def _differs(batch: Batch, what: str) -> ApplicationError:
    return ApplicationError(
        f"The record of case {_episode(batch.front)} has another {what} already than batch "
        f"{batch.number} has. Nothing of this batch was written.",
        type="EntryDiffers",
        non_retryable=True,
    )


async def _put(
    connection: Connection, table: str, key: Sequence[str], batch: Batch, rows: Sequence[Mapping[str, Any]]
) -> bool:
    """Write these rows, over those that an older batch wrote and under those of a newer one.

    Says whether all of them are now as this batch has them and were not before.
    """
    if not rows:
        return False
    said_again = [column for column in (*rows[0], "batch") if column not in key]
    written = await _insert(
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
    return written == len(rows)


async def _insert(
    connection: Connection, table: str, front: Front, rows: Sequence[Mapping[str, Any]], otherwise: str = ""
) -> int:
    """Insert rows of one case in their order; their keys are the columns. Gives how many were written."""
    if not rows:
        return 0
    whole = [{"reference": front.reference, "episode": front.episode, **row} for row in rows]
    names = list(whole[0])
    places = ", ".join(f"${number}" for number, _ in enumerate(names, 1))
    written = await connection.fetchmany(
        f"INSERT INTO s47.{table} AS kept ({', '.join(names)}) VALUES ({places}) {otherwise} RETURNING 1",
        [tuple(row[name] for name in names) for row in whole],
    )
    return len(written)


async def _proclaim(connection: Connection, changes: Sequence[HolidayChanged]) -> None:
    """Keep the bank holidays proclaimed for the authority, for the cases that open later."""
    for change in changes:
        await connection.execute(
            "INSERT INTO s47.holiday (day) VALUES ($1) ON CONFLICT (day) DO NOTHING"
            if change.proclaimed
            else "DELETE FROM s47.holiday WHERE day = $1",
            change.day,
        )


def _case_row(batch: Batch) -> dict[str, Any]:
    front = batch.front
    return {
        "procedure": front.procedure,
        "procedure_fingerprint": front.procedure_fingerprint,
        "opened_with": front.opened_with,
        "calendar": front.calendar,
        "person": front.person,
        "team": front.team and storable(front.team),
        "allocated_to": front.allocated_to,
        "allocated_role": front.allocated_role,
        "stage": front.stage.value,
        "opened_at": front.opened_at,
        "closed_at": front.closed_at,
        "next_due": front.next_due,
        "overdue": list(front.overdue),
        "waiting_for": list(front.waiting_for),
        "announced": storable_json(batch.announced),
        "batch_at": batch.at,
        "written_at": datetime.now(UTC),
    }


def _kept_row(kept: Kept) -> dict[str, Any]:
    return {
        "number": kept.number,
        "fact": kept.fact,
        "refused": kept.refused and storable(kept.refused),
        "recorded_at": kept.recorded_at,
        "occurred_at": kept.occurred_at and _within_time(kept.occurred_at),
        "name": storable(kept.name),
        "message_id": kept.message_id and storable(kept.message_id),
        "person": kept.person and storable(kept.person),
        "role": kept.role and storable(kept.role),
        "body": storable_json(kept.body),
        "state": kept.state and storable_json(kept.state),
    }


def _within_time(instant: datetime) -> datetime | None:
    """In UTC; of the first and the last year there is, it may lie beyond: the body has it as it was sent."""
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None


def _entry_row(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "fact": entry.fact,
        "recorded_at": entry.recorded_at,
        "occurred_at": entry.occurred_at,
        "by": storable(entry.by),
        "what": storable(entry.what),
        "text": storable(entry.text),
        "cites": list(entry.cites),
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
        "body": storable_json(deadline.model_dump_json()),
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
        "because": request.because,
        "cites": list(request.cites),
        "body": storable_json(request.model_dump_json()),
    }


def _notice_row(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "role": notice.to,
        "person": notice.person,
        "text": storable(notice.text),
        "at": notice.at,
        "deadline": notice.deadline,
        "request": notice.request,
    }


def _episode(front: Front) -> str:
    return f"{front.reference} (episode {front.episode})"
