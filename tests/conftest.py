"""What several test modules share: the office, which is Temporal, the records and a worker, as real processes."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from activities.database import Database
from starter.cases import reach
from tests.office import Office, OneCase, start_temporal
from tests.postgres import fresh_database

pytest_plugins = ("tests.postgres", "tests.tracing")


@pytest.fixture(scope="session")
def office(postgres_server: str) -> Iterator[Office]:
    """Temporal, an empty database and a worker for all tests of this process."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory(prefix="s47-office-") as folder:
        temporal = runner.run(start_temporal())
        database = fresh_database(postgres_server)
        dsn = runner.run(database.__aenter__())
        made = Office(temporal.client.service_client.config.target_host, dsn, Path(folder))
        with made.worker():
            runner.run(reach.worker_ready(temporal.client))
            yield made
        runner.run(database.__aexit__(None, None, None))
        runner.run(temporal.shutdown())


@pytest.fixture
async def records(office: Office) -> AsyncIterator[Database]:
    """The records of the office, to read in."""
    async with office.records() as records:
        yield records


@pytest.fixture
async def case(office: Office) -> OneCase:
    """A child's case on the process map, under enquiry."""
    case = await office.case("CASE")
    await case.enquired()
    return case
