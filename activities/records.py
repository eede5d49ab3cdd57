"""Writing the record: every batch in one transaction, so that a retry changes nothing."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import Database, DatabaseFailed
from activities.migrate import Connection
from activities.moment import TakesLonger, in_a_moment
from activities.texts import storable, storable_json
from activities.writing import Row, Rows, write
from casework.batch import Batch, Front, Recorded
from casework.effects import Entry, Kept, Notice
from casework.story import Deadline, Request

DOES_NOT_FOLLOW = "S4701"
"""The code with which the database refuses a row of the record that does not follow the last one."""

UNIQUE = "23505"
"""Postgres' code of a key that is there already: here, of a message's or a line's number."""
SLOW = 0.25
"""Seconds. A record that takes longer is written outside of the workflow tasks, which have to be short."""
SAME_MESSAGE = ("fact", "recorded_at", "name", "message_id", "body")
SAME_ENTRY = ("fact", "recorded_at", "what")
"""What a row that is there already must have in common with the one that is sent again.

Not the wording: a workflow that is replayed by reworded code sends a batch again whose lines were written as they
were worded before. They stay as they are, and the case goes on.
"""


class _Tried(NamedTuple):
    """The last batch of a case that this worker tried to write; `follows`: it had tried the one before too."""

    episode: int
    number: int
    at: datetime
    follows: bool


class Records:
    """The records of all cases. `goes_out` says whether a notice is to be delivered beyond the tray."""

    def __init__(self, database: Database, goes_out: Callable[[Notice], bool] = lambda notice: False) -> None:
        self._database = database
        self._goes_out = goes_out
        self._tried: dict[str, _Tried] = {}

    @activity.defn(name="record")
    async def record(self, batch: Batch) -> Recorded:
        """Write a batch, and say which of its notices are to be delivered beyond the tray and were not yet.

        An older batch changes no row that a newer one wrote. Nothing is written, and trying again is of no use,
        where the record has another batch, message or entry of the same number ("EntryDiffers"): a task that was
        lost wrote it, or two workflows write one case. So too where the one before is not there ("ChainBroken"):
        batches come one after the other, so an earlier one was written and is lost.

        Where the record cannot be reached in a moment, the error is "RecordAway" if this worker wrote the batch before
        this one, and knows of no other in its place; else a task that was lost may have written one.
        """
        tried = self._try(batch)
        began = time.monotonic()
        try:
            recorded = await in_a_moment(self._record(batch))
        except (TakesLonger, DatabaseFailed) as failed:
            if tried.follows:
                raise ApplicationError(str(failed), type="RecordAway") from None
            raise
        return recorded.model_copy(update={"slow": time.monotonic() - began > SLOW})

    def _try(self, batch: Batch) -> "_Tried":
        """Note that a batch is being written, and whether it follows the last that this worker wrote of the case."""
        front = batch.front
        last = self._tried.get(front.reference)
        if last is None or (last.episode, last.number, last.at) != (front.episode, batch.number, batch.at):
            follows = last is not None and (last.episode, last.number + 1) == (front.episode, batch.number)
            last = self._tried[front.reference] = _Tried(front.episode, batch.number, batch.at, follows)
        return last

    async def _record(self, batch: Batch) -> Recorded:
        rows = self._rows(batch)
        try:
            async with self._database.connection() as connection:
                newest, queued = await write(connection, batch, rows)
                if not newest:
                    newest, queued = await self._write_again(connection, batch, rows)
                return Recorded(deliver=queued, written=batch.written)
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

    async def _write_again(self, connection: Connection, batch: Batch, rows: Rows) -> tuple[bool, tuple[str, ...]]:
        """Write what the record does not have of a batch that is not the newest, or that was written already."""
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM s47.case WHERE reference = $1 AND episode = $2 FOR UPDATE",
                batch.front.reference,
                batch.front.episode,
            )
            await _is_the_same(connection, batch)
            facts = await _new(connection, "fact", batch, rows["fact"], SAME_MESSAGE)
            entries = await _new(connection, "entry", batch, rows["entry"], SAME_ENTRY)
            return await write(connection, batch, {**rows, "fact": facts, "entry": entries}, in_any_case=True)

    def _rows(self, batch: Batch) -> Rows:
        """What is to be written, by table."""
        return {
            "case": [_case_row(batch)],
            "fact": [_kept_row(kept) for kept in batch.kept],
            "entry": [_entry_row(entry) for entry in batch.entries],
            "deadline": [_deadline_row(deadline) for deadline in batch.deadlines],
            "request": [_request_row(request) for request in batch.requests],
            "notice": [_notice_row(notice, goes_out=self._goes_out(notice)) for notice in batch.notices],
        }


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


async def _new(connection: Connection, table: str, batch: Batch, rows: Sequence[Row], same: Sequence[str]) -> list[Row]:
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


def _case_row(batch: Batch) -> Row:
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


def _kept_row(kept: Kept) -> Row:
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


def _entry_row(entry: Entry) -> Row:
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


def _deadline_row(deadline: Deadline) -> Row:
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


def _request_row(request: Request) -> Row:
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


def _notice_row(notice: Notice, *, goes_out: bool) -> Row:
    state, channel = ("queued", "smtp") if goes_out else ("accepted", "tray")
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "role": notice.to,
        "person": notice.person,
        "text": storable(notice.text),
        "at": notice.at,
        "deadline": notice.deadline,
        "request": notice.request,
        "state": state,
        "channel": channel,
    }


def _episode(front: Front) -> str:
    return f"{front.reference} (episode {front.episode})"
