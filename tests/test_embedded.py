"""The embedded servers: real processes, in folders of the tests' own."""

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from starter.embedded import (
    Addresses,
    EmbeddedError,
    embedded_stack,
    keep_running,
    postgres_server,
    read_addresses,
    temporal_path,
    temporal_server,
    test_server_path,
    throwaway_postgres,
)

ROOT = Path(__file__).parent.parent
STAGE = SearchAttributeKey.for_keyword("Stage")
OVERDUE = SearchAttributeKey.for_keyword_list("Overdue")

# What `s47 up` amounts to, less the worker.
UP = """
import asyncio, json, sys
from dataclasses import asdict
from pathlib import Path
from starter.embedded import EmbeddedError, embedded_stack, run_until_stopped

def report(text):
    print(text, flush=True)

async def main():
    folder, elsewhere, port = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    stack = embedded_stack(folder, temporal_port=port, ui_port=None, search_attributes={"Stage": "Keyword"},
                           report=report, elsewhere=elsewhere)
    async with stack as addresses:
        report(json.dumps(asdict(addresses)))
        await asyncio.Event().wait()

try:
    run_until_stopped(main(), report)
except EmbeddedError as error:
    sys.exit(str(error))
"""

as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="what is special about root only root can show")


@dataclass
class Place:
    """A state folder to be, and the folder that stands in for /var/lib/s47."""

    folder: Path
    elsewhere: Path
    lines: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def stack(self, port: int, **search_attributes: str) -> AsyncIterator[Addresses]:
        async with embedded_stack(
            self.folder,
            temporal_port=port,
            ui_port=None,
            search_attributes={"Stage": "Keyword", **search_attributes},
            report=self.lines.append,
            elsewhere=self.elsewhere,
        ) as addresses:
            yield addresses

    @asynccontextmanager
    async def postgres(self) -> AsyncIterator[str]:
        async with postgres_server(self.folder, self.lines.append, elsewhere=self.elsewhere) as dsn:
            yield dsn

    def up(self, port: int, *, python: str = sys.executable, user: int | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [python, "-c", UP, str(self.folder), str(self.elsewhere), str(port)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))},
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


@pytest.fixture
def place() -> Iterator[Place]:
    """Where Postgres' user can reach it (pytest's own folders are closed to others), short, and removed."""
    base = Path(tempfile.mkdtemp(prefix="s47-test-", dir="/tmp"))
    if os.geteuid() == 0:
        base.chmod(0o711)
    yield Place(base / "state", base / "elsewhere")
    left = programs_of(base)
    for process in left:
        process.kill()
    shutil.rmtree(base, ignore_errors=True)
    assert not left, "these were left running"


def programs_of(folder: Path) -> list[psutil.Process]:
    """The servers that run on a folder: by their arguments, their working folder or their open log."""
    processes = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() in ("temporal", "postgres") and str(folder) in " ".join(
                (*process.cmdline(), process.cwd())
            ):
                processes.append(process)
    return processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)


async def printed_addresses(up: "subprocess.Popen[str]") -> tuple[Addresses, list[str]]:
    """What a started UP says until it is up."""
    assert up.stdout
    lines: list[str] = []
    while line := await asyncio.to_thread(up.stdout.readline):
        if line.startswith("{"):
            return Addresses(**json.loads(line)), lines
        lines.append(line.strip())
    raise AssertionError(f"it ended: {lines}")


