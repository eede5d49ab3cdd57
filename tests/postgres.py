"""For tests that touch the records: a real Postgres, a database of the test's own, and real cases to record.

A test module takes the fixtures in with `pytest_plugins = ("tests.postgres",)`: `database` is all most tests need.

PYTEST_DONT_REWRITE: it is imported by name too, before pytest comes to its assertions.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from activities.basis import bank_holidays
from activities.database import Database
from casework import decide
from casework.batch import Batch, batch_of
from casework.effects import Decided, Effect
from casework.messages import MESSAGES
from casework.procedure_files import load
from connection.temporal import DATA_CONVERTER
from starter.embedded import throwaway_postgres

OWNER = "s47"
NUMBERS = count(1)
NINE = datetime(2026, 4, 1, 8, tzinfo=UTC)
"""Wednesday 1 April 2026, nine in the morning in London."""


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


class Life:
    """A case lived through in the core, its effects gathered into batches as the workflow does."""

    def __init__(self, reference: str = "R-1", episode: int = 1, *, began: datetime = NINE) -> None:
        self.case = decide.unopened(reference, episode, load("P"), bank_holidays(began.year))
        self.now = began
        self._effects: list[Effect] = []
        self._batches = 0
        self._messages = 0

    def tell(self, name: str, role: str, person: str, /, after: timedelta = timedelta(), **said: Any) -> "Life":
        """A message, sent some time after the last thing that happened. It must be accepted."""
        self.now += after
        self._messages += 1
        body: Mapping[str, Any] = {
            "id": f"m-{self._messages}",
            "occurred_at": self.now,
            "by": {"role": role, "person": person},
            **said,
        }
        decided = decide.receive(self.case, MESSAGES[name].model_validate(body), self.now)
        assert isinstance(decided, Decided), decided.reason
        return self._become(decided)

    def wait(self, pause: timedelta) -> "Life":
        """Time passes, and what is missed meanwhile is missed."""
        self.now += pause
        return self._become(decide.wake(self.case, self.now))

    def referred(self, team: str = "North", **said: Any) -> "Life":
        """A referral of a child of three."""
        return self.tell(
            "referral_received",
            "police",
            "pc-1",
            person=f"child-of-{self.case.reference}",
            date_of_birth="2023-02-03",
            source="police",
            team=team,
            **said,
        )

    def asked_for_strategy(self) -> "Life":
        """The assistant team manager asks the team manager for a strategy discussion."""
        return self.tell("strategy_requested", "assistant team manager", "atm-1", after=timedelta(minutes=30))

    def enquired(self, social_worker: str = "sw-1") -> "Life":
        """Allocated, and section 47 enquiries initiated: the child is to be seen within 24 hours."""
        self.tell("social_worker_allocated", "team manager", "tm-1", social_worker=social_worker)
        self.asked_for_strategy()
        request = self.case.waiting_requests[0].id
        self.tell("authorisation", "team manager", "tm-1", request=request, decision="authorise")
        return self.tell(
            "strategy_outcome",
            "team manager",
            "tm-1",
            after=timedelta(hours=1),
            decision="section 47",
            attended_by=["team manager", "social worker", "police", "health"],
        )

    def batch(self) -> Batch:
        """What happened since the last batch, as an activity receives it: turned into a payload and back."""
        self._batches += 1
        effects, self._effects = tuple(self._effects), []
        converter = DATA_CONVERTER.payload_converter
        [batch] = converter.from_payloads(converter.to_payloads([batch_of(self.case, effects, self._batches)]), [Batch])
        assert isinstance(batch, Batch)
        return batch

    def _become(self, decided: Decided) -> "Life":
        self.case = decided.case
        self._effects += decided.effects
        return self


async def rows(dsn: str, table: str) -> list[dict[str, Any]]:
    """Everything in a table, in a fixed order."""
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch(f"SELECT * FROM s47.{table} ORDER BY 1, 2, 3")]
    finally:
        await connection.close()
