"""What several test modules share: the office, which is Temporal, the records and a worker, as real processes."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from connection.search_attributes import ALL
from starter.embedded import temporal_path
from starter.embedded.temporal import DYNAMIC_CONFIG
from tests.office import Office
from tests.postgres import fresh_database

pytest_plugins = ("tests.postgres",)


@pytest.fixture(scope="session")
def office(postgres_server: str) -> Iterator[Office]:
    """Temporal, an empty database and a worker for all tests of this process."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory(prefix="s47-office-") as folder:
        server = runner.run(
            WorkflowEnvironment.start_local(
                dev_server_existing_path=str(temporal_path()),
                dev_server_extra_args=[
                    part
                    for name, value in DYNAMIC_CONFIG.items()
                    for part in ("--dynamic-config-value", f"{name}={json.dumps(value)}")
                ],
                dev_server_log_level="error",
                search_attributes=list(ALL),
            )
        )
        database = fresh_database(postgres_server)
        dsn = runner.run(database.__aenter__())
        made = Office(server.client.service_client.config.target_host, dsn, Path(folder))
        with made.worker():
            yield made
        runner.run(database.__aexit__(None, None, None))
        runner.run(server.shutdown())
