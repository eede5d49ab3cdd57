"""For tests that touch the records: a real Postgres, and a database of the test's own.

A test module takes the fixtures in with `pytest_plugins = ("tests.postgres",)`: `database` is all most tests need.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from activities.database import Database
from starter.embedded import throwaway_postgres

OWNER = "s47"
NUMBERS = count(1)
KEYS = ("reference", "episode", "chain", "number", "id", "day", "fingerprint", "version")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """One Postgres for all tests of this process: the DSN of a database in it."""
    with asyncio.Runner() as runner:
        server = throwaway_postgres()
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
async def dsn(postgres_server: str) -> AsyncIterator[str]:
    """An empty database for one test."""
    async with fresh_database(postgres_server) as dsn:
        yield dsn


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """The records of one test, empty."""
    database = Database(dsn)
    yield database
    await database.close()


@pytest.fixture
def state_folder() -> Iterator[Path]:
    """A folder for servers of the test's own, where the user that Postgres runs as can reach it."""
    folder = Path(tempfile.mkdtemp(prefix="s47-test-", dir="/tmp"))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_database(dsn_of_server: str) -> AsyncIterator[str]:
    """An empty database on that server, and its DSN. It is dropped after the block, whoever is still connected."""
    name = f"test_{next(NUMBERS)}"
    superuser = await asyncpg.connect(dsn_of_server, user="postgres", database="postgres")
    try:
        await superuser.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        yield dsn_of_server.replace(f"@/{OWNER}?", f"@/{name}?")
        await superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await superuser.close()


async def rows(dsn: str, table: str) -> list[dict[str, Any]]:
    """Everything in a table, in a fixed order."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = [dict(row) for row in await connection.fetch(f"SELECT * FROM s47.{table}")]
    finally:
        await connection.close()
    return sorted(rows, key=lambda row: [row[key] for key in KEYS if key in row])
