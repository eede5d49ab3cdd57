"""Migrations: plain SQL files, applied in the order of their names, forward only.

A migration that was applied is never edited; what was wrong is mended by a further one. Workers of several versions
may run side by side on one database, so a migration only ever adds what an older worker can do without.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from connection.settings import WrongSettings

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"
"""A connection of one's own, or one lent by a pool."""

LOCK = 4_700_047
"""The advisory lock that lets one worker migrate while the others wait."""


class WrongMigrations(WrongSettings):
    """The database and the migration files of this version do not belong together."""


@dataclass(frozen=True)
class Migration:
    """One file: its name, which says its place, and its SQL."""

    name: str
    sql: str

    @cached_property
    def checksum(self) -> str:
        """The SHA-256 of its text."""
        return sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """The migrations that come with this version, in order."""
    migrations = [
        Migration(file.name, file.read_text(encoding="utf-8"))
        for file in files("activities").joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(migrations, key=lambda migration: migration.name)


async def migrate(connection: Connection, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the schema up to date, all or nothing, and give the names of what was applied.

    Any number of workers may do so at once. A database that is ahead of this version is left as it is.
    Raises `WrongMigrations`.
    """
    wanted = shipped() if migrations is None else migrations
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        # Nothing is made that is there: a worker whose role may only read and add comes this way too.
        if await connection.fetchval("SELECT to_regclass('s47.migration')") is None:
            await connection.execute(
                """
                CREATE SCHEMA IF NOT EXISTS s47;
                CREATE TABLE s47.migration (
                    name text PRIMARY KEY,
                    checksum text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                );
                COMMENT ON TABLE s47.migration IS 'The migrations that were applied, and the SHA-256 of each file.';
                """
            )
        rows = await connection.fetch("SELECT name, checksum FROM s47.migration")
        applied: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
        for migration in wanted:
            if migration.name in applied and applied[migration.name] != migration.checksum:
                raise WrongMigrations(
                    f"{migration.name} was changed after it was applied to this database. "
                    "Put the file back as it was, and write a further migration instead."
                )
        missing = [migration for migration in wanted if migration.name not in applied]
        for migration in missing:
            if applied and migration.name < max(applied):
                raise WrongMigrations(
                    f"{migration.name} was never applied to this database, but {max(applied)} was. "
                    "A new migration is named so that it comes last."
                )
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO s47.migration (name, checksum) VALUES ($1, $2)", migration.name, migration.checksum
            )
    return [migration.name for migration in missing]