async def write(dsn: str, word: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", word)
    await connection.close()


async def kept(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT word FROM kept")
    await connection.close()
    return [row["word"] for row in rows]


async def start_case(server: str, case: str) -> None:
    client = await Client.connect(server)
    attributes = TypedSearchAttributes([SearchAttributePair(STAGE, "referral")])
    await client.start_workflow("Case", id=case, task_queue="none", search_attributes=attributes)


async def cases(server: str) -> list[str]:
    client = await Client.connect(server)
    return [execution.id async for execution in client.list_workflows("Stage = 'referral'")]


async def test_a_stack_is_where_it_was_after_a_stop(place: Place) -> None:
    assert read_addresses(place.folder) is None
    async with place.stack(free_port()) as addresses:
        assert read_addresses(place.folder) == addresses
        await write(addresses.postgres, "é")
        await start_case(addresses.temporal, "case-1")
        await until(lambda: is_listed(addresses, "case-1"))

        client = await Client.connect(addresses.temporal)
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
        assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)

        with pytest.raises(EmbeddedError, match=rf"already running on .*state \(process {os.getpid()}\)"):
            async with place.stack(free_port()):
                pass
        assert read_addresses(place.folder) == addresses
        assert await kept(addresses.postgres) == ["é"]

    assert read_addresses(place.folder) is None
    assert programs_of(place.folder) == []

    # A newer version may know more search attributes than the one that made the database.
    async with place.stack(free_port(), Overdue="KeywordList") as addresses:
        assert await kept(addresses.postgres) == ["é"]
        assert await cases(addresses.temporal) == ["case-1"]
        client = await Client.connect(addresses.temporal)
        attributes = TypedSearchAttributes([SearchAttributePair(OVERDUE, ["visit"])])
        await client.start_workflow("Case", id="case-2", task_queue="none", search_attributes=attributes)
    assert place.lines == []


async def is_listed(addresses: Addresses, case: str) -> bool:
    return case in await cases(addresses.temporal)


async def test_what_a_killed_parent_left_running_is_stopped_at_the_next_start(place: Place) -> None:
    # The folder is also a deep one with odd characters, so the socket lies outside it.
    place.folder = place.folder / "a folder, \"quoted\" & 100% of 'é' #?" / ("deep" * 20)
    port = free_port()
    up = place.up(port)
    first, _ = await printed_addresses(up)
    sockets = Path(first.postgres.partition("host=")[2].partition("&")[0])
    assert sockets.parent == Path("/tmp")
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    await write(first.postgres, "written before the kill")
    await start_case(first.temporal, "case-1")
    up.kill()
    up.communicate()
    assert {process.name() for process in programs_of(place.folder)} == {"temporal", "postgres"}
    assert read_addresses(place.folder) is None

    up = place.up(port)
    second, lines = await printed_addresses(up)
    assert second.temporal == first.temporal, "on the port it had"
    assert not sockets.exists()
    assert sorted(line.split(" (")[0] for line in lines) == [
        "Postgres still runs from an earlier time",
        "Temporal still runs from an earlier time",
    ]
    assert await kept(second.postgres) == ["written before the kill"]
    await until(lambda: is_listed(second, "case-1"))

    up.send_signal(signal.SIGINT)
    up.send_signal(signal.SIGTERM)
    last_words, _ = up.communicate(timeout=20)
    assert (up.returncode, last_words.splitlines()[0]) == (0, "Stopping.")
    assert programs_of(place.folder) == []


async def test_ports_in_use_are_replaced_and_named(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as taken_ui:
        port, ui_port = taken.getsockname()[1], taken_ui.getsockname()[1]
        async with temporal_server(
            place.folder,
            place.lines.append,
            search_attributes={"Stage": "Keyword", "Overdue": "KeywordList"},
            port=port,
            ui_port=ui_port,
        ) as addresses:
            chosen, chosen_ui = int(addresses.server.rpartition(":")[2]), int(addresses.web_ui.rpartition(":")[2])
            assert place.lines == [
                f"Port {port} is in use by another program: Temporal is on port {chosen} instead.",
                f"Port {ui_port} is in use by another program: its Web UI is on port {chosen_ui} instead.",
            ]
            assert chosen > port and chosen_ui > ui_port
            reader, writer = await asyncio.open_connection("127.0.0.1", chosen_ui)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            assert b"200 OK" in await reader.readline()
            writer.close()
            assert listens_beyond_this_machine(place.folder) == []


def listens_beyond_this_machine(folder: Path) -> list[str]:
    [server] = programs_of(folder)
    listening = [each.laddr for each in server.net_connections() if each.status == psutil.CONN_LISTEN]
    assert listening
    return [address.ip for address in listening if address.ip != "127.0.0.1"]


async def test_a_server_that_cannot_start_says_its_last_words(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "temporal.db").write_text("no database")
    with pytest.raises(EmbeddedError, match=r"(?s)Temporal did not start \(exit code 1\).*not a database"):
        async with place.stack(free_port()):
            pass
    assert programs_of(place.folder) == []


async def test_postgres_comes_back_when_it_is_killed(place: Place) -> None:
    async with place.postgres() as dsn:
        await write(dsn, "durable")
        postmaster = postmaster_of(place.folder)
        postmaster.kill()

        async def answers() -> bool:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return await kept(dsn) == ["durable"]
            return False

        await until(answers)
        assert postmaster_of(place.folder).pid != postmaster.pid
    assert "Postgres stopped by itself (SIGKILL); starting it again in 0.5 seconds." in place.lines[0]


def postmaster_of(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "postgres/data/postmaster.pid").read_text().split()[0]))


