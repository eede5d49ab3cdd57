"""The records' database. It need not be there when the worker starts, and may go away and come back at any time."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg

from activities.migrate import Connection, migrate
from connection.settings import WrongSettings

CONNECT_SECONDS = 10.0
QUERY_SECONDS = 20.0


class DatabaseFailed(Exception):
    """Postgres did not do what was asked. It says why, never with which values: those are a child's.

    `sqlstate` is Postgres' own code of the error, where it gave one.
    """

    def __init__(self, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


class Database:
    """The database at a DSN. Nothing is connected before the first use, which also brings the schema up to date."""

    def __init__(self, dsn: str, *, most_connections: int = 10) -> None:
        self._dsn = dsn
        self._most_connections = most_connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def prepare(self) -> None:
        """Bring the schema up to date now. Raises `DatabaseFailed`, `WrongMigrations`, `WrongSettings`."""
        async with self.connection():
            pass

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for the length of the block. Raises `DatabaseFailed` for whatever Postgres refuses in it."""
        with _without_values():
            try:
                pool = await self._opened()
                connection = await pool.acquire(timeout=CONNECT_SECONDS)
            except OSError as error:
                raise DatabaseFailed(f"Postgres does not answer ({type(error).__name__})") from None
            try:
                yield connection
            finally:
                await pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: all of the block is written, or nothing."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Let go of every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), CONNECT_SECONDS)
            except TimeoutError:
                pool.terminate()

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                await self._migrate()
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=self._most_connections,
                    timeout=CONNECT_SECONDS,
                    command_timeout=QUERY_SECONDS,
                    reset=_as_it_is,
                )
            return self._pool

    async def _migrate(self) -> None:
        try:
            connection = await asyncpg.connect(self._dsn, timeout=CONNECT_SECONDS)
        except ValueError as problem:
            raise WrongSettings(f"S47_POSTGRES: this is no DSN of a database: {problem}") from None
        try:
            await migrate(connection)
        finally:
            with suppress(OSError, asyncpg.PostgresError):
                await connection.close(timeout=CONNECT_SECONDS)


@contextmanager
def _without_values() -> Iterator[None]:
    """Errors without the values they are about: a failure is kept in histories and logs, and the values are a child's.

    Postgres quotes the row in the detail of an error, and in the message of a data exception (class 22).
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        code = error.sqlstate or ""
        detail = type(error).__name__ if code.startswith("22") else error.args[0]
        raise DatabaseFailed(f"Postgres: {detail} ({code})", error.sqlstate) from None
    except asyncpg.InterfaceError as error:
        raise DatabaseFailed(f"Postgres: {error.args[0]}") from None


async def _as_it_is(connection: Connection) -> None:
    """Leave a connection as it comes back: nothing is ever set on one beyond a transaction, and asking costs a turn."""
