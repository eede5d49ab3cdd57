"""What every command needs to reach the cases and the record, and to say plainly what does not answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

from temporalio.client import Client

from activities import reading
from activities.database import Database, DatabaseFailed
from casework.case import Case
from connection.settings import WrongSettings
from connection.temporal import SETTLE
from starter.cases import reach, recorded

Returned = TypeVar("Returned")


def run(doing: Coroutine[Any, Any, Returned]) -> Returned:
    """Run what a command does, to its end."""

    async def settled() -> Returned:
        try:
            return await doing
        finally:
            await asyncio.sleep(SETTLE)

    return asyncio.run(settled())


def now() -> datetime:
    """The UTC instant at which a command runs."""
    return datetime.now(UTC)


@asynccontextmanager
async def records() -> AsyncIterator[Database]:
    """The records in Postgres. Raises `NotReached` or `WrongSettings`."""
    database = Database(reach.records_dsn())
    try:
        await database.prepare()
        yield database
    except (DatabaseFailed, OSError) as error:
        raise reach.NotReached(f"The record's database does not answer: {error}") from None
    finally:
        await database.close()


async def read(to: Client, case: str) -> Case:
    """The case as the record has it. Raises `NotFound`, `Lost` for one that does not run, `NotReached`."""
    state, is_lost = await current(to, case)
    if is_lost:
        raise reach.Lost(case)
    return state


async def look_closer(to: Client, case: str, failed: reach.NotFound) -> reach.NotFound:
    """Why a case is not found: a lost one, one that is closed and one that never was look alike to Temporal."""
    try:
        async with records() as database:
            if await recorded.is_lost(to, database, case):
                return reach.Lost(case)
            front = await reading.front(database, case)
            if front is None and isinstance(failed, reach.Lost):
                return reach.there_is_none(case)
            if front is not None and front.closed_at is not None:
                return reach.is_closed(case)
    except (reach.NotReached, WrongSettings):
        pass
    return failed


async def current(to: Client, case: str) -> tuple[Case, bool]:
    """The case as the record has it, and whether Temporal has lost it. Raises `NotFound`, `NotReached`."""
    async with records() as database:
        return await recorded.current(to, database, case, now())
