"""The activities a worker serves, and the real things they work with."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from activities.basis import CaseBasis, bank_holidays
from activities.confirming import Confirming
from activities.database import Database, DatabaseFailed
from activities.forwarding import Forwards
from activities.mail import Mail
from activities.notices import Notices
from activities.records import Records
from connection.settings import WrongSettings, settings


@asynccontextmanager
async def production() -> AsyncIterator[tuple[list[Callable[..., Any]], Confirming]]:
    """Every activity, and what confirms the record, on what the settings name: the records' database, its schema
    brought up to date, and the mail server. The workflow calls activities by their names.

    A database that does not answer is waited for by the activities themselves. Raises `WrongSettings`,
    and `WrongMigrations`.
    """
    chosen = settings()
    if not chosen.postgres:
        raise WrongSettings("S47_POSTGRES is not set: it is the DSN of the records' database. `s47 up` sets it.")
    database = Database(chosen.postgres)
    mail = Mail(chosen)
    records = Records(database, mail.reaches)
    await asyncio.to_thread(bank_holidays)  # takes a second the first time: not while somebody waits for a new case
    try:
        try:
            await database.prepare()
        except DatabaseFailed as problem:
            logging.warning("the records cannot be reached yet: %s", problem)
        notices, basis = Notices(database, mail), CaseBasis(database, chosen.procedures)
        activities: list[Callable[..., Any]] = [
            basis.case_basis,
            records.record,
            notices.deliver,
            notices.mark_undelivered,
            Forwards(database).forward,
        ]
        yield activities, Confirming(database)
    finally:
        await database.close()
