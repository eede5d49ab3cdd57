"""What a case begins with: its procedure, the bank holidays, its episode; of one that is rebuilt, all of its record."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import asyncpg
from holidays import country_holidays
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.database import Database
from activities.migrate import Connection
from activities.moment import in_a_moment
from casework.batch import Basis, BasisWanted
from casework.calendar import BankHolidays
from casework.effects import Kept, Notice
from casework.procedure import Procedure
from casework.procedure_files import WrongProcedure, load
from casework.snapshots import from_json
from casework.stages.referral import ReferralReceived

YEARS_BEFORE, YEARS_AFTER = 20, 19
"""A fact may be as old as the child, and a case may last until the child is of age."""

UNDELIVERED = """
SELECT id, kind, role AS to, person, text, at, deadline, request FROM s47.notice
WHERE reference = $1 AND episode = $2 AND (state = 'queued' OR state = 'failed' AND NOT EXISTS (
    SELECT FROM s47.entry
    WHERE entry.reference = $1 AND entry.episode = $2 AND position(notice.id || ' ' IN entry.text || ' ') > 0))
ORDER BY ordinal
"""

OF_A_FACT = {"body": "CASE WHEN fact IS NULL THEN body::text ELSE '' END AS body"}
KEPT = f"""
SELECT {", ".join(OF_A_FACT.get(name, name) for name in Kept.model_fields)} FROM s47.fact
WHERE reference = $1 AND episode = $2 ORDER BY number
"""
"""What the record keeps of a case, but of a fact not the sender's own words: no case is decided with them."""


class CaseBasis:
    """Where a case's snapshots come from. `procedures` are the folders of an authority's own procedure files."""

    def __init__(self, database: Database, procedures: Sequence[Path] = ()) -> None:
        self._database = database
        self._procedures = procedures

    @activity.defn(name="case_basis")
    async def case_basis(self, wanted: BasisWanted) -> Basis:
        """What a case begins with, or what the record has of it, where it is to be rebuilt.

        Said at once, not tried again: an unknown or wrong procedure ("WrongProcedure"), a case that the record has
        open and Temporal does not run ("LostCase"), and that there is nothing to rebuild one from ("NoRecord"). An
        episode is in the records only once its first batch is written, so a second try counts the same.
        """
        return await in_a_moment(self._recorded(wanted.reference) if wanted.rebuild else self._new(wanted))

    async def _new(self, wanted: BasisWanted) -> Basis:
        """What a new case, or a further episode, begins with."""
        try:
            procedure = await asyncio.to_thread(load, wanted.procedure, self._procedures)
        except WrongProcedure as problem:
            raise ApplicationError(str(problem), type="WrongProcedure", non_retryable=True) from None
        calendar = await asyncio.to_thread(bank_holidays)
        async with self._database.transaction() as connection:
            for row in await connection.fetch("SELECT day FROM s47.holiday ORDER BY day"):
                calendar = calendar.with_proclaimed(row["day"])
            await _keep(connection, procedure, calendar)
            known = await connection.fetchrow(
                "SELECT episode, closed_at FROM s47.case WHERE reference = $1 ORDER BY episode DESC LIMIT 1",
                wanted.reference,
            )
            if known is not None and known["closed_at"] is None:
                raise ApplicationError(
                    f"Temporal has lost case {wanted.reference}, which the record has as open. "
                    f"Rebuild it first: s47 rebuild {wanted.reference}",
                    type="LostCase",
                    non_retryable=True,
                )
            last = known["episode"] if known else 0
            return Basis(
                procedure=procedure,
                bank_holidays=calendar,
                episode=last + 1,
                referrals=await _referrals(connection, wanted.reference, before=last + 1),
            )

    async def _recorded(self, reference: str) -> Basis:
        """The last episode of a case, from the record alone."""
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            last = await connection.fetchrow(
                """
                SELECT episode, announced, batch, batch_at, opened_with, procedure.body AS procedure,
                    calendar.version, dates
                FROM s47.case AS this
                LEFT JOIN s47.procedure ON fingerprint = opened_with
                LEFT JOIN s47.calendar ON calendar.version = this.calendar
                WHERE reference = $1 ORDER BY episode DESC LIMIT 1
                """,
                reference,
            )
            if last is None:
                raise _no_record(f"Case {reference} is not in the record")
            if last["procedure"] is None or last["version"] is None:
                raise _no_record(
                    f"The procedure or the bank holidays that case {reference} opened with are missing from the record"
                )
            episode: int = last["episode"]
            kept = await connection.fetch(KEPT, reference, episode)
            undelivered = await connection.fetch(UNDELIVERED, reference, episode)
            return Basis(
                procedure=await asyncio.to_thread(from_json, last["opened_with"], last["procedure"]),
                bank_holidays=BankHolidays(version=last["version"], dates=tuple(last["dates"])),
                episode=episode,
                referrals=await _referrals(connection, reference, before=episode),
                kept=tuple(Kept(**dict(row)) for row in kept),
                announced=last["announced"],
                batches=last["batch"],
                batch_at=last["batch_at"],
                undelivered=tuple(Notice(**dict(row)) for row in undelivered),
            )


async def _keep(connection: Connection, procedure: Procedure, calendar: BankHolidays) -> None:
    """Keep the snapshots, for a case that is one day rebuilt."""
    await connection.execute(
        "INSERT INTO s47.procedure (fingerprint, body) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        procedure.fingerprint,
        procedure.as_json,
    )
    await connection.execute(
        "INSERT INTO s47.calendar (version, dates) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        calendar.version,
        list(calendar.dates),
    )


async def _referrals(connection: Connection, reference: str, before: int) -> dict[str, str]:
    """The referrals that earlier episodes accepted: message id to the digest of what it said."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """
        SELECT message_id, state->>'digest' AS digest FROM s47.fact
        WHERE reference = $1 AND episode < $2 AND name = $3 AND fact IS NOT NULL AND message_id IS NOT NULL
        ORDER BY episode, number
        """,
        reference,
        before,
        ReferralReceived.name,
    )
    return {row["message_id"]: row["digest"] for row in rows}


def _no_record(text: str) -> ApplicationError:
    return ApplicationError(text, type="NoRecord", non_retryable=True)


def bank_holidays(year: int | None = None) -> BankHolidays:
    """The bank holidays of England and Wales from some years before the given one (this one) to many after it."""
    middle = year or datetime.now(UTC).year
    return _bank_holidays(middle - YEARS_BEFORE, middle + YEARS_AFTER)


@lru_cache
def _bank_holidays(first: int, last: int) -> BankHolidays:
    days = country_holidays("GB", subdiv="ENG", years=range(first, last + 1))
    return BankHolidays(
        version=f"holidays {version('holidays')} GB-ENG {first}-{last}",
        # A holiday of the last year may be kept on a day of the next one.
        dates=tuple(sorted(day for day in days if first <= day.year <= last)),
    )