async def test_an_interrupted_beginning_and_a_recycled_pid_do_no_harm(place: Place) -> None:
    (place.folder / "postgres").mkdir(parents=True)
    (place.folder / "postgres/data.unfinished").mkdir()
    (place.folder / "postgres/data.unfinished/PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(place.folder / "postgres", nobody.pw_uid, nobody.pw_gid)
    async with place.postgres() as dsn:
        await write(dsn, "begun")
    # As after a power cut or in a new container: the pid is another program's now, of the same user.
    user = (place.folder / "postgres/data").stat().st_uid
    other = subprocess.Popen(["sleep", "60"], user=user if os.geteuid() == 0 else None)
    (place.folder / "postgres/data/postmaster.pid").write_text(f"{other.pid}\n")
    try:
        async with place.postgres() as dsn:
            assert await kept(dsn) == ["begun"]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@as_root_only
async def test_root_s_records_go_elsewhere_when_postgres_cannot_reach_the_folder(place: Place) -> None:
    closed = place.folder.parent / "closed"
    closed.mkdir(mode=0o700)
    place.folder = closed / "clone" / "state"
    async with place.postgres() as dsn:
        await write(dsn, "kept elsewhere")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    there = Path((place.folder / "postgres-is-elsewhere").read_text().strip())
    assert there.parent == place.elsewhere
    assert stat.S_IMODE(there.stat().st_mode) == 0o700
    assert f"its files are kept in {there} instead" in place.lines[-1]

    async with place.postgres() as dsn:
        assert await kept(dsn) == ["kept elsewhere"]

    # Removing the state folder begins anew, and loses nothing for good.
    shutil.rmtree(place.folder)
    async with place.postgres() as dsn:
        with pytest.raises(asyncpg.UndefinedTableError):
            await kept(dsn)
    assert (place.elsewhere / f"{there.name}.previous" / "data").is_dir()

    shutil.rmtree(there)
    with pytest.raises(EmbeddedError, match="nothing is there"):
        async with place.postgres():
            pass


@as_root_only
async def test_an_ordinary_user_needs_nothing_else(place: Place) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    python = next((each for each in pythons() if runs_for(nobody, each)), None)
    if python is None:
        pytest.skip("no Python and packages that an ordinary user can reach")
    os.chown(place.folder.parent, nobody, nobody)
    up = place.up(free_port(), python=python, user=nobody)
    addresses, lines = await printed_addresses(up)
    assert lines == []
    assert {process.uids().real for process in programs_of(place.folder)} == {nobody}
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    await start_case(addresses.temporal, "case-1")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):  # not even root comes in
        await asyncpg.connect(addresses.postgres)
    # Root, starting later on the same folder, runs Postgres as the one whose records they are.
    up.terminate()
    up.communicate(timeout=20)
    assert programs_of(place.folder) == []
    async with place.postgres() as dsn:
        await write(dsn, "root's")
        assert postmaster_of(place.folder).uids().real == nobody


def pythons() -> list[str]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return [sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"]


def runs_for(user: int, python: str) -> bool:
    look = "import starter.embedded as e; assert e.temporal_path()"
    environment = {"PYTHONPATH": os.pathsep.join((str(ROOT), sysconfig.get_path("purelib")))}
    try:
        tried = subprocess.run(
            [python, "-c", look],
            env=environment,
            cwd="/",
            user=user,
            group=user,
            extra_groups=[],
            check=False,
        )
    except OSError:
        return False
    return tried.returncode == 0


async def test_a_folder_that_is_none(place: Place) -> None:
    place.folder.write_text("")
    with pytest.raises(EmbeddedError, match="is not a folder"):
        async with place.postgres():
            pass


async def test_a_throw_away_database_leaves_nothing() -> None:
    async with throwaway_postgres() as dsn:
        await write(dsn, "one")
        assert await kept(dsn) == ["one"]
        folder = Path(dsn.partition("host=")[2].partition("/postgres/socket")[0])
        assert folder.is_dir()
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT lower('É') || current_setting('is_superuser')") == "éoff"
        await connection.close()
    assert not folder.exists()
    assert programs_of(folder) == []


async def test_a_worker_that_dies_is_started_again_and_stopped_at_the_end(place: Place) -> None:
    log, lines = place.folder.parent / "worker.log", place.lines
    # Dies once; then stays, and does not heed SIGTERM.
    script = """
        cd "$1"; echo "started $$ $GREETING"
        [ -e died ] || { touch died; exit 3; }
        trap "" TERM; while :; do sleep 1; done
    """
    command = ["/bin/sh", "-c", script, "worker", str(log.parent)]
    task = asyncio.create_task(keep_running(command, {"GREETING": "hello"}, log, lines.append, grace=0.2))
    await until(lambda: log.exists() and log.read_text().count("hello") == 2)
    worker = psutil.Process(int(log.read_text().split()[-2]))
    assert [line.partition(" What it said")[0] for line in lines] == [
        "The worker stopped by itself (exit code 3); starting it again in 0.5 seconds."
    ]
    assert worker.is_running()

    # Another keeper of the same log first stops what it finds: it takes it for an earlier run's.
    second = asyncio.create_task(keep_running(command, {"GREETING": "again"}, log, lines.append, grace=0.2))
    await until(lambda: "again" in log.read_text())
    assert f"The worker still runs from an earlier time (process {worker.pid}); stopping it." in lines
    assert not worker.is_running()

    for each in (task, second):
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each
    pids = [int(line.split()[1]) for line in log.read_text().splitlines()]
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_the_programs_are_found_in_their_packages() -> None:
    for path in (temporal_path(), test_server_path()):
        assert path.is_absolute()
        lines = subprocess.run([path], capture_output=True, text=True, check=False)
        assert "usage" in (lines.stdout + lines.stderr).lower()
